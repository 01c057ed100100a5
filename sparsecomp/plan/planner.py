"""Program and board to a plan: constants, buffers, arenas, restart units."""

from __future__ import annotations

from collections.abc import Sequence

from sparsecomp.boards import Board, list_boards, load_board
from sparsecomp.errors import DoesNotFitError, SparseCompError
from sparsecomp.kernels import kernel
from sparsecomp.plan import PROGRESS_WORDS, Arena, Buffer, Placement, Plan
from sparsecomp.plan.arena import place
from sparsecomp.plan.buffers import live_buffers, live_words
from sparsecomp.plan.check import check
from sparsecomp.plan.units import cut
from sparsecomp.program import Program, Stored

# All kernels and the runtime with msp430-elf-gcc 12.2 -O2 -mlarge take 11.4 KB; a firmware links fewer. It is
# replaced by the linked size once there is an ELF.
CODE_BYTES = 12 * 1024


class _SizeOnly:
    """Names for rendering a step only to count its constant bytes."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.is_float = program.numeric == "float32"

    def at(self, tensor: str, element: int) -> str:
        return "0"

    def tensor(self, name: str) -> Stored:
        return self.program.tensors[name]

    def wire(self, port: str) -> str:
        return "0"


def constant_bytes(program: Program) -> tuple[int, ...]:
    """Constant data of each step in bytes, as the linker will place it."""
    names = _SizeOnly(program)
    return tuple(kernel(step.kernel).render(step, names).nbytes for step in program.steps)


def make_plan(program: Program, board: Board, *, volatile_input: bool = False) -> Plan:
    """The plan, checked. Raises DoesNotFitError with the layer, the bytes and the nearest thing that would fit."""
    buffers, offsets, wire_words = live_buffers(program, volatile_input)
    units, charge = cut(program, board, wire_words)
    weights = constant_bytes(program)
    code = 0 if board.is_host else CODE_BYTES
    state = 2 * (PROGRESS_WORDS + (0 if volatile_input else wire_words))
    spans = _free_spans(board, code + state)
    placements, arenas = _place(program, board, buffers, spans, sum(weights), code + state)
    tables = _place_tables(program, board, weights, spans, arenas)
    plan = Plan(
        program, board, placements, arenas, units, charge, weights, wire_words, offsets, volatile_input, code, tables
    )
    return check(plan)


def _free_spans(board: Board, first_bytes: int) -> list[tuple[str, int, int]]:
    """(region, start, bytes) for constants and feature maps; code and protocol come off the first ones."""
    spans = []
    for region, start, size in board.spans("arena"):
        taken = min(first_bytes, size) if region.name == board.spans("arena")[0][0].name else 0
        first_bytes -= taken
        spans.append((region.name, start + taken, size - taken))
    return spans


def _place(program: Program, board: Board, buffers: tuple[Buffer, ...], spans, weight_bytes: int, fixed: int):
    free = sum(size for _, _, size in spans) - weight_bytes
    live, when = live_words(buffers)
    if free < 2 * live or not spans:
        _refuse(program, board, weight_bytes, live, when, fixed)
    # Largest span first: one arena wherever everything fits into one. Constants take what is left.
    order = sorted(range(len(spans)), key=lambda i: -spans[i][2])
    rest: Sequence[Buffer] = buffers
    chosen: list[tuple[int, dict[str, int], Sequence[Buffer]]] = []
    for i in order:
        capacity = spans[i][2] // 2
        mine = list(rest)
        offsets = place(mine)
        while mine and max(offsets[b.name] + b.words for b in mine) > capacity:
            mine.remove(max(mine, key=lambda b: b.words))
            offsets = place(mine)
        if mine:
            chosen.append((i, offsets, mine))
        rest = [b for b in rest if b not in mine]
        if not rest:
            break
    if rest:
        _refuse(program, board, weight_bytes, live, when, fixed)
    placements, arenas = {}, []
    for number, (i, offsets, mine) in enumerate(chosen):
        region, start, size = spans[i]
        words = max(offsets[b.name] + b.words for b in mine)
        arenas.append(Arena(region, start, words, size // 2, live_words(tuple(mine))[0]))
        placements |= {b.name: Placement(b, number, offsets[b.name]) for b in mine}
    return placements, tuple(arenas)


def _place_tables(program: Program, board: Board, weights, spans, arenas) -> dict[str, int]:
    """Bytes of constants in each region, largest step first into the roomiest region."""
    used = {a.region: 2 * a.words for a in arenas}
    free = {name: size - used.get(name, 0) for name, _, size in spans}
    tables = dict.fromkeys(free, 0)
    for index in sorted(range(len(weights)), key=lambda i: -weights[i]):
        region = max(free, key=lambda name: free[name])
        if weights[index] > free[region]:
            step = program.steps[index]
            raise DoesNotFitError(
                f"layer '{step.name}' needs {weights[index]} bytes of constants, {board.name} has {free[region]} left "
                "in one piece",
                "make the layer smaller or sparser",
            )
        free[region] -= weights[index]
        tables[region] += weights[index]
    return tables


def _refuse(program: Program, board: Board, weight_bytes: int, live: int, when: int, fixed: int) -> None:
    """Raises with the layer that weighs most, and what would fit."""
    have = sum(size for _, _, size in board.spans("arena"))
    need = weight_bytes + 2 * live + fixed
    sizes = constant_bytes(program)
    if weight_bytes >= 2 * live:
        worst = max(range(len(sizes)), key=lambda i: sizes[i])
        cause = f"layer '{_label(program, worst)}' alone has {sizes[worst]} bytes of weights"
    else:
        at = min(max(when, 0), len(program.steps) - 1)
        cause = f"at layer '{_label(program, at)}' {2 * live} bytes of feature maps are alive at once"
    hint = nearest(program, board, need)
    left = have - fixed - 2 * live
    if 0 < left < weight_bytes and weight_bytes >= 2 * live:
        hint += f"; or keep at most {100 * left // weight_bytes} % of the weight bytes (prune, --encoding csr)"
    raise DoesNotFitError(
        f"the model needs {need} bytes of FRAM, {board.name} has {have} ({need - have} too few): {cause}", hint
    )


def _label(program: Program, index: int) -> str:
    step = program.steps[index]
    return step.name if step.source in ("", step.name) else f"{step.name} ({step.source})"


def nearest(program: Program, board: Board, need: int) -> str:
    """The smallest known board that would hold ``need`` bytes."""
    fitting = []
    for name in list_boards():
        try:
            other = load_board(name)
        except SparseCompError:
            continue
        if other.name != board.name and not other.is_host and other.bytes_for("arena") >= need:
            fitting.append((other.bytes_for("arena"), other.name))
    return f"it would fit {min(fitting)[1]}" if fitting else "no known board holds it: make the network smaller"

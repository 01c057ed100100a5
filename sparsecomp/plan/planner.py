"""Program and board to a plan: constants, buffers, arenas, restart units."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from sparsecomp.board_parts import Region
from sparsecomp.boards import Board, list_boards, load_board
from sparsecomp.errors import ConversionError, DoesNotFitError
from sparsecomp.plan import Arena, Buffer, Placement, Plan, progress_words
from sparsecomp.plan.arena import divide, height, place
from sparsecomp.plan.buffers import live_buffers, live_words
from sparsecomp.plan.check import check
from sparsecomp.plan.choices import Option, Search
from sparsecomp.plan.code import code_bytes
from sparsecomp.plan.overlap import Life, gaps, lives, load
from sparsecomp.plan.separate import search
from sparsecomp.plan.sizes import constant_bytes
from sparsecomp.plan.units import cut
from sparsecomp.program import MAX_ELEMENTS, Program

Span = tuple[Region, int, int]  # region, start, bytes


class NoRoomError(DoesNotFitError):
    """Memory is too small, so another board may help."""


def make_plan(
    program: Program, board: Board, *, volatile_input: bool = False, overlap: bool = True, tiles: str = "fit"
) -> Plan:
    """The plan, checked; without ``overlap`` every layer's input outlives the layer. Layers are computed in parts
    (separate.py) where ``tiles`` is 'least', or 'fit' and the board has too little memory otherwise; with 'none' never.

    Raises DoesNotFitError with the layer, the bytes and the nearest thing that would fit, ConversionError for float32
    curves on a device.
    """
    if program.is_float and not board.is_host:
        _refuse_curves(program, board)
    try:
        if tiles == "least":
            tried = search(program, board, volatile_input)
            return _separated(tried, tried.least, board, volatile_input)
        return _attempt(program, board, volatile_input, overlap)
    except NoRoomError as refusal:
        if tiles == "fit" and overlap:
            found = _fewest_parts(program, board, volatile_input)
            if found:
                return found
        hints = [hint for hint in (nearest(program, board, volatile_input), refusal.hint) if hint]
        raise DoesNotFitError(refusal.message, "; or ".join(hints)) from None


def _separated(tried: Search, option: Option, board: Board, volatile_input: bool) -> Plan:
    program = replace(option.program, notes=(*option.program.notes, *tried.notes(option)))
    return replace(_attempt(program, board, volatile_input), separation=tried.told(option))


def _fewest_parts(program: Program, board: Board, volatile_input: bool) -> Plan | None:
    """The plan with the fewest parts that fits, None where none does."""
    _, _, wire_words = live_buffers(program, volatile_input)
    rest = sum(constant_bytes(program)) + sum(_fixed(program, board, wire_words, volatile_input))
    if rest >= sum(size for _, _, size in _spans(board)):
        return None  # no room even without maps
    tried = search(program, board, volatile_input)
    for option in tried.by_parts:
        try:
            return _separated(tried, option, board, volatile_input)
        except NoRoomError:
            continue
    return None


def _refuse_curves(program: Program, board: Board) -> None:
    """The C library's exp and tanh set more variables at start-up than a small charge pays for."""
    for index, step in enumerate(program.steps):
        if step.kernel == "lookup":
            raise ConversionError(
                f"layer '{_label(program, index)}': {step.attrs['function']} in float32 runs on the host only, not on "
                f"{board.name}",
                "take --numeric int8, where it is a table",
            )


def _attempt(program: Program, board: Board, volatile_input: bool, overlap: bool = True) -> Plan:
    """The plan, or DoesNotFitError without a look at other boards."""
    buffers, offsets, wire_words = live_buffers(program, volatile_input)
    units, charge = cut(program, board, wire_words)
    weights = constant_bytes(program)
    _check_words(program, wire_words)
    code, state = _fixed(program, board, wire_words, volatile_input)
    _check_state(board, code, state)
    spans = _free_spans(board, code + state)
    found = lives(program, buffers, units) if overlap else {}
    placements, arenas = _place(program, board, buffers, spans, weights, code + state, found)
    tables, starts = _place_tables(program, board, weights, spans, arenas)
    plan = Plan(
        program,
        board,
        placements,
        arenas,
        units,
        charge,
        weights,
        wire_words,
        offsets,
        volatile_input,
        code,
        tables,
        starts,
    )
    return check(plan)


def fixed_bytes(program: Program, board: Board, wire_words: int, volatile_input: bool) -> int:
    """Bytes of FRAM besides constants and feature maps: the received input, progress, and code at most, whatever
    encoding each layer will have.
    """
    code, state = _fixed(program, board, wire_words, volatile_input)
    return state + (0 if board.is_host else code_bytes(program, board, any_encoding=True))


def _fixed(program: Program, board: Board, wire_words: int, volatile_input: bool) -> tuple[int, int]:
    """Bytes of code, and of input and progress."""
    code = 0 if board.is_host else code_bytes(program, board)
    return code, 2 * (progress_words(program) + (0 if volatile_input else wire_words))


def _check_words(program: Program, wire_words: int) -> None:
    """Lengths are 16 bits of words in C, of which a float takes two."""
    lengths = {f"tensor '{n}'": t.stored * program.element_words for n, t in program.tensors.items()}
    lengths["the input"] = wire_words
    lengths["the outputs"] = sum(math.prod(p.shape) for p in program.outputs) * program.element_words
    for what, words in lengths.items():
        if words > MAX_ELEMENTS:
            raise DoesNotFitError(
                f"{what} of {words} words of 16 bits: the most is {MAX_ELEMENTS}",
                "make it smaller" + (", or take --numeric int8" if program.is_float else ""),
            )


def _check_state(board: Board, code: int, state: int) -> None:
    """Code, the protocol's words and the received input lie together, where 16-bit addresses reach them."""
    if board.is_host:
        return
    _, _, size = board.spans("code")[0]
    if code + state > size:
        raise NoRoomError(
            f"code ({code} bytes) and the received input ({state} bytes) need one piece of {code + state} bytes, "
            f"{board.name} has {size}",
            "take --volatile-input, which puts the input among the feature maps, or a smaller input",
        )


def _spans(board: Board) -> list[Span]:
    """Memory that may hold feature maps or constants, by address."""
    found = {start: (region, start, size) for use in ("arena", "weights") for region, start, size in board.spans(use)}
    return [found[start] for start in sorted(found)]


def _free_spans(board: Board, first_bytes: int) -> list[Span]:
    """The same without code and protocol, which come off the first region for feature maps."""
    first = board.spans("arena")[0][0].name
    spans = []
    for region, start, size in _spans(board):
        taken = min(first_bytes, size) if region.name == first else 0
        first_bytes -= taken
        spans.append((region, start + taken, size - taken))
    return spans


def _place(
    program: Program,
    board: Board,
    buffers: tuple[Buffer, ...],
    spans: Sequence[Span],
    weights: tuple[int, ...],
    fixed: int,
    found: Mapping[str, Life],
) -> tuple[dict[str, Placement], tuple[Arena, ...]]:
    """Where every buffer lies. ``weights`` are bytes of constants, one a step; ``fixed`` those of code and protocol;
    buffers share bytes as far as the lives in ``found`` allow, where there are any.
    """
    free = sum(size for _, _, size in spans) - sum(weights)
    live, when = live_words(buffers)
    overlaps = gaps(found, buffers) if found else {}

    def least(of: Sequence[Buffer]) -> int:
        return int(load(found, [b.name for b in of]).max()) if found else live_words(tuple(of))[0]

    if free < 2 * least(buffers):
        _refuse(program, board, spans, weights, live, when, fixed)
    # Largest span first: one arena wherever everything fits into one. Constants take what is left.
    order = sorted((i for i, s in enumerate(spans) if "arena" in s[0].uses), key=lambda i: -spans[i][2])
    groups = divide(buffers, [spans[i][2] // 2 for i in order], overlaps)
    rest = [b for b in buffers if not any(b in group for group in groups)]
    if rest:
        worst = max(rest, key=lambda b: b.words)
        raise NoRoomError(
            f"layer '{_label(program, max(worst.first, 0))}' needs {2 * worst.words} bytes in one piece for its map, "
            f"{board.name} has no such piece left (the largest is {spans[order[0]][2]} bytes)",
            "make the layer's output smaller: fewer channels, or a larger stride before it",
        )
    placements, arenas = {}, []
    for i, mine in zip(order, groups, strict=True):
        if not mine:
            continue
        offsets = place(mine, gaps=overlaps, bound=least(mine))
        region, start, size = spans[i]
        placements |= {b.name: Placement(b, len(arenas), offsets[b.name]) for b in mine}
        arenas.append(Arena(region.name, start, height(mine, offsets), size // 2, live_words(tuple(mine))[0]))
    return placements, tuple(arenas)


def _place_tables(
    program: Program, board: Board, weights: tuple[int, ...], spans: Sequence[Span], arenas: tuple[Arena, ...]
) -> tuple[dict[str, int], tuple[int, ...]]:
    """Bytes of constants in each region, and the start of each step's span: largest step first, roomiest span first."""
    # A reserved range may cut one region into several spans, so they are told apart by their start.
    used = {a.start: 2 * a.words for a in arenas}
    free = [size - used.get(start, 0) for _, start, size in spans]
    tables = {region.name: 0 for region, _, _ in spans if "weights" in region.uses}
    starts = [0] * len(weights)
    spots = [i for i, (region, _, _) in enumerate(spans) if "weights" in region.uses]
    for index in sorted(range(len(weights)), key=lambda i: -weights[i]):
        spot = max(spots, key=lambda i: free[i])
        if weights[index] > free[spot]:
            step = program.steps[index]
            raise NoRoomError(
                f"layer '{step.name}' needs {weights[index]} bytes of constants, {board.name} has {free[spot]} left "
                "in one piece",
                "make the layer smaller or sparser",
            )
        free[spot] -= weights[index]
        tables[spans[spot][0].name] += weights[index]
        starts[index] = spans[spot][1]
    return tables, tuple(starts)


def _refuse(
    program: Program,
    board: Board,
    spans: Sequence[Span],
    weights: tuple[int, ...],
    live: int,
    when: int,
    fixed: int,
) -> NoReturn:
    """Raises with the layer that weighs most, and what would fit."""
    have = sum(size for _, _, size in _spans(board))
    weight_bytes = sum(weights)
    need = weight_bytes + 2 * live + fixed
    worst = max(range(len(weights)), key=lambda i: weights[i])
    hint = ""
    if weight_bytes >= 2 * live:
        cause = f"layer '{_label(program, worst)}' alone has {weights[worst]} bytes of weights"
        # All weights in what is left, and the largest layer's in one piece.
        piece = max(size for region, _, size in spans if "weights" in region.uses) - 2 * live
        share = min((have - fixed - 2 * live) / weight_bytes, piece / weights[worst])
        if share >= 0.01:
            hint = f"keep at most {int(100 * share)} % of the weight bytes (prune, --encoding csr)"
    else:
        at = min(max(when, 0), len(program.steps) - 1)
        cause = f"at layer '{_label(program, at)}' {2 * live} bytes of feature maps are alive at once"
    raise NoRoomError(
        f"the model needs {need} bytes of FRAM, {board.name} has {have} ({need - have} too few): {cause}", hint
    )


def _label(program: Program, index: int) -> str:
    step = program.steps[index]
    return step.name if step.source in ("", step.name) else f"{step.name} ({step.source})"


def nearest(program: Program, board: Board, volatile_input: bool = False) -> str:
    """The smallest other board that holds the program, as a hint."""
    others = [load_board(name) for name in list_boards() if name != board.name]
    for other in sorted((b for b in others if not b.is_host), key=lambda b: b.bytes_for("arena")):
        try:
            _attempt(program, other, volatile_input)
        except DoesNotFitError:
            continue
        return f"it would fit {other.name}"
    return "no known board holds it: make the network smaller"

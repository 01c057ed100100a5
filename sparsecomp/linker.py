"""The linker script's memory: the board's free spans, and where the plan puts arenas and tables in them."""

from __future__ import annotations

from dataclasses import dataclass

from sparsecomp.boards import Board
from sparsecomp.kernels import rendered
from sparsecomp.plan import Plan
from sparsecomp.plan.code import code_sizes
from sparsecomp.plan.sizes import SizeOnly
from sparsecomp.plan.units import layer_cycles, position_stack, walks

VECTORS = 0xFF90  # of the FR58xx, FR59xx and FR69xx
FIRST_VECTOR, RESET_VECTOR = 0xFFC0, 0xFFFE  # what the firmware writes


@dataclass(frozen=True)
class Piece:
    """A free span of a region, with reserved ranges cut out. Addresses are C literals."""

    name: str
    region: str
    start: str
    size: str
    access: str


@dataclass(frozen=True)
class Place:
    """A section's piece of memory, start address and bytes, as C literals."""

    piece: str
    start: str
    size: str


@dataclass(frozen=True)
class Vector:
    """An interrupt handler ('' for none) and the address of its vector."""

    name: str
    address: str


@dataclass(frozen=True)
class LinkMap:
    """What board.ld says: pieces, the one for code and for RAM, the end of code and state, arenas, tables, vectors."""

    pieces: tuple[Piece, ...]
    code: str
    ram: str
    code_limit: str
    arenas: tuple[Place, ...]
    tables: tuple[Place, ...]
    vectors: tuple[Vector, ...]
    hot: tuple[str, ...]  # sections of code that runs from RAM
    lea_ram: str = ""  # start of the accelerator's RAM, where there is one
    lea_quarter: str = ""  # the same as the accelerator counts, divided by 4


STACK_BYTES = 900  # of RAM that the stack, the serial line's buffers and variables need


def hot_sections(plan: Plan) -> tuple[str, ...]:
    """Walks that run from RAM, where no instruction waits: those with the most cycles, as many as there is room for."""
    board, program = plan.board, plan.program
    if not board.waits:
        return ()
    cycles: dict[str, int] = {}
    names = SizeOnly(program)
    for index, step in enumerate(program.steps):
        if walks(program, step, board):
            name = f"walk_{rendered(step, names).walk}"
            cycles[name] = cycles.get(name, 0) + layer_cycles(plan, index)
    free = board.spans("stack")[0][2] - STACK_BYTES - position_stack(program, board)
    found = []
    for name in ["walk", "stretch", *sorted(cycles, key=lambda name: -cycles[name])] if cycles else ():
        if code_sizes()[name] <= free:
            free -= code_sizes()[name]
            found.append(name)
    return tuple(found)


def link_map(plan: Plan) -> LinkMap:
    """Memory of a plan for a board with FRAM and SRAM."""
    board = plan.board
    spans = {
        start: (region, size)
        for use in ("code", "weights", "arena", "stack")
        for region, start, size in board.spans(use)
    }
    names = {start: f"piece{i}" for i, start in enumerate(sorted(spans))}
    pieces = tuple(
        Piece(names[start], region.name, f"{start:#x}", f"{size:#x}", "rwx" if region.nonvolatile else "rw")
        for start, (region, size) in sorted(spans.items())
    )

    def piece_of(address: int) -> str:
        return names[max(start for start in spans if start <= address)]

    code = board.spans("code")[0][1]
    arenas = tuple(Place(piece_of(a.start), f"{a.start:#x}", f"{2 * a.words:#x}") for a in plan.arenas)
    starts = sorted(set(plan.table_starts))
    sizes = [sum(n for n, at in zip(plan.weight_bytes, plan.table_starts, strict=True) if at == s) for s in starts]
    tables = tuple(Place(piece_of(s), f"{s:#x}", f"{n:#x}") for s, n in zip(starts, sizes, strict=True))
    limit = code + plan.code_bytes + plan.state_bytes
    ram = names[board.spans("stack")[0][1]]
    start = board.lea_ram[0] if board.lea_ram else None
    lea = () if start is None else (f"{start:#x}", f"{start // 4:#x}")
    return LinkMap(pieces, names[code], ram, f"{limit:#x}", arenas, tables, _vectors(board), hot_sections(plan), *lea)


def _vectors(board: Board) -> tuple[Vector, ...]:
    """Every vector below the reset's: one that nobody handles starts the firmware again. All are written, since they
    are the boot loader's password.
    """
    handlers = {
        at.vector: name for name, at in (("uart_interrupt", board.serial), ("timer_interrupt", board.timer)) if at
    }
    first = (FIRST_VECTOR - VECTORS) // 2
    return tuple(
        Vector(handlers.get(index, ""), f"{VECTORS + 2 * index:#x}")
        for index in range(first, (RESET_VECTOR - VECTORS) // 2)
    )

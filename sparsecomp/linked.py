"""Holds a linked firmware against its plan: every planned byte where it was planned, nothing where nothing may be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile

from sparsecomp.boards import Board
from sparsecomp.errors import DoesNotFitError, MismatchError
from sparsecomp.kernels import rendered
from sparsecomp.plan import Plan
from sparsecomp.plan.sizes import SizeOnly
from sparsecomp.plan.units import position_stack
from sparsecomp.stack import multiplying_handler, stack_depth

START_UP_BYTES = 128  # to copy and clear before main: a small charge has to pay for it
VECTOR_TABLE = (0xFF90, 0x10000)


@dataclass(frozen=True)
class Linked:
    """What the linker made of a plan: bytes of code and its constants, of variables that start-up sets, of stack that
    can be needed at once, and of memory there is for it.
    """

    code_bytes: int
    start_up_bytes: int
    stack_bytes: int
    stack_room: int

    def line(self, plan: Plan) -> str:
        """One line for people."""
        return (
            f"linked for {plan.board.name}: {self.code_bytes} bytes of code (the plan has room for {plan.code_bytes}), "
            f"{self.start_up_bytes} bytes of variables to set at start-up, {self.stack_bytes} of {self.stack_room} "
            "bytes of stack; feature maps and tables lie where planned"
        )


def check_linked(elf: Path, plan: Plan) -> Linked:
    """Reads the ELF file, beside which the compiler left its .su files. Raises MismatchError naming the first object
    that is not where the plan has it, DoesNotFitError where the stack could run into variables.
    """
    with open(elf, "rb") as file:
        image = ELFFile(file)
        symbols = {s.name: (s["st_value"], s["st_size"]) for s in image.get_section_by_name(".symtab").iter_symbols()}
        sections = {s.name: (s["sh_addr"], s["sh_size"]) for s in image.iter_sections() if s["sh_flags"] & 2}
    for name, (start, size) in sections.items():
        if size and not _inside(plan.board, start, start + size):
            raise MismatchError(f"section {name} at {start:#x} does not lie in a free part of a region", _HINT)
    _check_maps(plan, symbols)
    _check_tables(plan, symbols)
    start_up = sections[".data"][1] + sections[".bss"][1]
    if start_up > START_UP_BYTES:
        raise MismatchError(f"start-up has {start_up} bytes to set, the most is {START_UP_BYTES}", _HINT)
    code = sum(sections[name][1] for name in (".text", ".rodata", ".data", ".hot") if name in sections)
    room = symbols["__stack"][0] - symbols["__stack_limit"][0]
    depth = stack_depth(elf, elf.parent, plan.board.toolchain.prefix) + position_stack(plan.program, plan.board)
    if depth > room:
        raise DoesNotFitError(
            f"the stack can grow to {depth} bytes, {plan.board.name} has {room} for it", "take a board with more SRAM"
        )
    handler = multiplying_handler(elf, plan.board.toolchain.prefix)
    if handler and plan.board.has_walks:
        raise MismatchError(f"{handler} multiplies: it would spoil the sums of the kernel that it interrupts", _HINT)
    return Linked(code, start_up, depth, room)


_HINT = "board.ld was changed, or this is a defect of sparsecomp: please report the model and the board file"


def _inside(board: Board, start: int, end: int) -> bool:
    if VECTOR_TABLE[0] <= start < end <= VECTOR_TABLE[1]:
        return True
    uses = ("code", "weights", "arena", "stack", "scratch")
    return any(at <= start and end <= at + size for use in uses for _, at, size in board.spans(use))


def _check_maps(plan: Plan, symbols: dict[str, tuple[int, int]]) -> None:
    for number, arena in enumerate(plan.arenas):
        found = symbols[f"model_arena{number}"]
        if found != (arena.start, 2 * arena.words):
            raise MismatchError(
                f"arena {number} is {found[1]} bytes at {found[0]:#x}, not {2 * arena.words} at {arena.start:#x}",
                _HINT,
            )


def _check_tables(plan: Plan, symbols: dict[str, tuple[int, int]]) -> None:
    spans = {start: start + size for use in ("weights", "arena") for _, start, size in plan.board.spans(use)}
    names = SizeOnly(plan.program)
    for step, planned, nbytes in zip(plan.program.steps, plan.table_starts, plan.weight_bytes, strict=True):
        arrays = {array.name for array in rendered(step, names).arrays}
        mine = {n: at for n, at in symbols.items() if n in arrays}
        if sum(size for _, size in mine.values()) != nbytes:
            raise MismatchError(f"the tables of '{step.name}' do not have the planned {nbytes} bytes", _HINT)
        low = max((start for start in spans if start <= planned), default=planned)
        for name, (start, size) in mine.items():
            if not low <= start <= start + size <= spans[low]:
                raise MismatchError(f"{name} at {start:#x} does not lie in the planned piece from {low:#x}", _HINT)

"""Restart units: as large as needed for commits to cost nothing, small enough for one charge."""

from __future__ import annotations

import math

from sparsecomp.boards import Board
from sparsecomp.errors import DoesNotFitError
from sparsecomp.kernels import kernel, mac_lea
from sparsecomp.kernels.fill import covered
from sparsecomp.kernels.mac import pool, position_bytes
from sparsecomp.kernels.mac_cycles import position_cycles
from sparsecomp.plan import Charge, Plan, Units
from sparsecomp.program import Program, Step

WANTED_CYCLES = 10_000  # a commit and the call around it cost about 100
CALL_CYCLES = 250
MARGIN = 2  # estimated cycles of portable C are trusted to a factor of two
# A walk commits in passing: a unit costs what its commit does, and half of it is lost by each failure.
COMMIT_CYCLES = 30
SPLIT_CYCLES = 100  # the same inside a pixel
WHOLE_AT_MOST = 3  # wanted units that a whole pixel may take
WAITING = 1.12  # with wait states, from RAM: 1.05 (dense) to 1.16 (sparse)
LEAST_CYCLES = 500
STEP_CYCLES = 400_000  # of a walk's step, 50 ms at 8 MHz: its start, about 700 cycles, is little of it
STEP_CALL_CYCLES = 720
POSITION_BYTES = 1024  # of RAM: half of what the smallest board has
POSITION_SHARE = 8  # a charge pays for this many
FEW_PIXELS = 4
PASSING_CYCLES = 9  # what a commit costs between two pixels
WALK_CALL_CYCLES = 1000  # at most, a commit inside a pixel included
CURSOR_LIMIT = 65_533  # units; with idle and done the cursor stays within 16 bits
# With libgcc's float functions (-mlarge), counted on the virtual board: 3,700 to 4,500 cycles a tap; other kernels take
# 5 to 17 times what they take for integers.
FLOAT_TAP_CYCLES, FLOAT_OUTPUT_CYCLES = 4700, 3000
FLOAT_TIMES = {"copy": 1, "fill": 2.5, "avg_pool": 18}
FLOAT_TIMES_OTHERS = 13
DELIVERY_WRITES = 4  # held twice and two words of id
DELIVERY_CYCLES = 20  # an input word


def step_writes(program: Program, step: Step) -> int:
    """FRAM words that a step writes, without commits."""
    return sum(_item_writes(program, step))


def inference_writes(plan: Plan) -> int:
    """FRAM words written by one uninterrupted inference, start and acknowledgement included, delivery not."""
    return sum(step_writes(plan.program, step) for step in plan.program.steps) + plan.unit_count + 2


def _item_writes(program: Program, step: Step) -> list[int]:
    if step.kernel == "fill":
        rows = covered(step, program.tensors[step.output]).sum(axis=1)
        return [int(n) * program.element_words for n in rows]
    if step.kernel == "exit":
        return [(step.attrs["classes"] + 1) * program.element_words]
    return [program.element_words] * step.items


def item_cycles(program: Program, step: Step, board: Board) -> float:
    """Estimated cycles of one item; a host computes with floats as fast as with integers."""
    if walks(program, step, board):
        known = {"positions": True} if writes_positions(program, step, board) else {}
        each = kernel(step.kernel).walk_cycles(step, program.tensors[step.output], **known)
        return each * (WAITING if board.waits else 1)
    each = kernel(step.kernel).cycles(step)
    if not program.is_float or board.is_host:
        return each
    if step.kernel == "mac":
        taps = len(step.attrs["encoded"].values) / len(step.attrs["matrix"])
        rows, columns, *_ = pool(step)
        return FLOAT_OUTPUT_CYCLES + FLOAT_TAP_CYCLES * taps * rows * columns
    return each * FLOAT_TIMES.get(step.kernel, FLOAT_TIMES_OTHERS)


def walks(program: Program, step: Step, board: Board) -> bool:
    """Whether a step runs as a walk in assembly."""
    return board.has_walks and not program.is_float and hasattr(kernel(step.kernel), "walk_cycles")


def writes_positions(program: Program, step: Step, board: Board) -> bool:
    """Whether a walk begins each step by writing down where a mask's weights are: RAM and a charge have to have room
    for it, and a few pixels have to be there to use it.
    """
    if step.kernel != "mac" or not walks(program, step, board):
        return False
    out = program.tensors[step.output]
    fits = 0 < position_bytes(step) <= POSITION_BYTES and out.height * out.width >= FEW_PIXELS
    return fits and POSITION_SHARE * position_cycles(step.attrs) <= board.charge_cycles - board.energy.boot_cycles


def position_stack(program: Program, board: Board) -> int:
    """Bytes of stack for such positions, the most that one layer needs."""
    return max((position_bytes(s) for s in program.steps if writes_positions(program, s, board)), default=0)


def call_cycles(program: Program, step: Step, board: Board) -> int:
    """Cycles around the items of one call: the runtime's, and the kernel's own where it has some."""
    own = getattr(kernel(step.kernel), "call_cycles", None)
    if walks(program, step, board):
        written = position_cycles(step.attrs) if writes_positions(program, step, board) else 0
        return WALK_CALL_CYCLES + written + (own(step) if own else 0)
    return CALL_CYCLES + (own(step) if own else 0)


def _begins(program: Program, step: Step, board: Board) -> int:
    """What each step of a walk begins with, besides finding its place."""
    if step.attrs.get("lea"):
        return mac_lea.setup_cycles(step)
    return position_cycles(step.attrs) if writes_positions(program, step, board) else 0


def step_cycles(program: Program, step: Step, board: Board) -> int:
    """Estimated cycles of a whole step, without its commits and calls."""
    return math.ceil(step.items * item_cycles(program, step, board))


def accelerated_unit_cycles(step: Step, board: Board) -> float:
    """Of a unit with the accelerator. Nothing in its RAM is counted on after a commit, so a unit is a step of its own,
    whose start is paid for by each unit, as half of a unit is by each failure.
    """
    return math.sqrt(2 * (STEP_CALL_CYCLES + mac_lea.setup_cycles(step)) * board.charge_cycles)


def layer_cycles(plan: Plan, index: int) -> int:
    """Estimated cycles of a step in an inference without failures, its commits and calls included."""
    return cycles_in_units(plan.program, plan.program.steps[index], plan.units[index], plan.board)


def cycles_in_units(program: Program, step: Step, units: Units, board: Board) -> int:
    """The same before there is a plan."""
    if not walks(program, step, board):
        return step_cycles(program, step, board) + units.count * call_cycles(program, step, board)
    calls = math.ceil(step.items / units.per_step)
    begins = _begins(program, step, board)
    return step_cycles(program, step, board) + units.count * PASSING_CYCLES + calls * (STEP_CALL_CYCLES + begins)


def cut(program: Program, board: Board, wire_words: int) -> tuple[tuple[Units, ...], Charge]:
    """Units of every step, and what the worst of them asks of one charge.

    Raises DoesNotFitError where one item, or the delivery of the input, cannot be paid for by one charge.
    """
    cycles = (board.charge_cycles - board.energy.boot_cycles) // MARGIN
    writes = board.charge_fram_writes
    limit = [_largest(program, step, board, cycles, writes) for step in program.steps]
    sizes = [_wanted(program, step, board, most) for step, most in zip(program.steps, limit, strict=True)]
    while sum(math.ceil(s.items / n) for s, n in zip(program.steps, sizes, strict=True)) > CURSOR_LIMIT:
        merged = [min(2 * n, most) for n, most in zip(sizes, limit, strict=True)]
        if merged == sizes:
            raise DoesNotFitError(
                f"the network needs more than {CURSOR_LIMIT} restart units at {board.charge_cycles} cycles a charge",
                "take a larger capacitor in the board file",
            )
        sizes = merged
    units, first = [], 0
    for step, size in zip(program.steps, sizes, strict=True):
        each = _item_writes(program, step)
        worst = max(sum(each[i : i + size]) for i in range(0, step.items, size)) + 1
        count = math.ceil(step.items / size)
        each_item = item_cycles(program, step, board)
        work = math.ceil(min(size, step.items) * each_item) + call_cycles(program, step, board)
        per_step = size
        if walks(program, step, board) and not step.attrs.get("lea"):
            # What a step begins with is little of it.
            begins = _begins(program, step, board)
            per_step = min(step.items, size * max(1, round(max(STEP_CYCLES, 50 * begins) / (size * each_item))))
        units.append(Units(first, size, count, work, worst, per_step))
        first += count
    delivery = (wire_words * DELIVERY_CYCLES, wire_words + DELIVERY_WRITES)
    charge = Charge(
        max(delivery[0], *(u.cycles for u in units)) + board.energy.boot_cycles if units else delivery[0],
        max(delivery[1], *(u.writes for u in units)) if units else delivery[1],
        board.charge_cycles,
        writes,
    )
    if delivery[0] > cycles - CALL_CYCLES or (writes is not None and delivery[1] > writes):
        raise DoesNotFitError(
            f"one charge ({board.charge_cycles} cycles) cannot pay for receiving {wire_words} words of input",
            "take a larger capacitor in the board file, or a smaller input",
        )
    return tuple(units), charge


def _largest(program: Program, step: Step, board: Board, cycles: int, writes: int | None) -> int:
    """The most items of ``step`` that one charge pays for."""
    cycles -= call_cycles(program, step, board)
    each = item_cycles(program, step, board)
    most = int(cycles // each) if each else step.items
    if writes is not None:
        most = min(most, (writes - 1) // max(1, max(_item_writes(program, step))))
    if most < 1:
        raise DoesNotFitError(
            f"layer '{step.name}': one item takes about {math.ceil(each)} cycles, one charge leaves {cycles}",
            "take a larger capacitor in the board file, or fewer weights an output (a sparser layer)",
        )
    return min(most, step.items)


def _wanted(program: Program, step: Step, board: Board, most: int) -> int:
    """Items enough to make the commit cheap, in whole pixels where the charge allows."""
    wanted = float(WANTED_CYCLES)
    each = max(1.0, item_cycles(program, step, board))
    group = program.tensors[step.output].channels if step.kernel == "mac" else 1
    if step.attrs.get("lea"):
        wanted = accelerated_unit_cycles(step, board)
    elif walks(program, step, board):
        commit = COMMIT_CYCLES if group * each < WHOLE_AT_MOST * wanted else SPLIT_CYCLES
        wanted = max(LEAST_CYCLES, math.sqrt(2 * commit * board.charge_cycles))
    size = min(most, max(1, math.ceil(wanted / each)))
    whole = math.ceil(size / group) * group
    # A linear layer is one pixel: all of it may be far more than a unit wants.
    return min(whole, step.items) if whole <= min(most, WHOLE_AT_MOST * size) else size

"""Which dense layers the low-energy accelerator computes: those whose estimated cycles get fewer."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from sparsecomp.boards import Board, list_boards, load_board
from sparsecomp.encodings import ENCODERS
from sparsecomp.errors import InputError
from sparsecomp.kernels import mac_lea
from sparsecomp.plan.units import STEP_CALL_CYCLES, STEP_CYCLES, accelerated_unit_cycles, step_cycles
from sparsecomp.program import Program, Step

NOTE = "cycles and energy of the accelerator are fitted to published measurements; nothing was measured on hardware"


def accelerate(program: Program, board: Board) -> Program:
    """The program with ``lea`` among the attrs of each layer that gets faster: dense, of one group, its weights
    widened to 16 bits. Raises InputError where the board has no accelerator, and for floats.
    """
    if board.lea_ram is None:
        have = [name for name in list_boards() if load_board(name).lea_ram]
        raise InputError(
            f"{board.name} has no low-energy accelerator", f"leave --lea out, or take --board {' or '.join(have)}"
        )
    if program.is_float:
        raise InputError("the low-energy accelerator computes with integers", "leave --lea out, or --numeric float32")
    if not board.has_walks:
        raise InputError(
            "the accelerator's kernel is assembly for 20-bit addresses and the 32-bit multiplier",
            "give the board file's compiler -mlarge and -mhwmult=f5series",
        )
    steps, notes = [], []
    shared = {step.attrs.get("shares") for step in program.steps}
    for step in program.steps:
        alone = "shares" not in step.attrs and step.name not in shared  # others need the weights as they are
        faster = _faster(program, step, board) if step.kernel == "mac" and alone else None
        steps.append(faster or step)
        if faster:
            more = faster.attrs["encoded"].nbytes - step.attrs["encoded"].nbytes
            before, after = (_whole(program, s, board) for s in (step, faster))
            notes.append(f"{step.name}: accelerated, about {after:,} cycles instead of {before:,}, {more} bytes more")
    notes.append(NOTE if notes else "no layer gets faster by the accelerator")
    return replace(program, steps=tuple(steps), notes=(*program.notes, *notes))


def candidates(program: Program, step: Step, board: Board) -> list[Step]:
    """The step with the accelerator, without and with as many rows of weights as fit its RAM; none where it cannot."""
    a, out = step.attrs, program.tensors[step.output]
    if a["encoded"].kind != "dense" or a["group_size"] != out.channels or board.lea_ram is None:
        return []
    source = program.tensors[step.inputs[0]]
    commands = mac_lea.commands_for(a["matrix"], source.low, source.high)
    rows = mac_lea.rows_that_fit(step, board.lea_ram[1])
    if commands is None or rows < 1:
        return []
    wide = ENCODERS["dense"](a["matrix"].astype(np.int16), a["offsets"])
    choices = [replace(commands, resident_rows=n) for n in {0, rows - 1}]
    return [replace(step, attrs={**a, "encoded": wide, "lea": choice}) for choice in choices]


def _faster(program: Program, step: Step, board: Board) -> Step | None:
    found = min(candidates(program, step, board), key=lambda s: _whole(program, s, board), default=None)
    return found if found and _whole(program, found, board) < _whole(program, step, board) else None


def _whole(program: Program, step: Step, board: Board) -> int:
    """Estimated cycles of the whole layer, the starts of its steps included."""
    cycles = step_cycles(program, step, board)
    if not step.attrs.get("lea"):
        return cycles + STEP_CALL_CYCLES * math.ceil(cycles / STEP_CYCLES)
    steps = math.ceil(cycles / accelerated_unit_cycles(step, board))
    return cycles + steps * (STEP_CALL_CYCLES + mac_lea.setup_cycles(step))

"""Programs of which the accelerator computes every layer that it can, faster or not."""

from collections.abc import Callable
from dataclasses import replace

from sparsecomp.boards import load_board
from sparsecomp.plan.accelerate import candidates
from sparsecomp.program import Program

BOARD = load_board("msp430fr5994")


def accelerated(program: Program, rows: Callable[[int], int] = lambda most: most) -> Program:
    """Every such layer, with the rows of weights in its RAM that ``rows`` makes of the most that fit."""
    steps = []
    for step in program.steps:
        found = candidates(program, step, BOARD) if step.kernel == "mac" else []
        best = max(found, key=lambda s: s.attrs["lea"].resident_rows, default=step)
        if found:
            lea = best.attrs["lea"]
            best = replace(best, attrs={**best.attrs, "lea": replace(lea, resident_rows=rows(lea.resident_rows))})
        steps.append(best)
    return replace(program, steps=tuple(steps))

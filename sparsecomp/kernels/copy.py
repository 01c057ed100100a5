"""A box of elements moved by strides (copy.c): concatenation, permutation, move into a halo.

attrs: ``size`` (three lengths), ``input_step``, ``output_step`` (elements along each), ``input_start``,
``output_start`` (stored elements), ``gain``, ``shift``.
"""

from __future__ import annotations

import numpy as np

from sparsecomp.arithmetic import requantize
from sparsecomp.kernels import Memory, Names, Rendered
from sparsecomp.program import Step, Stored


def indices(step: Step, side: str) -> np.ndarray:
    """Stored elements that the box covers on one side ('input', 'output'), in the order of the items."""
    grid = np.ix_(*(np.arange(n) * s for n, s in zip(step.attrs["size"], step.attrs[f"{side}_step"], strict=True)))
    return (step.attrs[f"{side}_start"] + grid[0] + grid[1] + grid[2]).reshape(-1)


def written(step: Step, out: Stored) -> np.ndarray:
    """Stored elements of ``out`` that the step writes."""
    return indices(step, "output")


def reference(step: Step, memory: Memory) -> None:
    """One gain changes the exponent."""
    values = memory.stored(step.inputs[0])[:, indices(step, "input")]
    if not memory.is_float:
        values = requantize(values, step.attrs["gain"], step.attrs["shift"])
    memory.stored(step.output)[:, indices(step, "output")] = values


def cycles(step: Step) -> float:
    """Portable C on the MSP430."""
    return 700


SCALE_CYCLES = {8: 31, 16: 21, 24: 28}
RUN_CYCLES, STRIDED_RUN_CYCLES, SCALED_RUN_CYCLES, LINE_CYCLES = 17, 31, 34, 15
BLOCK, PASS_CYCLES = 16, 6  # words moved in a row


def walk_cycles(step: Step, out: Stored) -> float:
    """The assembly on the MSP430, an item. The last two dimensions are one run where both sides have them so."""
    a = step.attrs
    lines, runs, run = a["size"]
    if all(a[side][1] == run * a[side][2] for side in ("input_step", "output_step")):
        lines, runs, run = 1, lines, runs * run
    each, per_run = 9, STRIDED_RUN_CYCLES
    if (a["gain"], a["shift"]) != (256, 8):
        each, per_run = SCALE_CYCLES.get(a["shift"], 8), SCALED_RUN_CYCLES
    elif (a["input_step"][2], a["output_step"][2]) == (1, 1):
        each, per_run = 4, RUN_CYCLES + PASS_CYCLES * -(-run // BLOCK)
    return each + per_run / run + LINE_CYCLES * lines / step.items


def render(step: Step, names: Names) -> Rendered:
    """The fields of ``copy_t``."""
    a = step.attrs
    fields = {
        "input": names.at(step.inputs[0], a["input_start"]),
        "output": names.at(step.output, a["output_start"]),
        **{key: "{" + ", ".join(f"{n}U" for n in a[key]) + "}" for key in ("size", "input_step", "output_step")},
        "gain": f"{a['gain']}U",
        "shift": f"{a['shift']}U",
    }
    return Rendered("copy", "copy_t", fields)

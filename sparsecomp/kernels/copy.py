"""A box of elements moved by strides (copy.c): concatenation, permutation, move into a halo.

attrs: ``size`` (three lengths), ``input_step``, ``output_step`` (elements along each), ``input_start``,
``output_start`` (stored elements), ``gain``, ``shift``.
"""

from __future__ import annotations

import numpy as np

from sparsecomp.arithmetic import requantize
from sparsecomp.kernels import Memory, Names, Rendered
from sparsecomp.program import Step


def indices(step: Step, side: str) -> np.ndarray:
    """Stored elements that the box covers on one side ('input', 'output'), in the order of the items."""
    grid = np.ix_(*(np.arange(n) * s for n, s in zip(step.attrs["size"], step.attrs[f"{side}_step"], strict=True)))
    return (step.attrs[f"{side}_start"] + grid[0] + grid[1] + grid[2]).reshape(-1)


def reference(step: Step, memory: Memory) -> None:
    """One gain changes the exponent."""
    values = memory.stored(step.inputs[0])[:, indices(step, "input")]
    if not memory.is_float:
        values = requantize(values, step.attrs["gain"], step.attrs["shift"])
    memory.stored(step.output)[:, indices(step, "output")] = values


def cycles(step: Step) -> float:
    """Portable C on the MSP430."""
    return 700


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

"""Sum of two tensors (add.c). attrs: ``gain_a``, ``gain_b``, ``shift``, bounds."""

from __future__ import annotations

import numpy as np

from sparsecomp.arithmetic import requantize
from sparsecomp.kernels import Memory, Names, Rendered, bounds, rows_cycles, surface
from sparsecomp.program import Step, Stored


def reference(step: Step, memory: Memory) -> None:
    """The gains bring both inputs to the output's exponent, 2**shift times too large."""
    a = step.attrs
    x, y = (memory.inside(name) for name in step.inputs)
    if memory.is_float:
        total = x + y
    else:
        acc = x.astype(np.int64) * a["gain_a"] + y.astype(np.int64) * a["gain_b"]
        total = requantize(acc, 1, a["shift"])
    memory.inside(step.output)[...] = np.clip(total, a["low"], a["high"])


def cycles(step: Step) -> float:
    """Portable C on the MSP430."""
    return 480


SUM_CYCLES = {8: 48, 16: 38, 24: 45}


def walk_cycles(step: Step, out: Stored) -> float:
    """The assembly on the MSP430, an item."""
    return SUM_CYCLES.get(step.attrs["shift"], 16) + rows_cycles(out)


def render(step: Step, names: Names) -> Rendered:
    """The fields of ``add_t``."""
    a = step.attrs
    x, y = (names.tensor(name) for name in step.inputs)
    fields = {
        "a": names.at(x.name, x.origin),
        "b": names.at(y.name, y.origin),
        "pitch_a": f"{x.pitch}U",
        "pitch_b": f"{y.pitch}U",
        "output": surface(names, names.tensor(step.output)),
        "gain_a": f"{a['gain_a']}U",
        "gain_b": f"{a['gain_b']}U",
        "shift": f"{a['shift']}U",
        **bounds(step, names.is_float),
    }
    return Rendered("add", "add_t", fields)

"""ReLU, clips and leaky ReLU on their own (rectify.c).

attrs: ``gain``, ``shift``, ``gain_negative``, ``shift_negative``, ``slope``, bounds.
"""

from __future__ import annotations

import numpy as np

from sparsecomp.arithmetic import requantize
from sparsecomp.kernels import Memory, Names, Rendered, bounds, number, surface
from sparsecomp.program import Step


def reference(step: Step, memory: Memory) -> None:
    """Negative inputs by one gain, the others by another."""
    a = step.attrs
    x = memory.inside(step.inputs[0])
    if memory.is_float:
        y = np.where(x < 0, x * np.float32(a["slope"]), x)
    else:
        below = requantize(x, a["gain_negative"], a["shift_negative"])
        y = np.where(x < 0, below, requantize(x, a["gain"], a["shift"]))
    memory.inside(step.output)[...] = np.clip(y, a["low"], a["high"])


def cycles(step: Step) -> float:
    """Portable C on the MSP430."""
    return 420


def render(step: Step, names: Names) -> Rendered:
    """The fields of ``rectify_t``."""
    a = step.attrs
    source = names.tensor(step.inputs[0])
    fields = {
        "input": names.at(source.name, source.origin),
        "input_pitch": f"{source.pitch}U",
        "output": surface(names, names.tensor(step.output)),
        "gain": f"{a['gain']}U",
        "gain_negative": f"{a['gain_negative']}U",
        "shift": f"{a['shift']}U",
        "shift_negative": f"{a['shift_negative']}U",
        **bounds(step, names.is_float),
    }
    if names.is_float:
        fields["slope"] = number(a["slope"], True)
    return Rendered("rectify", "rectify_t", fields)

"""ReLU, clips and leaky ReLU on their own (rectify.c).

attrs: ``gain``, ``shift``, ``gain_negative``, ``shift_negative``, ``slope``, bounds.
"""

from __future__ import annotations

import numpy as np

from sparsecomp.arithmetic import requantize
from sparsecomp.kernels import Memory, Names, Rendered, bounds, number, rows_cycles, surface
from sparsecomp.program import Step, Stored


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


SCALE_CYCLES = {8: 49, 16: 39, 24: 46}


def walk_cycles(step: Step, out: Stored) -> float:
    """The assembly on the MSP430, an item, where inputs are negative and clamped as often as not."""

    def side(gain: int, shift: int, more: int) -> int:
        if gain == 0 or (gain, shift) == (256, 8) or shift not in SCALE_CYCLES:
            return 23
        return SCALE_CYCLES[shift] + more

    a = step.attrs
    return (side(a["gain"], a["shift"], 0) + side(a["gain_negative"], a["shift_negative"], 2)) / 2 + rows_cycles(out)


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

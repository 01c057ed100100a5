"""Maximum over windows (max_pool.c). attrs: ``kernel``, ``stride``, ``pad`` (top, left), ``dilation``, bounds."""

from __future__ import annotations

import numpy as np

from sparsecomp.kernels import Memory, Names, Rendered, bounds, surface
from sparsecomp.program import Step, Stored


def reference(step: Step, memory: Memory) -> None:
    """Cells outside the input never win."""
    a = step.attrs
    x, out = memory.inside(step.inputs[0]), memory.inside(step.output)
    for row in range(out.shape[1]):
        ys = _taps(row, 0, a, x.shape[1])
        for column in range(out.shape[2]):
            xs = _taps(column, 1, a, x.shape[2])
            best = x[:, ys][:, :, xs].max(axis=(1, 2))
            out[:, row, column] = np.clip(best, a["low"], a["high"])


def _taps(index: int, axis: int, a, length: int) -> list[int]:
    begin = index * a["stride"][axis] - a["pad"][axis]
    taps = (begin + k * a["dilation"][axis] for k in range(a["kernel"][axis]))
    return [t for t in taps if 0 <= t < length]


def cycles(step: Step) -> float:
    """Portable C on the MSP430."""
    return 720 + 46 * step.attrs["kernel"][0] * step.attrs["kernel"][1]


def _inside(index: int, axis: int, a) -> int:
    """Taps of a window that are not before the input; how many are behind it, the step does not know."""
    begin = index * a["stride"][axis] - a["pad"][axis]
    return sum(begin + k * a["dilation"][axis] >= 0 for k in range(a["kernel"][axis]))


CELL_CYCLES, LINE_CYCLES, WINDOW_CYCLES = 20, 150, 180


def walk_cycles(step: Step, out: Stored) -> float:
    """The assembly on the MSP430, an item, on random elements: how often one is the largest so far is the harmonic
    series. Two or four taps have pointers of their own where no window reaches beyond a side.
    """
    a = step.attrs
    rows, taps = a["kernel"]
    larger = sum(1 / (n + 1) for n in range(1, rows * taps))
    # That no window is cut below, or on the right, is likely; the step does not know its input.
    if rows * taps in (2, 4) and max(rows, taps) == 2 and a["pad"][1] == 0:
        each = 16 + 4 * (rows * taps - 1) + 3 * larger
        return each + (CELL_CYCLES + LINE_CYCLES / out.width) / out.channels
    inside = [
        sum(_inside(i, axis, a) for i in range(count)) / count for axis, count in enumerate((out.height, out.width))
    ]
    each = 22 + 12 * inside[0] + 8 * inside[0] * inside[1] + 2 * (1 + larger)
    return each + (WINDOW_CYCLES + LINE_CYCLES / out.width) / out.channels


def render(step: Step, names: Names) -> Rendered:
    """The fields of ``max_pool_t``."""
    a = step.attrs
    source = names.tensor(step.inputs[0])
    pairs = {
        "kernel_height": ("kernel", 0),
        "kernel_width": ("kernel", 1),
        "stride_y": ("stride", 0),
        "stride_x": ("stride", 1),
        "pad_top": ("pad", 0),
        "pad_left": ("pad", 1),
        "dilation_y": ("dilation", 0),
        "dilation_x": ("dilation", 1),
    }
    fields = {
        "input": names.at(source.name, source.origin),
        "output": surface(names, names.tensor(step.output)),
        "input_pitch": f"{source.pitch}U",
        "input_height": f"{source.height}U",
        "input_width": f"{source.width}U",
        **{field: f"{a[key][axis]}U" for field, (key, axis) in pairs.items()},
        **bounds(step, names.is_float),
    }
    return Rendered("max_pool", "max_pool_t", fields)

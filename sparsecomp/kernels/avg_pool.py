"""Average over windows (avg_pool.c). attrs: ``rows`` and ``columns`` (one (start, length, class) an output),
``divisors`` (row classes, column classes), ``multiplier`` of that shape, ``shift``, bounds.
"""

from __future__ import annotations

import numpy as np

from sparsecomp.arithmetic import requantize
from sparsecomp.kernels import Array, Memory, Names, Rendered, bounds, surface
from sparsecomp.program import Step, Stored


def reference(step: Step, memory: Memory) -> None:
    """Sums are exact; one multiplier stands for 1/divisor and the change of exponent."""
    a = step.attrs
    x, out = memory.inside(step.inputs[0]), memory.inside(step.output)
    for row, (y, height, row_class) in enumerate(a["rows"]):
        for column, (left, width, column_class) in enumerate(a["columns"]):
            cells = x[:, y : y + height, left : left + width]
            if memory.is_float:
                # One cell after the other, as the C kernel adds them.
                total = np.zeros((len(cells), cells.shape[-1]), np.float32)
                for cell in cells.reshape(len(cells), -1, cells.shape[-1]).swapaxes(0, 1):
                    total += cell
                mean = total * np.float32(1.0 / a["divisors"][row_class, column_class])
            else:
                total = cells.sum(axis=(1, 2), dtype=np.int64)
                mean = requantize(total, a["multiplier"][row_class, column_class], a["shift"])
            out[:, row, column] = np.clip(mean, a["low"], a["high"])


def cycles(step: Step) -> float:
    """Portable C on the MSP430, at the largest window."""
    a = step.attrs
    return 885 + 24 * max(r[1] for r in a["rows"]) * max(c[1] for c in a["columns"])


FINISH_CYCLES = {8: 66, 16: 56, 24: 60, 32: 54, 40: 55}  # finish.S
WINDOW_CYCLES, BLOCK = 185, 8  # cells of a row without a loop


def walk_cycles(step: Step, out: Stored) -> float:
    """The assembly on the MSP430, an item, mean over the windows."""
    a = step.attrs
    total = 0
    for _, rows, row_class in a["rows"]:
        for _, columns, column_class in a["columns"]:
            total += rows * (7 + 5 * columns if columns <= BLOCK else 5 + 8 * columns)
            in_one = a["shift"] == 16 and 0 < rows * columns * a["multiplier"][row_class, column_class] <= 1 << 16
            total += 35 if in_one else 19 + FINISH_CYCLES[a["shift"]]
    return total / (out.height * out.width) + WINDOW_CYCLES / out.channels


def render(step: Step, names: Names) -> Rendered:
    """The fields of ``avg_pool_t``; a window is a row span and a column span, each with its class of divisor."""
    a = step.attrs
    source = names.tensor(step.inputs[0])
    arrays = [
        Array("span_t", f"{step.name}_rows", np.array(a["rows"], np.uint16), "start, length, divisor class"),
        Array("span_t", f"{step.name}_columns", np.array(a["columns"], np.uint16), "start, length, divisor class"),
        Array("uint16_t", f"{step.name}_m", a["multiplier"].astype(np.uint16).reshape(-1), f"scale, >> {a['shift']}"),
    ]
    fields = {
        "input": names.at(source.name, source.origin),
        "output": surface(names, names.tensor(step.output)),
        "input_pitch": f"{source.pitch}U",
        "rows": arrays[0].name,
        "columns": arrays[1].name,
        "column_classes": f"{a['divisors'].shape[1]}U",
        "multiplier": arrays[2].name,
        "shift": f"{a['shift']}U",
        **bounds(step, names.is_float),
    }
    if names.is_float:
        reciprocal = (1.0 / a["divisors"]).astype(np.float32).reshape(-1)
        arrays.append(Array("float", f"{step.name}_reciprocal", reciprocal))
        fields["reciprocal"] = arrays[-1].name
    return Rendered("avg_pool", "avg_pool_t", fields, tuple(arrays))

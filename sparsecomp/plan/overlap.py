"""Which outputs may lie over the input that they consume, and how far: restart-safe overlapped placement.

A layer walks its input from low to high addresses, and so does it write its output. The output may then begin ``gap``
words below the input and grow into what no later unit reads. A unit that is run again after a failure must find its
input as it was, so what a unit writes lies below all that it and those after it read. ``check.py`` proves it anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sparsecomp.plan import Buffer, Units
from sparsecomp.program import Program, Step

Gaps = Mapping[tuple[str, str], int]  # (input, output) -> least words from the output's start to the input's


def gaps(program: Program, buffers: Sequence[Buffer], units: Sequence[Units]) -> dict[tuple[str, str], int]:
    """Every pair of buffers of which the second may overlap the first, with its gap in words."""
    found = {}
    by_name = {b.name: b for b in buffers}
    for index, (step, cut) in enumerate(zip(program.steps, units, strict=True)):
        names = [program.base(name) for name in step.inputs]
        before, after = by_name.get(names[0] if len(names) == 1 else ""), by_name.get(program.base(step.output))
        if step.kernel != "mac" or before is None or after is None:
            continue
        # An output with a halo was begun before; one with other readers of its input would take it from them.
        if before.last == index == after.first:
            gap = _gap(program, step, cut) * program.element_words
            if gap < after.words:
                found[before.name, after.name] = gap
    return found


def _gap(program: Program, step: Step, units: Units) -> int:
    """The most elements by which what a unit has written is ahead of what is still to be read."""
    out = program.tensors[step.output]
    a = step.attrs
    first = np.arange(units.count) * units.per_unit
    end = np.minimum(first + units.per_unit, step.items)
    pixel = first // out.channels
    row, column = pixel // out.width, pixel % out.width
    here = a["start"] + row * a["row_step"] + column * a["column_step"]
    below = np.where(row + 1 < out.height, a["start"] + (row + 1) * a["row_step"], here)
    last_row, rest = np.divmod(end - 1, out.width * out.channels)
    written = out.origin + last_row * out.pitch + rest + 1
    return max(0, int((written - np.minimum(here, below)).max()))

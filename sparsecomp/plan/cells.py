"""Which elements each restart unit of a step reads and writes, one by one: for the checks of a plan alone.

Nothing here is shared with the planner's own view of it (overlap.py), so that a mistake in one shows in the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from sparsecomp.plan import Units
from sparsecomp.program import Program, Step, Stored

Unit = tuple[list[tuple[str, np.ndarray]], np.ndarray]  # (input, elements it reads) ..., elements it writes


def unit_cells(program: Program, step: Step, units: Units) -> Iterator[Unit]:
    """What each unit reads and writes, as stored elements of the step's inputs and output. What ``convert`` reads is
    not a tensor's elements: words of the received input.
    """
    out = program.tensors[step.output]
    reads, writes = READS[step.kernel], WRITES.get(step.kernel, _surface)
    for first in range(0, step.items, units.per_unit):
        items = range(first, min(first + units.per_unit, step.items))
        yield [(name, np.unique(cells)) for name, cells in reads(program, step, items)], writes(step, out, items)


def _surface(step: Step, out: Stored, items: range) -> np.ndarray:
    """Items in storage order, the halo left out."""
    return _inner(out).reshape(-1)[items.start : items.stop]


@lru_cache(maxsize=8)
def _inner(tensor: Stored) -> np.ndarray:
    """(height, width, channels) stored elements."""
    stored = np.arange(tensor.stored).reshape(tensor.stored_height, -1, tensor.channels)
    top, left = tensor.halo[:2]
    return np.ascontiguousarray(stored[top : top + tensor.height, left : left + tensor.width])


def _border(step: Step, out: Stored, items: range) -> np.ndarray:
    rows = np.arange(out.stored).reshape(out.stored_height, -1)
    top, left = out.halo[0], out.halo[1] * out.channels
    found = []
    for row in items:
        inside = top <= row < top + out.height and not step.attrs["whole"]
        found.append(np.delete(rows[row], slice(left, left + out.width * out.channels)) if inside else rows[row])
    return np.concatenate(found)


def _box(step: Step, side: str, items: range) -> np.ndarray:
    planes, lines, length = step.attrs["size"]
    item = np.arange(items.start, items.stop)
    at = (item // (lines * length), item // length % lines, item % length)
    assert items.stop <= planes * lines * length
    return step.attrs[f"{side}_start"] + sum(i * n for i, n in zip(at, step.attrs[f"{side}_step"], strict=True))


def _taps(program: Program, step: Step, items: range) -> list[tuple[str, np.ndarray]]:
    a, out = step.attrs, program.tensors[step.output]
    rows, columns, below, beside = a.get("pool", (1, 1, 0, 0))
    pool = (np.arange(rows)[:, None] * below + np.arange(columns) * beside).reshape(-1)
    groups = np.arange(out.channels // a["group_size"]) * a["group_step"]
    taps = np.unique(pool[:, None, None] + groups[:, None] + a["offsets"])
    row, column = np.divmod(np.arange(items.start // out.channels, (items.stop - 1) // out.channels + 1), out.width)
    windows = a["start"] + row * a["row_step"] + column * a["column_step"]
    return [(step.inputs[0], windows[:, None] + taps)]


def _same(program: Program, step: Step, items: range) -> list[tuple[str, np.ndarray]]:
    return [(name, _surface(step, program.tensors[name], items)) for name in step.inputs]


def _windows(program: Program, step: Step, items: range) -> list[tuple[str, np.ndarray]]:
    """Of poolings: whole pixels."""
    source, out = program.tensors[step.inputs[0]], program.tensors[step.output]
    found = [np.zeros(0, int)]
    for pixel in range(items.start // out.channels, (items.stop - 1) // out.channels + 1):
        row, column = divmod(pixel, out.width)
        taps = np.ix_(_window(step, 0, row, source.height), _window(step, 1, column, source.width))
        found.append(_inner(source)[taps].ravel())
    return [(source.name, np.concatenate(found))]


def _window(step: Step, axis: int, index: int, length: int) -> list[int]:
    a = step.attrs
    if step.kernel == "avg_pool":
        start, count, _ = a["columns" if axis else "rows"][index]
        return list(range(start, start + count))
    taps = [index * a["stride"][axis] - a["pad"][axis] + k * a["dilation"][axis] for k in range(a["kernel"][axis])]
    return [t for t in taps if 0 <= t < length]


def _received(program: Program, step: Step, items: range) -> list[tuple[str, np.ndarray]]:
    each = 2 if step.attrs["kind"] == "i16" else 1  # bytes
    return [(step.inputs[0], np.arange(items.start * each // 2, (items.stop * each + 1) // 2))]


READS = {
    "mac": _taps,
    "add": _same,
    "rectify": _same,
    "lookup": _same,
    "max_pool": _windows,
    "avg_pool": _windows,
    "convert": _received,
    "copy": lambda program, step, items: [(step.inputs[0], _box(step, "input", items))],
    "fill": lambda program, step, items: [],
    "exit": lambda program, step, items: [(step.inputs[0], np.arange(program.tensors[step.inputs[0]].stored))],
}
WRITES = {
    "fill": _border,
    "copy": lambda step, out, items: _box(step, "output", items),
    "exit": lambda step, out, items: np.arange(out.stored),
}

"""How far two maps may share bytes: which elements of each are alive while a restart unit runs.

An element is alive from the unit that writes it to the last one that reads it. A map that is written or read row by row
is then, at any time, a stretch of its buffer that grows, shrinks or moves; two maps may lie in any way that keeps their
stretches apart all the time. A unit that is run again after a failure must find its input as it was, so what it reads
is alive until it is committed. ``check.py`` proves the result anew, element by element.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sparsecomp.kernels import copy
from sparsecomp.plan import Buffer, Units
from sparsecomp.plan.buffers import DELIVERY, RECEIVED
from sparsecomp.program import Program, Step, Stored

NEVER = np.int64(1) << 40
# (one, other) -> words (below, above): the other may begin that far below the one, or that far above, or further.
Gaps = Mapping[tuple[str, str], tuple[int, int]]
Range = tuple[np.ndarray, np.ndarray]  # for each item: first element, and the one behind the last


@dataclass(frozen=True)
class Life:
    """The words of a buffer that are alive while a unit runs: ``low`` to ``high``, none where low is not less; one
    entry for the delivery of the input, each unit and the time until the result is acknowledged.
    """

    low: np.ndarray
    high: np.ndarray


def lives(program: Program, buffers: Sequence[Buffer], units: Sequence[Units]) -> dict[str, Life]:
    """The life of each buffer."""
    count = sum(u.count for u in units) + 2
    size = program.element_words
    touched: dict[str, list[tuple[bool, np.ndarray, np.ndarray, np.ndarray]]] = {b.name: [] for b in buffers}
    for step, cut in zip(program.steps, units, strict=True):
        when = np.arange(cut.first, cut.first + cut.count) + 1
        for name, written, (low, high) in _touched(program, step, cut):
            if name in touched:
                touched[name].append((written, low, high, when))
    lasting = (*(port.tensor for port in program.outputs), *(leaving.tensor for leaving in program.exits))
    read_last = {program.base(name) for name in lasting}
    found = {}
    for buffer in buffers:
        if buffer.name == RECEIVED:
            ends = [0, *(u.first + u.count for u in units), count - 1]  # of the delivery, each step, the result's time
            alive = np.arange(count) <= ends[buffer.last - DELIVERY]
            found[RECEIVED] = Life(np.where(alive, 0, NEVER), np.where(alive, buffer.words, -1))
            continue
        cells = program.tensors[buffer.name].stored
        low, high, when = (np.concatenate([t[i] for t in touched[buffer.name]]) for i in (1, 2, 3))
        written = np.concatenate([np.full(len(t[1]), t[0]) for t in touched[buffer.name]])
        begin = _painted(cells, low[written], high[written], when[written], np.minimum, NEVER)
        end = _painted(cells, low, high, when, np.maximum, -1)
        found[buffer.name] = _life(begin, np.full(cells, count - 1) if buffer.name in read_last else end, count, size)
    return found


def _life(begin: np.ndarray, end: np.ndarray, count: int, size: int) -> Life:
    changes = np.flatnonzero((np.diff(begin) != 0) | (np.diff(end) != 0)) + 1
    first, last = np.concatenate([[0], changes]), np.concatenate([changes, [len(begin)]])
    some = begin[first] < NEVER
    first, last = first[some], last[some]
    alive = begin[first], end[first] + 1
    return Life(
        _painted(count, *alive, first * size, np.minimum, NEVER), _painted(count, *alive, last * size, np.maximum, -1)
    )


def _painted(
    count: int, low: np.ndarray, high: np.ndarray, values: np.ndarray, extreme: np.ufunc, nothing: int
) -> np.ndarray:
    """Of ``count`` cells the extreme of the values whose range [low, high) has them, ``nothing`` where none has. A
    range is two overlapping ones of a power of two.
    """
    low, high = np.maximum(low, 0), np.minimum(high, count)
    kept = low < high
    low, high, values = low[kept], high[kept], values[kept]
    power = np.frexp(high - low)[1] - 1  # 2**power <= length
    above = np.full(count, nothing, np.int64)
    for level in range(int(power.max(initial=0)), -1, -1):
        mine, width = power == level, 1 << level
        cells = above
        extreme.at(cells, low[mine], values[mine])
        extreme.at(cells, high[mine] - width, values[mine])
        if level:
            above = cells.copy()
            extreme(above[width // 2 :], cells[: count - width // 2], out=above[width // 2 :])
    return above


def gaps(found: Mapping[str, Life], buffers: Sequence[Buffer]) -> dict[tuple[str, str], tuple[int, int]]:
    """Every pair of buffers that may share bytes while both are alive."""
    pairs = {}
    ordered = sorted(buffers, key=lambda b: (b.first, b.name))
    for i, one in enumerate(ordered):
        for other in ordered[i + 1 :]:
            if other.first > one.last:
                continue
            a, b = found[one.name], found[other.name]
            both = (a.low < a.high) & (b.low < b.high)
            below = int((b.high - a.low)[both].max(initial=-NEVER))
            above = int((a.high - b.low)[both].max(initial=-NEVER))
            if below < other.words or above < one.words:
                pairs[one.name, other.name] = (below, above)
    return pairs


def load(found: Mapping[str, Life], names: Sequence[str]) -> np.ndarray:
    """Words of these buffers that are alive while each unit runs: what no placement can do without."""
    alive = [np.maximum(found[name].high - found[name].low, 0) for name in names]
    return np.sum(alive, axis=0) if alive else np.zeros(1, np.int64)


def _touched(program: Program, step: Step, cut: Units) -> Iterator[tuple[str, bool, Range]]:
    """(base, whether written, range of each unit) for what a step reads and then for what it writes."""
    firsts = np.arange(cut.count) * cut.per_unit
    for name, written, (low, high) in _items(program, step):
        shift = program.offset(name)
        units = np.minimum.reduceat(low, firsts) + shift, np.maximum.reduceat(high, firsts) + shift
        yield program.base(name), written, units


def _items(program: Program, step: Step) -> Iterator[tuple[str, bool, Range]]:
    """The same for each item, in a tensor's own elements; of a window of rows, all between its first and last."""
    out, a = program.tensors[step.output], step.attrs
    item = np.arange(step.items)
    if step.kernel == "fill":
        yield step.output, True, (item * out.pitch, (item + 1) * out.pitch)
        return
    if step.kernel == "exit":
        for name in (*step.inputs, *step.outputs):
            yield name, name not in step.inputs, (item, item + program.tensors[name].stored)
        return
    if step.kernel == "copy":
        for name, written, side in ((step.inputs[0], False, "input"), (step.output, True, "output")):
            cells = copy.indices(step, side)
            yield name, written, (cells, cells + 1)
        return
    row, rest = np.divmod(item, out.width * out.channels)
    if step.kernel == "mac":
        windows = a["start"] + row * a["row_step"] + rest // out.channels * a["column_step"]
        rows, columns, below, beside = a.get("pool", (1, 1, 0, 0))
        last = a["offsets"].max(initial=0) + (out.channels // a["group_size"] - 1) * a["group_step"]
        yield step.inputs[0], False, (windows, windows + last + (rows - 1) * below + (columns - 1) * beside + 1)
    elif step.kernel in ("add", "rectify", "lookup"):
        for name in step.inputs:
            cells = _inside(program.tensors[name], row, rest)
            yield name, False, (cells, cells + 1)
    elif step.kernel in ("max_pool", "avg_pool"):
        source = program.tensors[step.inputs[0]]
        low, high = _pooled_rows(step, source, out.height)
        width = source.width * source.channels
        yield source.name, False, (_inside(source, low[row], 0), _inside(source, high[row] - 1, 0) + width)
    cells = _inside(out, row, rest)
    yield step.output, True, (cells, cells + 1)


def _inside(tensor: Stored, row: np.ndarray, rest: np.ndarray | int) -> np.ndarray:
    return tensor.origin + row * tensor.pitch + rest


def _pooled_rows(step: Step, source: Stored, height: int) -> Range:
    """The rows that each row of a pooling reads, the second excluded."""
    a = step.attrs
    if step.kernel == "avg_pool":
        starts, lengths, _ = np.array(a["rows"]).T
        return starts, np.maximum(starts + lengths, starts + 1)
    begin = np.arange(height) * a["stride"][0] - a["pad"][0]
    end = begin + (a["kernel"][0] - 1) * a["dilation"][0] + 1
    return np.maximum(begin, 0), np.minimum(end, source.height)

"""Average windows: a (start, length, divisor) triple for each output along each dimension.

Every average that torch has (padded, ceil mode, adaptive, over whole axes) is separable: the divisor of an output is
the product of its divisors along the dimensions, or one constant.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sparsecomp.arithmetic import round_half_up, widest_shift

Span = tuple[int, int, int]


def pool_spans(n: int, k: int, s: int, low: int, high: int, count: int, include_pad: bool) -> tuple[Span, ...]:
    """Windows of avg_pool along one dimension of length ``n``."""
    spans = []
    for i in range(count):
        begin = i * s - low
        end = min(begin + k, n + high)
        first, last = max(begin, 0), min(end, n)
        spans.append((first, last - first, end - begin if include_pad else last - first))
    return tuple(spans)


def adaptive_spans(n: int, count: int) -> tuple[Span, ...]:
    """Windows of adaptive_avg_pool: from floor(i n / count) to ceil((i + 1) n / count)."""
    bounds = [(i * n // count, -(-(i + 1) * n // count)) for i in range(count)]
    return tuple((a, b - a, b - a) for a, b in bounds)


def average(x: np.ndarray, spans: Sequence[Sequence[Span]], divisor: int | None) -> np.ndarray:
    """Averages of ``x`` (N, C, *spatial) over the products of ``spans``, one list a spatial dimension."""
    y = x.astype(np.float64)
    for axis, dim in enumerate(spans, start=2):
        rows = [np.take(y, range(a, a + length), axis=axis).sum(axis=axis, keepdims=True) for a, length, _ in dim]
        y = np.concatenate(rows, axis=axis)
        if divisor is None:
            shape = [1] * y.ndim
            shape[axis] = len(dim)
            y = y / np.array([d for _, _, d in dim], np.float64).reshape(shape)
    return (y if divisor is None else y / divisor).astype(np.float32)


def lower_average(node, build, spans: Sequence[Sequence[Span]], divisor: int | None) -> None:
    """Emits an avg_pool step: windows by their class of divisor, one multiplier for each pair of classes."""
    source = build.read(node.inputs[0])
    name, low, high = build.target(node)
    fraction = build.fraction(name)
    rows, columns = spans if len(spans) == 2 else (((0, 1, 1),), spans[0])
    classes = [sorted({d for _, _, d in dim}) for dim in (rows, columns)]
    divisors = np.outer(*classes).astype(np.float64) if divisor is None else np.full([len(c) for c in classes], divisor)
    gain, shift = 256, 8
    multiplier = np.full(divisors.shape, gain)
    if not build.is_float:
        fraction = min(fraction, source.fraction + 6 + int(np.log2(divisors.min())))
        factors = 2.0 ** (fraction - source.fraction) / divisors
        shift = widest_shift(float(factors.max()))
        multiplier = round_half_up(factors * 2.0**shift).astype(np.int64)
    out = build.output(name, fraction, low, high, grid=(len(rows), len(columns), source.channels))
    pairs = zip((rows, columns), classes, strict=True)
    table = [tuple((a, n, kinds.index(d)) for a, n, d in dim) for dim, kinds in pairs]
    attrs = {
        "rows": table[0],
        "columns": table[1],
        "divisors": divisors,
        "multiplier": multiplier,
        "shift": shift,
        "low": out.low,
        "high": out.high,
    }
    build.emit("avg_pool", "pool", (source.name,), out.name, out.elements, node, attrs)

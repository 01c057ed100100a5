"""Extreme values for the pooling kernels."""

from __future__ import annotations

from itertools import product

import numpy as np
from bench import Bench
from values import CLAMPS, noise, vectors

from sparsecomp.arithmetic import SHIFTS

WINDOWS = [  # (height, width, channels), kernel, stride, pad, dilation, (output height, output width)
    ((4, 4, 1), (2, 2), (2, 2), (0, 0), (1, 1), (2, 2)),
    ((5, 7, 3), (3, 3), (2, 2), (1, 1), (1, 1), (3, 4)),
    ((5, 7, 3), (3, 3), (1, 1), (1, 1), (1, 1), (5, 7)),
    ((6, 6, 2), (2, 3), (1, 2), (0, 0), (3, 2), (3, 1)),
    ((1, 9, 4), (1, 4), (1, 3), (0, 2), (1, 1), (1, 4)),
    ((3, 3, 2), (1, 1), (2, 2), (0, 0), (1, 1), (2, 2)),
    ((4, 5, 2), (5, 5), (3, 4), (2, 2), (1, 1), (2, 2)),
    # Two and four taps inside the input, perhaps cut short above or below.
    ((4, 10, 5), (2, 2), (2, 2), (0, 0), (1, 1), (2, 5)),
    ((5, 6, 3), (2, 2), (2, 2), (0, 0), (1, 1), (3, 3)),
    ((5, 5, 2), (2, 2), (1, 1), (1, 0), (1, 1), (6, 4)),
    ((7, 9, 1), (2, 2), (3, 3), (0, 0), (2, 3), (2, 2)),
    ((1, 11, 4), (1, 2), (1, 2), (0, 0), (1, 1), (1, 5)),
    ((6, 4, 3), (2, 1), (2, 1), (0, 0), (1, 1), (3, 4)),
    ((5, 6, 2), (3, 2), (2, 2), (1, 0), (1, 1), (3, 3)),
    # Three taps in a row, and windows that reach beyond the right side only.
    ((3, 7, 2), (1, 3), (1, 2), (0, 0), (1, 1), (3, 3)),
    ((7, 3, 2), (3, 1), (2, 1), (0, 0), (1, 1), (3, 3)),
    ((4, 5, 3), (2, 2), (2, 2), (0, 0), (1, 1), (2, 3)),
]


@vectors
def max_pool() -> Bench:
    bench = Bench()

    def pooled(name: str, to: str, kernel, stride, pad, dilation, what: str = "", **bounds) -> None:
        windows = {"kernel": kernel, "stride": stride, "pad": pad, "dilation": dilation}
        bench.step("max_pool", (name,), to, what=what or f"{kernel}", **windows, **bounds)

    for number, (shape, kernel, stride, pad, dilation, size) in enumerate(WINDOWS):
        x = bench.source(noise(int(np.prod(shape)), 6 + number), *shape)
        for low, high in (CLAMPS[0], CLAMPS[number % len(CLAMPS)]):
            pooled(x, bench.tensor(*size, shape[2]), kernel, stride, pad, dilation, low=low, high=high)
    lowest = bench.source(np.full(16, -32768), 4, 4, 1)
    pooled(lowest, bench.tensor(3, 3, 1), (2, 2), (2, 2), (1, 1), (1, 1), "only the lowest")
    cells = np.where(np.arange(63) % 5, noise(63, 20), 32767)
    wide = bench.source(cells, 2, 5, 3, halo=(1, 1, 0, 1))
    to = bench.tensor(1, 2, 3, halo=(1, 1, 1, 1))
    pooled(wide, to, (2, 2), (1, 3), (0, 0), (1, 1), "a halo that never wins")
    return bench


@vectors
def avg_pool() -> Bench:
    bench = Bench()

    def averaged(name: str, to: str, rows, columns, divisors, multiplier, shift: int, what: str, **bounds) -> None:
        spans = {"rows": rows, "columns": columns, "divisors": np.array(divisors)}
        scale = {"multiplier": np.array(multiplier), "shift": shift}
        bench.step("avg_pool", (name,), to, what=what, **spans, **scale, **bounds)

    for value in (-32768, 32767):
        x = bench.source(np.full(30 * 30, value), 30, 30, 1)
        whole = ((0, 30, 0),)
        for gain, shift in ((36, 16), (1, 8), (0, 24), (32767, 24), (32767, 40), (18641, 32)):
            what = f"{value} * {gain} >> {shift}"
            averaged(x, bench.tensor(1, 1, 1), whole, whole, [[900]], [[gain]], shift, what)
    # Windows cut short at the borders give classes of divisors.
    y = bench.source(noise(7 * 8 * 2, 21), 5, 6, 2, halo=(1, 1, 1, 1))
    rows, columns = ((0, 1, 0), (1, 3, 1), (4, 1, 2)), ((0, 2, 0), (1, 3, 1), (2, 3, 1), (5, 1, 2))
    divisors = np.outer([1, 3, 1], [2, 3, 1])
    for shift in SHIFTS:
        multiplier = np.minimum(np.floor(2.0**shift / divisors + 0.5), 32767).astype(int)
        to = bench.tensor(3, 4, 2, halo=(0, 1, 1, 0))
        averaged(y, to, rows, columns, divisors, multiplier, shift, f"classes >> {shift}")
    # cells * multiplier up to 65,536 is one sum, above it is not; rows of up to 8 cells have no loop.
    for value in (-32768, 32767):
        x = bench.source(np.full(9 * 9 * 2, value), 9, 9, 2)
        for length, multiplier in product((1, 2, 4, 8, 9), (0, 1, 809, 1024, 1025, 16384, 16385, 32767)):
            spans = tuple((i, length, 0) for i in range(min(3, 10 - length)))
            to, what = bench.tensor(len(spans), len(spans), 2), f"{length} x {length}, {value} * {multiplier}"
            averaged(x, to, spans, spans, [[length * length]], [[multiplier]], 16, what)
    for low, high in CLAMPS:
        to, what = bench.tensor(1, 1, 2), f"{low} to {high}"
        averaged(y, to, ((1, 4, 0),), ((0, 6, 0),), [[24]], [[2731]], 16, what, low=low, high=high)
    return bench

"""Tensors and tables beyond 32,767 elements and 64 KB, where an index of 16 bits would wrap or go negative."""

from __future__ import annotations

import numpy as np
from bench import Bench
from mac_vectors import mac
from values import noise

from sparsecomp.program import Stored

ROWS, WIDTH, CHANNELS = 134, 75, 4
ELEMENTS = ROWS * WIDTH * CHANNELS
LATE = 112  # the first row that holds anything but the fill: element 33,600


def _image(bench: Bench) -> str:
    rows = ROWS - LATE
    small = bench.source(noise(25 * rows, 50), 1, 1, 25 * rows)
    big = bench.tensor(ROWS, WIDTH, CHANNELS)
    bench.fill(big, -7, whole=True)
    bench.step(
        "copy",
        (small,),
        big,
        25 * rows,
        what="late rows",
        size=(rows, 5, 5),
        input_start=0,
        input_step=(25, 5, 1),
        output_start=LATE * WIDTH * CHANNELS,
        output_step=(WIDTH * CHANNELS, 55, 11),
        gain=256,
        shift=8,
    )
    return big


def elements() -> Bench:
    """Every kernel that walks a tensor."""
    bench = Bench()
    big = _image(bench)
    shape = (ROWS, WIDTH, CHANNELS)
    every = dict(
        size=shape, input_start=0, input_step=(WIDTH * CHANNELS, CHANNELS, 1), output_start=0, gain=256, shift=8
    )
    bench.step(
        "copy",
        (big,),
        bench.tensor(ROWS, WIDTH, CHANNELS),
        what="permuted",
        **every,
        output_step=(WIDTH, 1, ROWS * WIDTH),
    )
    steep = bench.step(
        "rectify",
        (big,),
        bench.tensor(ROWS, WIDTH, CHANNELS),
        gain=300,
        gain_negative=26,
        shift=8,
        shift_negative=16,
        slope=0.0,
    )
    bench.step("add", (big, steep), bench.tensor(ROWS, WIDTH, CHANNELS), gain_a=128, gain_b=64, shift=8)
    bench.step(
        "lookup", (big,), bench.tensor(ROWS, WIDTH, CHANNELS), function="f", table=noise(257, 51).astype(np.int16)
    )
    bench.step(
        "max_pool", (big,), bench.tensor(67, 37, CHANNELS), kernel=(2, 2), stride=(2, 2), pad=(0, 0), dilation=(1, 1)
    )
    bench.step(
        "avg_pool",
        (big,),
        bench.tensor(2, 1, CHANNELS),
        rows=((0, 114, 0), (114, 20, 1)),
        columns=((0, WIDTH, 0),),
        divisors=np.array([[114 * WIDTH], [20 * WIDTH]]),
        multiplier=np.array([[1962], [11185]]),
        shift=24,
    )
    mac(
        bench,
        big,
        noise(2 * 4 * CHANNELS, 52).reshape(2, 2, 2, CHANNELS).astype(np.int8),
        "dense",
        what="conv",
        stride=(1, 2),
        multiplier=(20000,),
        shift=24,
    )
    return bench


def tables() -> Bench:
    """Filters whose weights and offsets lie beyond 16-bit signed reach."""
    bench = Bench()
    big = _image(bench)
    flat = "flat"
    bench.tensors[flat] = Stored(flat, 1, 1, ELEMENTS, alias=big)
    rng = np.random.default_rng(53)
    dense = rng.integers(-1, 2, (3, 1, 1, ELEMENTS)).astype(np.int8)
    mac(bench, flat, dense, "dense", what="120,600 weights", multiplier=(30000, 20000, 10000), shift=24)
    kept = rng.random(dense.shape) < np.array([0.002, 0.9, 0.01]).reshape(3, 1, 1, 1)
    sparse = np.where(kept, rng.choice([-1, 1], dense.shape), 0).astype(np.int8)
    reach = {"delta8": ELEMENTS, "index16": 32768, "bitmap": ELEMENTS}  # positions of 16 bits count bytes
    for kind, taps in reach.items():
        part = np.ascontiguousarray(sparse[..., :taps])
        mac(bench, flat, part, kind, what="one long row", multiplier=(30000, 20000, 10000), shift=24)
    last = np.zeros((2, 1, 1, ELEMENTS), np.int8)
    last[0, 0, 0, -1] = last[1, 0, 0, 32767] = 1
    for kind, taps in reach.items():
        mac(bench, flat, np.ascontiguousarray(last[..., :taps]), kind, what="one tap", multiplier=(256,), shift=8)
    # More weights before the last filter than 16 bits count: only masks allow it.
    heavy = np.where(rng.random(dense.shape) < np.array([0.9, 0.9, 0.01]).reshape(3, 1, 1, 1), dense | 1, 0)
    assert np.count_nonzero(heavy[:2]) > 65535
    mac(bench, flat, heavy.astype(np.int8), "bitmap", what="long rows", multiplier=(30000, 20000, 10000), shift=24)
    return bench


BIG = {"elements": elements, "tables": tables}

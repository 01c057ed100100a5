"""Extreme values for every kernel but the multiply-accumulate ones (``mac_vectors``): one program a kernel."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from bench import Bench

from sparsecomp.arithmetic import SHIFTS

GAINS = (0, 1, 255, 256, 16384, 32767)
# Both ends, zero and its neighbours, byte limits, and the values at which x / 256 and x / 65536 tie, up and down.
EXTREMES = np.array(
    [
        -32768,
        -32767,
        -32640,
        -16385,
        -16384,
        -385,
        -384,
        -383,
        -257,
        -256,
        -255,
        -129,
        -128,
        -127,
        -2,
        -1,
        0,
        1,
        2,
        127,
        128,
        129,
        255,
        256,
        257,
        383,
        384,
        385,
        16383,
        16384,
        32639,
        32640,
        32766,
        32767,
    ]
)
CLAMPS = ((-32768, 32767), (0, 32767), (0, 192), (-5, 5), (-32768, -1), (32767, 32767))

VECTORS: dict[str, Callable[[], Bench]] = {}


def vectors(build: Callable[[], Bench]) -> Callable[[], Bench]:
    """Registers a program under its function's name."""
    VECTORS[build.__name__] = build
    return build


def noise(count: int, seed: int = 0) -> np.ndarray:
    """Random elements, a third of them extreme."""
    rng = np.random.default_rng(seed)
    wide = rng.integers(-32768, 32768, count)
    return np.where(rng.random(count) < 0.34, rng.choice(EXTREMES, count), wide)


@vectors
def copy() -> Bench:
    bench = Bench()
    x = bench.source(EXTREMES, 1, 1, len(EXTREMES))
    every = dict(size=(1, 1, len(EXTREMES)), input_start=0, input_step=(0, 0, 1), output_start=0, output_step=(0, 0, 1))
    for gain, shift in product(GAINS, SHIFTS):
        bench.step(
            "copy", (x,), bench.tensor(1, 1, len(EXTREMES)), what=f"{gain} >> {shift}", gain=gain, shift=shift, **every
        )
    same = dict(gain=256, shift=8)
    box = bench.source(noise(4 * 5 * 3), 4, 5, 3)
    bench.step(
        "copy",
        (box,),
        bench.tensor(3, 4, 5),
        what="permuted",
        size=(3, 4, 5),
        input_start=0,
        input_step=(1, 15, 3),
        output_start=0,
        output_step=(20, 5, 1),
        **same,
    )
    padded = bench.tensor(4, 5, 3, halo=(1, 2, 3, 1))
    bench.step(
        "copy",
        (box,),
        padded,
        what="into a halo",
        size=(4, 5, 3),
        input_start=0,
        input_step=(15, 3, 1),
        output_start=bench.tensors[padded].origin,
        output_step=(bench.tensors[padded].pitch, 3, 1),
        **same,
    )
    joined = bench.tensor(4, 5, 6)
    for channel in (0, 3):
        bench.step(
            "copy",
            (padded,),
            joined,
            60,
            what=f"beside at {channel}",
            size=(4, 5, 3),
            input_start=bench.tensors[padded].origin,
            input_step=(bench.tensors[padded].pitch, 3, 1),
            output_start=channel,
            output_step=(30, 6, 1),
            **same,
        )
    backwards = bench.tensor(1, 1, 20)
    bench.step(
        "copy",
        (joined,),
        backwards,
        what="every sixth from the middle",
        size=(5, 2, 2),
        input_start=5,
        input_step=(24, 12, 6),
        output_start=0,
        output_step=(1, 5, 10),
        **same,
    )
    return bench


@vectors
def add() -> Bench:
    bench = Bench()
    first, second = (side.reshape(-1) for side in np.meshgrid(EXTREMES[::3], EXTREMES[1::3]))
    a, b = (bench.source(side, 1, 1, side.size) for side in (first, second))
    for gain_a, gain_b in product((0, 1, 256, 32767), repeat=2):
        shift = SHIFTS[(gain_a + gain_b) % len(SHIFTS)]
        for wanted in {8, shift}:
            bench.step(
                "add",
                (a, b),
                bench.tensor(1, 1, first.size),
                what=f"{gain_a}, {gain_b} >> {wanted}",
                gain_a=gain_a,
                gain_b=gain_b,
                shift=wanted,
            )
    for shift in SHIFTS:
        bench.step(
            "add", (a, b), bench.tensor(1, 1, first.size), what=f">> {shift}", gain_a=32767, gain_b=16384, shift=shift
        )
    for low, high in CLAMPS:
        bench.step(
            "add",
            (a, a),
            bench.tensor(1, 1, first.size),
            what=f"{low} to {high}",
            gain_a=128,
            gain_b=128,
            shift=8,
            low=low,
            high=high,
        )
    wide = bench.source(noise(7 * 8 * 2, 1), 3, 4, 2, halo=(1, 1, 3, 3))
    plain = bench.source(noise(24, 2), 3, 4, 2)
    bench.step(
        "add",
        (wide, plain),
        bench.tensor(3, 4, 2, halo=(0, 2, 1, 0)),
        what="three pitches",
        gain_a=256,
        gain_b=128,
        shift=8,
    )
    return bench


@vectors
def rectify() -> Bench:
    bench = Bench()
    x = bench.source(EXTREMES, 1, 1, len(EXTREMES))
    for negative, shift in product((0, 1, 3, 77, 32767), SHIFTS):
        bench.step(
            "rectify",
            (x,),
            bench.tensor(1, 1, len(EXTREMES)),
            what=f"negative {negative} >> {shift}",
            gain=256,
            gain_negative=negative,
            shift=shift,
            slope=0.0,
        )
    for (low, high), gain in product(CLAMPS, (256, 32767)):
        bench.step(
            "rectify",
            (x,),
            bench.tensor(1, 1, len(EXTREMES)),
            what=f"{low} to {high}",
            gain=gain,
            gain_negative=gain,
            shift=8,
            slope=0.0,
            low=low,
            high=high,
        )
    wide = bench.source(noise(5 * 7 * 3, 3), 3, 4, 3, halo=(1, 1, 1, 2))
    bench.step(
        "rectify",
        (wide,),
        bench.tensor(3, 4, 3, halo=(2, 0, 0, 1)),
        what="halos",
        gain=256,
        gain_negative=26,
        shift=8,
        slope=0.0,
    )
    return bench


@vectors
def lookup() -> Bench:
    bench = Bench()
    # Around every table point, and both ends.
    near = np.array([-255, -129, -128, -127, -1, 0, 1, 127, 128])
    points = np.clip(np.arange(-128, 129, 4)[:, None] * 256 + near, -32768, 32767)
    x = bench.source(points, 1, 1, points.size)
    rng = np.random.default_rng(4)
    tables = {
        "random": rng.integers(-32768, 32768, 257),
        "teeth": np.where(np.arange(257) % 2, 32767, -32768),
        "other teeth": np.where(np.arange(257) % 2, -32768, 32767),
        "rising": np.clip(np.arange(-128, 129) * 256, -32768, 32767),
        "by one": np.arange(257) - 128,
        "lowest": np.full(257, -32768),
    }
    for name, table in tables.items():
        bench.step(
            "lookup", (x,), bench.tensor(1, 1, points.size), what=name, function=name, table=table.astype(np.int16)
        )
    wide = bench.source(noise(4 * 7 * 2, 5), 2, 5, 2, halo=(1, 1, 1, 1))
    bench.step(
        "lookup",
        (wide,),
        bench.tensor(2, 5, 2, halo=(1, 0, 2, 1)),
        what="halos",
        function="f",
        table=tables["random"].astype(np.int16),
    )
    return bench


@vectors
def max_pool() -> Bench:
    bench = Bench()
    shapes = [  # height, width, channels, kernel, stride, pad, dilation, output height and width
        (4, 4, 1, (2, 2), (2, 2), (0, 0), (1, 1), 2, 2),
        (5, 7, 3, (3, 3), (2, 2), (1, 1), (1, 1), 3, 4),
        (5, 7, 3, (3, 3), (1, 1), (1, 1), (1, 1), 5, 7),
        (6, 6, 2, (2, 3), (1, 2), (0, 0), (3, 2), 3, 1),
        (1, 9, 4, (1, 4), (1, 3), (0, 2), (1, 1), 1, 4),
        (3, 3, 2, (1, 1), (2, 2), (0, 0), (1, 1), 2, 2),
        (4, 5, 2, (5, 5), (3, 4), (2, 2), (1, 1), 2, 2),
    ]
    for number, (height, width, channels, kernel, stride, pad, dilation, rows, columns) in enumerate(shapes):
        x = bench.source(noise(height * width * channels, 6 + number), height, width, channels)
        low, high = CLAMPS[number % len(CLAMPS)] if number % 2 else (-32768, 32767)
        bench.step(
            "max_pool",
            (x,),
            bench.tensor(rows, columns, channels),
            what=f"{kernel}",
            kernel=kernel,
            stride=stride,
            pad=pad,
            dilation=dilation,
            low=low,
            high=high,
        )
    lowest = bench.source(np.full(16, -32768), 4, 4, 1)
    bench.step(
        "max_pool",
        (lowest,),
        bench.tensor(3, 3, 1),
        what="only the lowest",
        kernel=(2, 2),
        stride=(2, 2),
        pad=(1, 1),
        dilation=(1, 1),
    )
    wide = bench.source(np.where(np.arange(63) % 5, noise(63, 20), 32767), 2, 5, 3, halo=(1, 1, 0, 1))
    bench.step(
        "max_pool",
        (wide,),
        bench.tensor(1, 2, 3, halo=(1, 1, 1, 1)),
        what="a halo that never wins",
        kernel=(2, 2),
        stride=(1, 3),
        pad=(0, 0),
        dilation=(1, 1),
    )
    return bench


@vectors
def avg_pool() -> Bench:
    bench = Bench()
    highest = 32767
    for value in (-32768, 32767):
        x = bench.source(np.full(30 * 30, value), 30, 30, 1)
        for gain, shift in ((36, 16), (1, 8), (0, 24), (highest, 24), (highest, 40), (18641, 32)):
            bench.step(
                "avg_pool",
                (x,),
                bench.tensor(1, 1, 1),
                what=f"{value} * {gain} >> {shift}",
                rows=((0, 30, 0),),
                columns=((0, 30, 0),),
                divisors=np.array([[900]]),
                multiplier=np.array([[gain]]),
                shift=shift,
            )
    # Nine classes of divisors: windows cut short at the borders.
    y = bench.source(noise(7 * 8 * 2, 21), 5, 6, 2, halo=(1, 1, 1, 1))
    rows, columns = ((0, 1, 0), (1, 3, 1), (4, 1, 2)), ((0, 2, 0), (1, 3, 1), (2, 3, 1), (5, 1, 2))
    lengths = [[1, 3, 1], [2, 3, 1]]
    divisors = np.outer(*lengths)
    for shift in SHIFTS:
        multiplier = np.minimum(np.floor(2.0**shift / divisors + 0.5), highest).astype(int)
        bench.step(
            "avg_pool",
            (y,),
            bench.tensor(3, 4, 2, halo=(0, 1, 1, 0)),
            what=f"classes >> {shift}",
            rows=rows,
            columns=columns,
            divisors=divisors,
            multiplier=multiplier,
            shift=shift,
        )
    for low, high in CLAMPS:
        bench.step(
            "avg_pool",
            (y,),
            bench.tensor(1, 1, 2),
            what=f"{low} to {high}",
            rows=((1, 4, 0),),
            columns=((0, 6, 0),),
            divisors=np.array([[24]]),
            multiplier=np.array([[2731]]),
            shift=16,
            low=low,
            high=high,
        )
    return bench


@vectors
def fill() -> Bench:
    bench = Bench()
    x = bench.source([11, -11], 1, 1, 2)
    for value in (0, -1, -32768, 32767):
        for halo in ((1, 1, 1, 1), (2, 0, 0, 0), (0, 0, 0, 3), (0, 2, 1, 0)):
            for whole in (True, False):
                name = bench.tensor(2, 3, 2, halo, value=value)
                if whole:
                    bench.fill(name, value, whole=True)
                at = bench.tensors[name]
                # Without the others' cells written, those of the inside would be what memory happens to hold.
                bench.step(
                    "copy",
                    (x,),
                    name,
                    12,
                    what="inside",
                    size=(2, 3, 2),
                    input_start=0,
                    input_step=(0, 0, 1),
                    output_start=at.origin,
                    output_step=(at.pitch, 2, 1),
                    gain=256,
                    shift=8,
                )
    bench.fill(bench.tensor(3, 2, 5), -32768, whole=True)
    return bench


@vectors
def convert() -> Bench:
    bench = Bench()
    every = np.arange(256)
    near = 2**31 - 1 - 255 * 32767
    maps = [
        (1, 0, 8),
        (128, 0, 8),
        (-128, 64, 8),
        (32767, near, 8),
        (-32767, -near, 16),
        (32767, near, 16),
        (1, -128, 24),
        (32767, 0, 24),
        (-1, 2**31 - 256, 32),
        (257, -1, 40),
        (0, -(2**31) + 1, 16),
    ]
    for dtype, values in (("u8", every), ("i8", every - 128)):
        x = bench.raw(values, dtype)
        for gain, offset, shift in maps:
            bench.step(
                "convert",
                (x,),
                bench.tensor(1, 1, 256),
                what=f"{dtype} {gain}, {offset} >> {shift}",
                port=x,
                kind=dtype,
                table=None,
                gain=gain,
                offset=offset,
                shift=shift,
                scale=1.0,
                zero=0.0,
            )
        table = np.where(every % 3, noise(256, 22), 32767).astype(np.int16)
        bench.step(
            "convert",
            (x,),
            bench.tensor(1, 1, 256),
            what=f"{dtype} by a table",
            port=x,
            kind=dtype,
            table=table,
            gain=0,
            offset=0,
            shift=8,
            scale=1.0,
            zero=0.0,
        )
    odd = bench.raw(noise(15, 23) & 255, "u8")
    bench.step(
        "convert",
        (odd,),
        bench.tensor(3, 5, 1, halo=(1, 0, 1, 2)),
        what="an odd number of bytes",
        port=odd,
        kind="u8",
        table=None,
        gain=128,
        offset=-300,
        shift=8,
        scale=1.0,
        zero=0.0,
    )
    words = bench.raw(EXTREMES, "i16")
    for gain, offset, shift in [
        (1, 0, 8),
        (32767, 2**31 - 1 - 32768 * 32767, 16),
        (-32767, -900_000_000, 8),
        (-32767, 900_000_000, 24),
        (256, 0, 8),
        (0, 2**31 - 1, 16),
    ]:
        bench.step(
            "convert",
            (words,),
            bench.tensor(1, 1, len(EXTREMES)),
            what=f"i16 {gain}, {offset} >> {shift}",
            port=words,
            kind="i16",
            table=None,
            gain=gain,
            offset=offset,
            shift=shift,
            scale=1.0,
            zero=0.0,
        )
    return bench

"""Extreme values for the kernels that take one element to one: copy, add, rectify, lookup, convert, fill."""

from __future__ import annotations

from itertools import product

import numpy as np
from bench import Bench
from values import CLAMPS, EXTREMES, GAINS, noise, vectors

from sparsecomp.arithmetic import SHIFTS

COUNT = len(EXTREMES)
UNIT = {"gain": 256, "shift": 8}


def box(
    bench: Bench, source: str, to: str, size, steps, *, start: int = 0, end: int = 0, what: str = "", **scale
) -> str:
    """A copy of ``size`` elements by the strides ``steps`` of input and output, from ``start`` to ``end``."""
    places = {"input_start": start, "input_step": steps[0], "output_start": end, "output_step": steps[1]}
    return bench.step("copy", (source,), to, int(np.prod(size)), what=what, size=size, **places, **(scale or UNIT))


@vectors
def copy() -> Bench:
    bench = Bench()
    x = bench.source(EXTREMES, 1, 1, COUNT)
    line = ((0, 0, 1), (0, 0, 1))
    for gain, shift in product(GAINS, SHIFTS):
        box(bench, x, bench.tensor(1, 1, COUNT), (1, 1, COUNT), line, what=f"{gain} >> {shift}", gain=gain, shift=shift)
    image = bench.source(noise(4 * 5 * 3), 4, 5, 3)
    box(bench, image, bench.tensor(3, 4, 5), (3, 4, 5), ((1, 15, 3), (20, 5, 1)), what="permuted")
    padded = bench.tensor(4, 5, 3, halo=(1, 2, 3, 1))
    pitch, origin = bench.tensors[padded].pitch, bench.tensors[padded].origin
    box(bench, image, padded, (4, 5, 3), ((15, 3, 1), (pitch, 3, 1)), end=origin, what="into a halo")
    joined = bench.tensor(4, 5, 6)
    for channel in (0, 3):
        strides = ((pitch, 3, 1), (30, 6, 1))
        box(bench, padded, joined, (4, 5, 3), strides, start=origin, end=channel, what=f"beside at {channel}")
    box(bench, joined, bench.tensor(1, 1, 20), (5, 2, 2), ((24, 12, 6), (1, 5, 10)), start=5, what="every sixth")
    return bench


@vectors
def runs() -> Bench:
    """Copies whose elements lie side by side, in runs of every length around that of a block of moves."""
    bench = Bench()
    x = bench.source(noise(600, 8), 1, 1, 600)
    for length in (1, 2, 15, 16, 17, 31, 32, 33, 49):
        size, strides = (3, 2, length), ((3 * length + 2, length + 1, 1), (2 * length, length, 1))
        box(bench, x, bench.tensor(3, 2, length), size, strides, start=5, what=f"runs of {length}")
        pairs = ((3 * length, length, 1), (2 * length, length, 1))
        box(bench, x, bench.tensor(3, 2, length), size, pairs, what=f"runs of two times {length}")
    box(bench, x, bench.tensor(5, 6, 4), (5, 6, 4), ((1, 5, 30), (24, 4, 1)), what="permuted back")
    strides = ((1, 5, 30), (24, 4, 1))
    for gain, shift in ((255, 8), (20000, 16), (20000, 24), (1, 40)):
        what = f"permuted back, {gain} >> {shift}"
        box(bench, x, bench.tensor(5, 6, 4), (5, 6, 4), strides, what=what, gain=gain, shift=shift)
    return bench


@vectors
def add() -> Bench:
    bench = Bench()
    first, second = (side.reshape(-1) for side in np.meshgrid(EXTREMES[::3], EXTREMES[1::3]))
    a, b = (bench.source(side, 1, 1, side.size) for side in (first, second))

    def total(names, to: str, gain_a: int, gain_b: int, shift: int, what: str = "", **bounds) -> None:
        what = what or f"{gain_a}, {gain_b} >> {shift}"
        bench.step("add", names, to, what=what, gain_a=gain_a, gain_b=gain_b, shift=shift, **bounds)

    for number, (gain_a, gain_b) in enumerate(product((0, 1, 256, 32767), repeat=2)):
        for shift in (8, SHIFTS[1 + number % 4]):
            total((a, b), bench.tensor(1, 1, first.size), gain_a, gain_b, shift)
    for shift in SHIFTS:
        total((a, b), bench.tensor(1, 1, first.size), 32767, 16384, shift)
    for low, high in CLAMPS:
        total((a, a), bench.tensor(1, 1, first.size), 128, 128, 8, f"{low} to {high}", low=low, high=high)
    wide = bench.source(noise(7 * 8 * 2, 1), 3, 4, 2, halo=(1, 1, 3, 3))
    plain = bench.source(noise(24, 2), 3, 4, 2)
    total((wide, plain), bench.tensor(3, 4, 2, halo=(0, 2, 1, 0)), 256, 128, 8, "three pitches")
    for number, names in enumerate(((wide, plain), (plain, wide), (plain, plain))):
        total(names, bench.tensor(3, 4, 2), 256, 128, 8, f"two pitches, {number}")
    return bench


@vectors
def rectify() -> Bench:
    bench = Bench()
    x = bench.source(EXTREMES, 1, 1, COUNT)

    def rectified(
        name: str, to: str, gain: int, negative: int, shift: int, what: str = "", other: int = 0, **bounds
    ) -> None:
        gains = {"gain": gain, "gain_negative": negative, "shift": shift, "shift_negative": other or shift}
        bench.step("rectify", (name,), to, what=what or f"{gain}, {negative} >> {shift}", slope=0.0, **gains, **bounds)

    for negative, shift in product((0, 1, 3, 77, 32767), SHIFTS):
        rectified(x, bench.tensor(1, 1, COUNT), 256, negative, shift)
    for (low, high), gain in product(CLAMPS, (256, 32767)):
        rectified(x, bench.tensor(1, 1, COUNT), gain, gain, 8, f"{gain}, {low} to {high}", low=low, high=high)
    wide = bench.source(noise(5 * 7 * 3, 3), 3, 4, 3, halo=(1, 1, 1, 2))
    rectified(wide, bench.tensor(3, 4, 3, halo=(2, 0, 0, 1)), 256, 26, 8, "halos")
    for other in SHIFTS:
        rectified(x, bench.tensor(1, 1, COUNT), 256, 20972, 8, f"256 >> 8, 20972 >> {other}", other=other)
    return bench


@vectors
def lookup() -> Bench:
    bench = Bench()
    # Around every fourth table point, and both ends.
    near = np.array([-255, -129, -128, -127, -1, 0, 1, 127, 128])
    points = np.clip(np.arange(-128, 129, 4)[:, None] * 256 + near, -32768, 32767)
    x = bench.source(points, 1, 1, points.size)
    odd = np.arange(257) % 2 == 1
    tables = {
        "random": np.random.default_rng(4).integers(-32768, 32768, 257),
        "teeth": np.where(odd, 32767, -32768),
        "other teeth": np.where(odd, -32768, 32767),
        "rising": np.clip(np.arange(-128, 129) * 256, -32768, 32767),
        "by one": np.arange(257) - 128,
        "lowest": np.full(257, -32768),
    }
    tables = {name: table.astype(np.int16) for name, table in tables.items()}
    for name, table in tables.items():
        bench.step("lookup", (x,), bench.tensor(1, 1, points.size), what=name, function=name, table=table)
    wide = bench.source(noise(4 * 7 * 2, 5), 2, 5, 2, halo=(1, 1, 1, 1))
    to = bench.tensor(2, 5, 2, halo=(1, 0, 2, 1))
    bench.step("lookup", (wide,), to, what="halos", function="random", table=tables["random"])
    return bench


@vectors
def convert() -> Bench:
    bench = Bench()
    every = np.arange(256)

    def converted(port: str, kind: str, to: str, gain: int, offset: int, shift: int, table=None) -> None:
        what = f"{kind} {gain}, {offset} >> {shift}"
        scale = {"gain": gain, "offset": offset, "shift": shift, "scale": 1.0, "zero": 0.0}
        bench.step("convert", (port,), to, what=what, port=port, kind=kind, table=table, **scale)

    near = 2**31 - 1 - 255 * 32767
    maps = [(1, 0, 8), (128, 0, 8), (-128, 64, 8), (32767, near, 8), (-32767, -near, 16), (32767, near, 16)]
    maps += [(1, -128, 24), (32767, 0, 24), (-1, 2**31 - 256, 32), (257, -1, 40), (0, -(2**31) + 1, 16)]
    for kind, values in (("u8", every), ("i8", every - 128)):
        x = bench.raw(values, kind)
        for gain, offset, shift in maps:
            converted(x, kind, bench.tensor(1, 1, 256), gain, offset, shift)
        table = np.where(every % 3, noise(256, 22), 32767).astype(np.int16)
        converted(x, kind, bench.tensor(1, 1, 256), 0, 0, 8, table)
    odd = bench.raw(noise(15, 23) & 255, "u8")
    converted(odd, "u8", bench.tensor(3, 5, 1, halo=(1, 0, 1, 2)), 128, -300, 8)
    words = bench.raw(EXTREMES, "i16")
    most = 2**31 - 1 - 32768 * 32767
    maps = [(1, 0, 8), (256, 0, 8), (32767, most, 16), (-32767, -most, 8), (-32767, most, 24), (0, 2**31 - 1, 16)]
    for gain, offset, shift in maps:
        converted(words, "i16", bench.tensor(1, 1, COUNT), gain, offset, shift)
    converted(words, "i16", bench.tensor(1, 1, COUNT), 0, 0, 8, table)
    converted(words, "i16", bench.tensor(1, COUNT, 1, halo=(0, 1, 0, 0)), 256, 0, 8)
    return bench


@vectors
def convert_bounds() -> Bench:
    """Gains and offsets on both sides of where the sum's bounds decide how it is scaled."""
    bench = Bench()
    kinds = {
        "u8": (bench.raw(np.arange(256), "u8"), 256, 255),
        "i8": (bench.raw(np.arange(256) - 128, "i8"), 256, 128),
        "i16": (bench.raw(EXTREMES, "i16"), COUNT, 32768),
    }
    for kind, (port, count, largest) in kinds.items():
        maps = [(gain, offset, 8) for gain in (256, -256, 16384, 0) for offset in (0, 256, -512, 1)]
        for gain in (-16384, 32767):
            for end, half in ((1 << 23, 128), (1 << 31, 128), (1 << 31, 1 << 15)):
                # The sum of everything is end - 1, end, or in the last multiple of 256.
                rest = end - half - abs(gain) * largest
                offsets = [n for n in (rest - 1, rest, rest - rest % 256, -rest, 1 - rest) if n < 1 << 31]
                maps += [(gain, n, 16 if half > 128 else 8) for n in offsets if abs(gain) * largest + abs(n) < 1 << 31]
        for gain, offset, shift in dict.fromkeys(maps):
            scale = {"gain": gain, "offset": offset, "shift": shift, "scale": 1.0, "zero": 0.0}
            what = f"{kind} {gain}, {offset} >> {shift}"
            bench.step(
                "convert", (port,), bench.tensor(1, 1, count), what=what, port=port, kind=kind, table=None, **scale
            )
    return bench


@vectors
def fill() -> Bench:
    bench = Bench()
    x = bench.source([11, -11], 1, 1, 2)
    halos = ((1, 1, 1, 1), (2, 0, 0, 0), (0, 0, 0, 3), (0, 2, 1, 0))
    for value, halo, whole in product((0, -1, -32768, 32767), halos, (True, False)):
        name = bench.tensor(2, 3, 2, halo, value=value)
        if whole:
            bench.fill(name, value, whole=True)
        # A tensor is compared whole, so the inside must be written too.
        at = bench.tensors[name]
        box(bench, x, name, (2, 3, 2), ((0, 0, 1), (at.pitch, 2, 1)), end=at.origin, what="inside")
    bench.fill(bench.tensor(3, 2, 5), -32768, whole=True)
    # Ends and rows of every length around that of a block of stores.
    for length, rest in ((1, 16), (15, 17), (16, 1), (17, 15), (33, 0), (0, 32)):
        name = bench.tensor(2, 3, 1, (1, length, 2, rest), value=9)
        at = bench.tensors[name]
        box(bench, x, name, (2, 3, 1), ((0, 0, 1), (at.pitch, 1, 1)), end=at.origin, what=f"{length}, {rest}")
    return bench

"""Kernels other than multiply-accumulate ones at the shapes that small networks have, to count their cycles."""

from __future__ import annotations

import numpy as np
from bench import Bench
from elementwise_vectors import box
from values import noise


def realistic() -> Bench:
    """One step or more a kernel; what is special about a step shows in its source."""
    bench = Bench()
    _inputs(bench)
    image = bench.source(noise(28 * 28 * 8, 60), 28, 28, 8)
    maps = _pooling(bench, image)
    _element_by_element(bench, image)
    _copies(bench, *maps)
    return bench


def _inputs(bench: Bench) -> None:
    def converted(port: str, kind: str, to: str, gain: int, offset: int, shift: int, what: str, table=None) -> None:
        scale = {"gain": gain, "offset": offset, "shift": shift, "scale": 1.0, "zero": 0.0}
        bench.step("convert", (port,), to, what=f"{kind}, {what}", port=port, kind=kind, table=table, **scale)

    pixels = bench.raw(noise(32 * 32 * 3, 61) & 255, "u8")
    converted(pixels, "u8", bench.tensor(32, 32, 3, halo=(1, 1, 1, 1)), 16448, 0, 8, "a gain, halo")
    converted(pixels, "u8", bench.tensor(32, 32, 3), 16384, 0, 8, "a shift")
    converted(pixels, "u8", bench.tensor(32, 32, 3), 0, 0, 8, "table", noise(256, 62).astype(np.int16))
    words = bench.raw(noise(256 * 6, 63), "i16")
    converted(words, "i16", bench.tensor(1, 256, 6), 200, -3000, 8, "a gain >> 8")
    converted(words, "i16", bench.tensor(1, 256, 6), 16384, 0, 16, "a shift")
    converted(words, "i16", bench.tensor(1, 256, 6), 256, 0, 8, "as they are")


def _pooling(bench: Bench, image: str) -> tuple[str, str]:
    """Returns two of the maps."""

    def pooled(name: str, to: str, kernel, stride, pad=(0, 0)) -> str:
        windows = {"kernel": kernel, "stride": stride, "pad": pad, "dilation": (1, 1)}
        return bench.step("max_pool", (name,), to, what=f"{kernel[0]} x {kernel[1]}", **windows)

    def averaged(name: str, to: str, spans, cells: int, multiplier: int, what: str) -> None:
        scale = {"divisors": np.array([[cells]]), "multiplier": np.array([[multiplier]]), "shift": 16}
        bench.step("avg_pool", (name,), to, what=what, rows=spans, columns=spans, **scale)

    first = pooled(image, bench.tensor(14, 14, 8), (2, 2), (2, 2))
    pooled(image, bench.tensor(14, 14, 8, halo=(1, 1, 1, 1)), (2, 2), (2, 2))
    second = pooled(image, bench.tensor(14, 14, 8), (3, 3), (2, 2), (1, 1))
    line = bench.source(noise(128 * 16, 64), 1, 128, 16)
    pooled(line, bench.tensor(1, 64, 16), (1, 2), (1, 2))
    pairs = tuple((2 * i, 2, 0) for i in range(14))
    averaged(image, bench.tensor(14, 14, 8), pairs, 4, 16384, "2 x 2")
    averaged(image, bench.tensor(14, 14, 8), pairs, 4, 32767, "2 x 2, finer")
    small = bench.source(noise(8 * 8 * 32, 65), 8, 8, 32)
    averaged(small, bench.tensor(1, 1, 32), ((0, 8, 0),), 64, 1024, "8 x 8")
    averaged(small, bench.tensor(1, 1, 32), ((0, 8, 0),), 64, 2048, "8 x 8, finer")
    return first, second


def _element_by_element(bench: Bench, image: str) -> None:
    shape, half = (14, 14, 16), 14 * 14 * 16
    line = ((0, 0, 1), (0, 0, 1))
    a, b = (box(bench, image, bench.tensor(*shape), (1, 1, half), line, start=half * i, what="a run") for i in (0, 1))

    def rectified(gain: int, shift: int, what: str, **bounds) -> None:
        gains = {"gain": 256, "shift": 8, "gain_negative": gain, "shift_negative": shift}
        bench.step("rectify", (a,), bench.tensor(*shape), what=what, slope=0.0, **gains, **bounds)

    bench.step("add", (a, b), bench.tensor(*shape), what=">> 8", gain_a=256, gain_b=128, shift=8)
    padded = bench.tensor(*shape, halo=(1, 1, 1, 1))
    bench.step("add", (a, b), padded, what=">> 16, ReLU, halo", gain_a=32767, gain_b=16384, shift=16, low=0)
    rectified(655, 16, "leaky")
    rectified(0, 40, "ReLU", low=0)
    rectified(256, 8, "clip", low=-1000, high=1000)
    bench.step("lookup", (a,), bench.tensor(*shape), function="f", table=noise(257, 66).astype(np.int16))


def _copies(bench: Bench, a: str, b: str) -> None:
    both, size = bench.tensor(14, 14, 16), (14, 14, 8)
    strides = ((112, 8, 1), (224, 16, 1))
    box(bench, a, both, size, strides, what="beside")
    box(bench, b, both, size, strides, end=8, what="beside, coarser", gain=128, shift=8)
    padded = bench.tensor(14, 14, 16, halo=(1, 1, 1, 1))
    at = bench.tensors[padded]
    box(bench, both, padded, (14, 14, 16), ((224, 16, 1), (at.pitch, 16, 1)), end=at.origin, what="into a halo")
    box(bench, both, bench.tensor(16, 14, 14), (16, 14, 14), ((1, 224, 16), (196, 14, 1)), what="permuted")
    bench.fill(bench.tensor(20, 20, 16), 0, whole=True)

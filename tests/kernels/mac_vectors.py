"""Extreme values for the multiply-accumulate kernels, by encoding and width of the weights."""

from __future__ import annotations

from itertools import product

import numpy as np
from bench import Bench
from values import CLAMPS, EXTREMES, VECTORS, noise

from sparsecomp.arithmetic import SHIFTS
from sparsecomp.encodings import ENCODERS
from sparsecomp.filters import overflow

LIMIT = 2**31 - 1


def mac(
    bench: Bench,
    x: str,
    weight: np.ndarray,
    kind: str,
    *,
    groups: int = 1,
    stride=(1, 1),
    dilation=(1, 1),
    pad=0,
    halo=(0, 0, 0, 0),
    bias=None,
    bias_shift: int = 0,
    multiplier=(1,),
    shift: int = 8,
    what: str = "",
    **bounds,
) -> str:
    """A convolution with ``weight`` (filters, kernel rows, kernel columns, channels of a group), int8 or int16.

    ``pad`` cells of the input's halo are read on every side. Refuses vectors whose accumulator could overflow.
    """
    source = bench.tensors[x]
    filters, rows, columns, inputs = weight.shape
    height = (source.height + 2 * pad - dilation[0] * (rows - 1) - 1) // stride[0] + 1
    width = (source.width + 2 * pad - dilation[1] * (columns - 1) - 1) // stride[1] + 1
    y, k, c = np.ix_(np.arange(rows), np.arange(columns), np.arange(inputs))
    row, column = dilation[0] * source.pitch, dilation[1] * source.channels
    offsets = (y * row + k * column + c).reshape(-1)
    matrix = weight.reshape(filters, -1)
    values = np.zeros(filters) if bias is None else np.asarray(bias, np.float64) * 2**bias_shift
    assert overflow(matrix, values, -32768, 32767).max() <= 1.0, "such an accumulator is never generated"
    together = dilation[1] == 1 and groups == 1
    return bench.step(
        "mac",
        (x,),
        bench.tensor(height, width, filters, halo),
        what=f"{kind} {what}",
        encoded=ENCODERS[kind](matrix, offsets),
        matrix=matrix,
        offsets=offsets,
        runs=(rows, 1, columns * inputs, row, 0) if together else (rows, columns, inputs, row, column),
        start=source.origin - pad * source.pitch - pad * source.channels,
        row_step=stride[0] * source.pitch,
        column_step=stride[1] * source.channels,
        group_step=inputs,
        group_size=filters // groups,
        bias=bias,
        bias_shift=bias_shift,
        multiplier=np.asarray(multiplier),
        shift=shift,
        **bounds,
    )


def geometry(bench: Bench, kind: str, dtype: type) -> None:
    """Strides, dilations, padding, groups, depthwise, pitches; random weights, a third of them not zero."""
    rng = np.random.default_rng(30)
    top = 127 if dtype is np.int8 else 600

    def weight(*shape: int) -> np.ndarray:
        return (rng.integers(-top, top + 1, shape) * (rng.random(shape) < 0.4)).astype(dtype)

    image = bench.source(noise(8 * 9 * 4, 31), 6, 7, 4, halo=(1, 1, 1, 1))
    scale = {"multiplier": rng.integers(1, 32768, 6), "shift": 24}
    mac(bench, image, weight(6, 3, 3, 4), kind, what="padded", pad=1, **scale)
    mac(bench, image, weight(6, 3, 3, 4), kind, what="stride", pad=1, stride=(2, 3), halo=(1, 1, 1, 1), **scale)
    mac(bench, image, weight(6, 2, 3, 4), kind, what="dilation", dilation=(3, 2), halo=(0, 1, 2, 0), **scale)
    mac(bench, image, weight(6, 3, 2, 2), kind, what="groups", groups=2, pad=1, **scale)
    mac(bench, image, weight(4, 3, 3, 1), kind, what="depthwise", groups=4, pad=1, multiplier=(9000,), shift=16)
    mac(
        bench,
        image,
        weight(8, 3, 3, 1),
        kind,
        what="depthwise, two each",
        groups=4,
        dilation=(2, 2),
        multiplier=(9000,),
        shift=16,
    )
    mac(bench, image, weight(1, 1, 1, 4), kind, what="pointwise", stride=(3, 1), multiplier=(32767,), shift=24)


def values(bench: Bench, kind: str, dtype: type) -> None:
    """Multipliers, shifts, biases, clamps, and accumulators at both ends of 32 bits."""
    taps = len(EXTREMES)
    x = bench.source(EXTREMES, 1, 1, taps)
    top = 127 if dtype is np.int8 else 1800
    rng = np.random.default_rng(32)
    ends = (
        np.stack(
            [
                np.where(EXTREMES < 0, -top, top),
                np.where(EXTREMES < 0, top, -top),
                rng.integers(-top, top, taps),
                np.eye(taps)[0],
                np.eye(taps)[-1],
                np.zeros(taps),
            ]
        )
        .astype(dtype)
        .reshape(6, 1, 1, taps)
    )
    for one, shift in product((0, 1, 255, 32767), SHIFTS):
        mac(bench, x, ends, kind, what=f"{one} >> {shift}", multiplier=(one,), shift=shift)
    for shift in SHIFTS:
        mac(bench, x, ends, kind, what=f"each >> {shift}", multiplier=(0, 1, 127, 16384, 32766, 32767), shift=shift)
    for low, high in CLAMPS:
        mac(bench, x, ends, kind, what=f"{low} to {high}", multiplier=(1,), shift=8, low=low, high=high)
    small = np.array([-128, 127, -1, 0, 1, 64], np.int8)
    wide = np.array([-32768, 32767, -1, 0, 129, -129], np.int16)
    for bias, drop in product((small, wide), (0, 1, 7, 8, 13)):
        mac(
            bench,
            x,
            ends // 4,
            kind,
            what=f"{bias.dtype} bias << {drop}",
            bias=bias,
            bias_shift=drop,
            multiplier=(3,),
            shift=16,
        )
    # Ties: the accumulator is the bias, half of the last place and its neighbours.
    ties = (np.arange(-3, 3)[:, None] * 256 + [127, 128, 129]).reshape(-1).astype(np.int16)
    nothing = np.zeros((ties.size, 1, 1, taps), dtype)
    for shift, drop in ((8, 0), (16, 8), (24, 16)):
        mac(bench, x, nothing, kind, what=f"ties >> {shift}", bias=ties, bias_shift=drop, multiplier=(1,), shift=shift)
    # One multiplication short of overflow, then the bias up to the very end.
    count = 2 if dtype is np.int16 else 516
    heavy = 32767 if dtype is np.int16 else 127
    rest = LIMIT - 32768 * heavy * count
    for value in (-32768, 32767):
        full = bench.source(np.full(count, value), 1, 1, count)
        bias = np.array([0, rest >> 8, -(rest >> 8)], np.int16)
        for sign, shift in ((1, 40), (-1, 40), (-1, 16)):
            filters = np.full((3, 1, 1, count), sign * heavy, dtype)
            mac(
                bench,
                full,
                filters,
                kind,
                what=f"{value} * {sign * heavy} >> {shift}",
                bias=bias,
                bias_shift=8,
                multiplier=(1, 32767, 32766),
                shift=shift,
            )


def sparse(bench: Bench, kind: str, dtype: type) -> None:
    """Filters without a weight or with many, bridges over long gaps, positions above 255, and the last tap alone."""
    taps = 1100
    x = bench.source(noise(taps, 33), 1, 1, taps)
    for name, rows in {
        "empty first": ([], [3], [0, 5]),
        "empty between": ([0], [], [], [1099]),
        "empty last": ([7, 8], []),
        "all empty": ([], [], []),
        "more than 255": ([3], list(range(300)), [], [5, 9], [0], [1099], [], list(range(1, 600, 2)), [2], [4, 7]),
        "whole bytes": (list(range(8)), [7, 8], list(range(8, 24)), list(range(120, 1100)), [0, 15, 1096, 1099]),
        "gaps": ([254], [255], [256], [509], [510], [511], [764, 1020], [1, 256, 512, 1023], [0, 255, 510, 765, 1020]),
        "far": ([1099], [0, 1099], list(range(1090, 1100)), list(range(0, 1100, 255)), list(range(0, 1100, 256))),
    }.items():
        weight = np.zeros((len(rows), 1, 1, taps), dtype)
        for number, places in enumerate(rows):
            weight[number, 0, 0, places] = [(-127, 127, 1, -1)[i % 4] for i in range(len(places))]
        mac(bench, x, weight, kind, what=name, multiplier=(255,), shift=16)
        mac(
            bench,
            x,
            weight,
            kind,
            what=f"{name}, bias",
            bias=np.arange(-1, len(rows) - 1, dtype=np.int8) * 60,
            bias_shift=4,
            multiplier=np.arange(len(rows)) * 3000 + 1,
            shift=24,
        )


def many(bench: Bench, kind: str, dtype: type) -> None:
    """Filters around every 32nd, with counts of a byte and of two, where a unit begins at any of them."""
    rng = np.random.default_rng(34)
    taps = 320
    line, image = bench.source(noise(taps, 35), 1, 1, taps), bench.source(noise(3 * 3 * 4, 36), 3, 3, 4)

    def weight(*shape: int) -> np.ndarray:
        return (rng.integers(-9, 10, shape) * (rng.random(shape) < 0.02)).astype(dtype)

    for filters in (32, 33, 64, 97):
        few, one_of_many = weight(filters, 1, 1, taps), weight(filters, 1, 1, taps)
        one_of_many[filters // 3, 0, 0, :300] = 5
        mac(bench, line, few, kind, what=f"{filters} filters", multiplier=(255,), shift=16)
        mac(bench, line, one_of_many, kind, what=f"{filters} filters, one of 300", multiplier=(255,), shift=16)
        mac(bench, image, 20 * weight(filters, 2, 2, 4), kind, what=f"{filters} filters, pixels")


def _register() -> None:
    for kind, dtype in product(ENCODERS, (np.int8, np.int16)):
        for part in (geometry, values) if kind == "dense" else (geometry, values, sparse, many):

            def build(part=part, kind: str = kind, dtype: type = dtype) -> Bench:
                bench = Bench()
                part(bench, kind, dtype)
                return bench

            VECTORS[f"mac_{kind}_{np.dtype(dtype).name}_{part.__name__}"] = build


_register()

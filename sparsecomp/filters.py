"""Filters to int8 or int16 with their biases and multipliers, and the proof that no accumulator can overflow."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sparsecomp.arithmetic import MAX_MULTIPLIER, SHIFTS, round_half_up, widest_shift
from sparsecomp.errors import ConversionError

INT32_MAX = 2**31 - 1
# Weights that stand on the steps of a multiplier, kept in float32, must find that multiplier again.
ROUNDING = 2.0**-6


@dataclass(frozen=True)
class Filters:
    """Quantized filters: ``matrix`` (filters, taps), ``bias`` (filters,) as stored, one or more multipliers."""

    matrix: np.ndarray
    bias: np.ndarray | None
    bias_shift: int
    multiplier: np.ndarray
    shift: int
    fraction: int  # of the output, lower than asked for where the multiplier needs it
    notes: tuple[str, ...] = ()


def quantize_filters(
    weight: np.ndarray,
    bias: np.ndarray | None,
    *,
    bits: int,
    low: float,
    high: float,
    fraction_in: int,
    fraction_out: int,
    name: str,
    narrow: bool = False,
) -> Filters:
    """Filters (filters, taps) and bias in float to integers whose accumulator provably stays within int32.

    ``low`` and ``high`` bound the input elements. The multiplier is chosen first and the weights are rounded in the
    scale that it exactly stands for, so that rounding the multiplier costs nothing. One multiplier serves the layer
    where that loses at most half a decibel, or still leaves the layer 40 dB and each single filter 30 dB.
    ``narrow`` takes one multiplier and one byte a bias whatever that loses: the sizes of a network that was trained so.
    """
    weight = weight.astype(np.float64)
    bias64 = None if bias is None else bias.astype(np.float64)
    asked, coarser = fraction_out, np.zeros(len(weight), bool)
    qmax = 2 ** (bits - 1) - 1
    ideal = np.abs(weight).max(axis=1) / qmax
    floor = np.zeros(len(weight)) if bias64 is None else np.abs(bias64) * 2.0**fraction_in / 2**29
    scale = np.maximum(ideal, floor)
    if not ideal.any():
        scale[:] = 2.0 ** (fraction_in - fraction_out)  # only biases: in steps of the output, where rounding is seen
    scale[scale == 0] = scale.max()  # a filter without a weight: any scale is exact
    for _ in range(64):
        choice = _choose(weight, bias64, scale, qmax, fraction_in, fraction_out, narrow)
        if choice is None:
            fraction_out -= 1
            continue
        excess = overflow(choice.matrix, choice.bias_values(), low, high)
        if excess.max() <= 1.0:
            break
        grown = np.maximum(excess, 1.0) * 1.001
        scale = scale * grown
        coarser |= excess > 1
    else:
        raise ConversionError(f"no scale of '{name}' keeps its accumulator within 32 bits")
    stored, bias_shift = choice.stored_bias()
    multiplier = choice.multiplier[:1] if choice.per_layer else choice.multiplier
    notes = []
    if fraction_out < asked:
        notes.append(f"{name}: output exponent lowered to {fraction_out} to keep the multiplier below 2^15")
    if coarser.any():
        notes.append(f"{name}: weights of {int(coarser.sum())} filter(s) made coarser so that no input overflows")
    return Filters(choice.matrix, stored, bias_shift, multiplier, choice.shift, fraction_out, tuple(notes))


@dataclass(frozen=True)
class _Choice:
    matrix: np.ndarray
    bias: np.ndarray | None
    multiplier: np.ndarray
    shift: int
    per_layer: bool
    narrow: bool = False

    def stored_bias(self) -> tuple[np.ndarray | None, int]:
        """The bias as stored, and its shift."""
        return _narrow(self.bias, self.multiplier, self.shift, self.narrow)

    def bias_values(self) -> np.ndarray:
        stored, shift = self.stored_bias()
        return np.zeros(len(self.matrix)) if stored is None else stored.astype(np.float64) * 2.0**shift


def _choose(weight, bias, scale, qmax, fraction_in, fraction_out, narrow) -> _Choice | None:
    per_filter = _round(weight, bias, scale, qmax, fraction_in, fraction_out, False)
    shared = _round(weight, bias, np.full_like(scale, scale.max()), qmax, fraction_in, fraction_out, True)
    if per_filter is None or shared is None:
        return None
    if narrow:
        return replace(shared, narrow=True)
    # Over the layer alone, large filters would hide that a shared scale rounds a small one to nothing.
    together, apart = (_sqnr(weight, c, fraction_in, fraction_out) for c in (shared, per_filter))
    enough = np.minimum(apart - 0.5, [40.0, *[30.0] * len(weight)])
    return shared if (together >= enough).all() else per_filter


def _steps(multiplier: np.ndarray, shift: int, fraction_in: int, fraction_out: int) -> np.ndarray:
    """Weight scales that the multipliers exactly stand for."""
    return multiplier * 2.0 ** (fraction_in - fraction_out - shift)


def _round(weight, bias, scale, qmax, fraction_in, fraction_out, per_layer) -> _Choice | None:
    factor = scale * 2.0 ** (fraction_out - fraction_in)
    if factor.max() * 2 ** SHIFTS[0] > MAX_MULTIPLIER:
        return None
    shift = widest_shift(float(factor.max()))
    multiplier = np.maximum(np.ceil(factor * 2.0**shift - ROUNDING), 1).astype(np.int64)
    step = _steps(multiplier, shift, fraction_in, fraction_out)
    matrix = np.clip(round_half_up(weight / step[:, None]), -qmax, qmax)
    ints = None if bias is None else round_half_up(bias / (step * 2.0**-fraction_in)).astype(np.int64)
    if ints is not None and not ints.any():
        ints = None
    return _Choice(matrix.astype(np.int8 if qmax < 128 else np.int16), ints, multiplier, shift, per_layer)


def _sqnr(weight: np.ndarray, choice: _Choice, fraction_in: int, fraction_out: int) -> np.ndarray:
    """Signal to noise in dB of all weights together, then of each filter; 1000 where nothing is lost."""
    step = _steps(choice.multiplier, choice.shift, fraction_in, fraction_out)
    noise = ((choice.matrix * step[:, None] - weight) ** 2).sum(axis=1)
    signal = (weight**2).sum(axis=1)
    noise, signal = (np.array([x.sum(), *x]) for x in (noise, signal))
    lossless = (noise == 0) | (signal == 0)
    return np.where(lossless, 1000.0, 10 * np.log10(np.where(lossless, 1, signal) / np.where(lossless, 1, noise)))


def _narrow(
    bias: np.ndarray | None, multiplier: np.ndarray, shift: int, always: bool = False
) -> tuple[np.ndarray | None, int]:
    """Stored bias and its shift: 8 bits where rounding moves no output by more than 1/8 (or ``always``), else 16."""
    if bias is None:
        return None, 0
    for dtype, limit in ((np.int8, 127), (np.int16, 32767)):
        drop = 0
        while np.abs(round_half_up(bias / 2.0**drop)).max() > limit:
            drop += 1
        stored = round_half_up(bias / 2.0**drop)
        error = np.abs(stored * 2.0**drop - bias) * multiplier / 2.0**shift
        if always or dtype is np.int16 or error.max() <= 0.125:
            return stored.astype(dtype), drop
    raise AssertionError("int16 always holds a shifted bias")


def overflow(matrix: np.ndarray, bias: np.ndarray, low: float, high: float) -> np.ndarray:
    """Largest accumulator of each filter for any input in [low, high], in any order of summing, over 2**31 - 1."""
    w = matrix.astype(np.float64)
    low, high = min(low, 0.0), max(high, 0.0)
    up = np.where(w > 0, w * high, w * low).sum(axis=1)
    down = np.where(w > 0, w * low, w * high).sum(axis=1)
    b = bias.astype(np.float64)
    return np.maximum(np.maximum(b, 0) + up, np.maximum(-b, 0) - down) / INT32_MAX

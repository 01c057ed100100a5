"""Rounding and requantization against exact fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sparsecomp.arithmetic import MAX_MULTIPLIER, SHIFTS, requantize, round_half_up, widest_shift

ACCUMULATORS = st.integers(-(2**31), 2**31 - 1)
MULTIPLIERS = st.integers(0, MAX_MULTIPLIER)


def exact(acc: int, multiplier: int, shift: int) -> int:
    return min(max(math.floor(Fraction(acc * multiplier, 1 << shift) + Fraction(1, 2)), -32768), 32767)


@given(ACCUMULATORS, MULTIPLIERS, st.sampled_from(SHIFTS))
@example(2**31 - 1, MAX_MULTIPLIER, 8)
@example(-(2**31), MAX_MULTIPLIER, 40)
@example(-(2**31), 1, 32)
@example(-1, 1, 40)
def test_requantize_is_the_rounded_quotient_clipped_to_int16(acc, multiplier, shift):
    assert requantize(acc, multiplier, shift) == exact(acc, multiplier, shift)


@given(st.lists(st.tuples(ACCUMULATORS, MULTIPLIERS), min_size=1, max_size=20), st.sampled_from(SHIFTS))
def test_requantize_takes_a_multiplier_for_each_channel(pairs, shift):
    acc, multiplier = np.array(pairs, np.int64).T
    assert requantize(acc, multiplier, shift).tolist() == [exact(a, m, shift) for a, m in pairs]


@pytest.mark.parametrize("shift", SHIFTS)
def test_ties_go_up_on_both_sides_of_zero(shift):
    half = 1 << (shift - 1)
    found = [int(requantize(odd * half, 1, shift)) for odd in (-5, -3, -1, 1, 3, 5)]
    assert found == [-2, -1, 0, 1, 2, 3]


def test_requantize_saturates_just_outside_int16():
    assert requantize(np.array([32767 << 8, (32767 << 8) + 127, (32767 << 8) + 128]), 1, 8).tolist() == [32767] * 3
    assert requantize(np.array([-32768 << 8, (-32768 << 8) - 128, (-32768 << 8) - 129]), 1, 8).tolist() == [-32768] * 3


@pytest.mark.parametrize("shift", [0, 7, 12, 48, -8])
def test_requantize_refuses_other_shifts(shift):
    with pytest.raises(ValueError, match="shift"):
        requantize(1, 1, shift)


@given(st.floats(-(2.0**40), 2.0**40))
@example(0.49999999999999994)  # its sum with 0.5 rounds to 1
@example(-0.5)
@example(-0.5000000000000001)
@example(2.5)
@example(4503599627370497.0)
def test_round_half_up_is_exact(x):
    assert round_half_up(x) == math.floor(Fraction(x) + Fraction(1, 2))


def test_round_half_up_of_an_array():
    assert round_half_up(np.array([-1.5, -0.5, 0.5, 1.5, 2.49])).tolist() == [-1, 0, 1, 2, 2]


@given(st.floats(2.0**-60, 2.0**20))
@example(32767 / 256)
@example(math.nextafter(32767 / 256, 1e9))
@example(32767 / 2**16)
@example(0.0)
def test_widest_shift_is_the_largest_that_fits(factor):
    shift = widest_shift(factor)
    fits = [s for s in SHIFTS if Fraction(factor) * 2**s <= MAX_MULTIPLIER]
    assert shift == (max(fits) if fits else 8)
    if fits:
        assert math.ceil(Fraction(factor) * 2**shift) <= MAX_MULTIPLIER


def test_widest_shift_takes_another_limit():
    assert widest_shift(1.0, limit=1 << 16) == 16
    assert widest_shift(1.0, limit=(1 << 16) - 1) == 8

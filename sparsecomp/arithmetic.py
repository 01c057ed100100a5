"""The integer arithmetic that every level shares: rounding and requantization (firmware/include/numeric.h)."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

SHIFTS = (8, 16, 24, 32, 40)
MAX_MULTIPLIER = 32767  # the hardware multiplier reads 16-bit operands as signed


def requantize(acc: np.ndarray, multiplier: np.ndarray | int, shift: int) -> np.ndarray:
    """``sat16((acc * multiplier + 2**(shift-1)) >> shift)``, round half up; int64 in, int64 out."""
    if shift not in SHIFTS:
        raise ValueError(f"shift {shift} is not one of {SHIFTS}")
    product = np.asarray(acc, np.int64) * np.asarray(multiplier, np.int64)
    return np.clip((product + (1 << (shift - 1))) >> shift, -32768, 32767)


def round_half_up(x: np.ndarray) -> np.ndarray:
    """floor(x + 1/2), the one rounding rule; exact, where adding a half in floats would itself round."""
    x = np.asarray(x, np.float64)
    whole = np.floor(x)
    return whole + (x - whole >= 0.5)


def widest_shift(factor: float, limit: int = MAX_MULTIPLIER) -> int:
    """The largest shift at which ``factor * 2**shift`` still fits below ``limit``; the smallest one if none does."""
    fitting = [s for s in SHIFTS if math.ceil(Fraction(factor) * (1 << s)) <= limit]
    return max(fitting, default=SHIFTS[0])

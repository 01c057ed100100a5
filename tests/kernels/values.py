"""Extreme elements, and the register of programs of vectors by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from bench import Bench

GAINS = (0, 1, 255, 256, 16384, 32767)
# Both ends, zero and its neighbours, byte limits, and the values at which x / 256 and x / 65536 tie, up and down.
POSITIVE = (1, 2, 127, 128, 129, 255, 256, 257, 383, 384, 385, 16383, 16384, 32639, 32640, 32766, 32767)
EXTREMES = np.array([-32768, *(-x for x in reversed(POSITIVE)), 0, *POSITIVE])
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

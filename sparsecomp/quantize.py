"""Exponents of activations, chosen on calibration data, and how much of a signal quantization keeps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sparsecomp.arithmetic import round_half_up
from sparsecomp.errors import InputError
from sparsecomp.graph import Graph
from sparsecomp.ops import run_float

MAX_SAMPLES = 256
BATCH = 32
KEPT_VALUES = 8192  # of each tensor and batch, for choosing among exponents
MAX_FRACTION = 24
SATURATING = {"sigmoid": 16.0, "tanh": 8.0}  # beyond this input the function is flat to 16 bits


def calibrate(graph: Graph, inputs: Sequence[np.ndarray]) -> dict[str, int]:
    """An exponent for every tensor of ``graph``: element = value * 2**exponent, int16.

    ``inputs`` are float32 arrays (N, *shape), one an input; at most 256 samples are used. Among the exponent that just
    holds the largest value and the two above it (which saturate rare outliers), the one with the least squared error is
    taken. Raises InputError where the data are empty, or where they or what follows from them are not finite.
    """
    count = min(len(inputs[0]), MAX_SAMPLES)
    if count == 0:
        raise InputError("the calibration data are empty", "give at least a few dozen typical inputs")
    if not all(np.isfinite(x[:count]).all() for x in inputs):
        raise InputError("the calibration data hold NaN or infinite values", "clean the data first")
    largest: dict[str, float] = {}
    kept: dict[str, list[np.ndarray]] = {}
    for i in range(0, count, BATCH):
        with np.errstate(over="ignore", invalid="ignore"):
            tensors = run_float(graph, [x[i : min(i + BATCH, count)] for x in inputs])
        for name, values in tensors.items():
            if not np.isfinite(values).all():
                raise InputError(
                    f"{graph.producer(name).describe()} computes NaN or infinite values on the calibration data",
                    "scale the data as in training; if they are, the weights are far too large",
                )
            flat = values.reshape(-1)
            largest[name] = max(largest.get(name, 0.0), float(np.abs(flat).max()))
            kept.setdefault(name, []).append(flat[:: max(1, flat.size // KEPT_VALUES)])
    fractions = {name: _best_fraction(np.concatenate(kept[name]), largest[name]) for name in largest}
    for name in fractions:
        readers = {n.op for n in graph.consumers(name)}
        if readers and readers <= set(SATURATING) and name not in graph.outputs:
            limit = max(SATURATING[op] for op in readers)
            fractions[name] = max(fractions[name], _holding(limit))
    return fractions


def _holding(largest: float) -> int:
    """The finest exponent at which ``largest`` fits int16."""
    if largest == 0.0:
        return 12
    return min(MAX_FRACTION, math.floor(math.log2(32767 / largest)))


def _best_fraction(values: np.ndarray, largest: float) -> int:
    safe = _holding(largest)
    values = np.append(values.astype(np.float64), largest)

    def error(fraction: int) -> float:
        scaled = np.clip(round_half_up(values * 2.0**fraction), -32768, 32767) * 2.0**-fraction
        return float(((scaled - values) ** 2).mean())

    return min((f for f in range(safe, min(safe + 3, MAX_FRACTION + 1))), key=error)


def sqnr_db(reference: np.ndarray, values: np.ndarray) -> float:
    """Signal to quantization noise in dB; 200 where they are equal."""
    reference = reference.astype(np.float64)
    noise = float(((values - reference) ** 2).sum())
    signal = float((reference**2).sum())
    if noise == 0:
        return 200.0
    return 10 * math.log10(signal / noise) if signal > 0 else -200.0

"""Confidence that means something: one temperature an answer, fitted on validation data.

Temperature scaling (Guo et al., "On calibration of modern neural networks", ICML 2017) changes no answer; it makes the
softmax of logits / temperature say how often an answer is right.
"""

from __future__ import annotations

import math

import numpy as np

from sparsecomp.errors import InputError

RANGE = (1 / 64, 64.0)  # of a temperature: where every answer is right no finite one is best
HALVINGS = 40


def nll(logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0) -> float:
    """Mean negative log likelihood of ``labels`` (N,) under the softmax of ``logits`` (N, classes) / temperature."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(labels)), labels]).mean())


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature with the least ``nll``, within ``RANGE``. Raises InputError where there are no data."""
    if len(logits) == 0 or len(logits) != len(labels):
        raise InputError(f"{len(logits)} answers for {len(labels)} labels", "give validation data with their classes")
    values = logits.astype(np.float64)
    values -= values.max(axis=1, keepdims=True)
    right = values[np.arange(len(labels)), labels].mean()
    # The likelihood is convex in 1 / temperature: its slope is the mean logit under the softmax less that of the label.
    low, high = (math.log(1 / t) for t in reversed(RANGE))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        weights = np.exp(values * math.exp(middle))
        slope = ((weights * values).sum(axis=1) / weights.sum(axis=1)).mean() - right
        low, high = (low, middle) if slope > 0 else (middle, high)
    return math.exp(-(low + high) / 2)

"""Confidence that means something: one temperature an answer, fitted on validation data.

Temperature scaling (Guo et al., "On calibration of modern neural networks", ICML 2017) changes no answer; it makes the
softmax of logits / temperature say how often an answer is right.
"""

from __future__ import annotations

import math

import numpy as np

from sparsecomp.errors import InputError

RANGE = (1 / 64, 64.0)  # of a temperature
HALVINGS = 40


def nll(logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0) -> float:
    """Mean negative log likelihood of ``labels`` (N,) under the softmax of ``logits`` (N, classes) / temperature."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(labels)), labels]).mean())


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature under which ``labels`` are likeliest, within ``RANGE``. Raises InputError without any.

    Where N answers are right, one more may be wrong: each label counts for all but 1 / (N + 2), the other classes share
    that (Platt's targets, 1999). Without it the best temperature of answers that are all right would be zero.
    """
    if len(logits) == 0 or len(logits) != len(labels):
        raise InputError(f"{len(logits)} answers for {len(labels)} labels", "give validation data with their classes")
    values = logits.astype(np.float64)
    values -= values.max(axis=1, keepdims=True)
    doubt = 1 / (len(labels) + 2)
    right = (1 - doubt) * values[np.arange(len(labels)), labels].mean() + doubt * values.mean()
    # The likelihood is convex in 1 / temperature: its slope is the mean logit under the softmax less that of the label.
    low, high = (math.log(1 / t) for t in reversed(RANGE))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        weights = np.exp(values * math.exp(middle))
        slope = ((weights * values).sum(axis=1) / weights.sum(axis=1)).mean() - right
        low, high = (low, middle) if slope > 0 else (middle, high)
    return math.exp(-(low + high) / 2)

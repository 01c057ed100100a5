"""How good answers are: a callable ``(outputs (N, ...), labels (N, ...)) -> float``. Top-1 is the default."""

from collections.abc import Callable

import numpy as np

Metric = Callable[[np.ndarray, np.ndarray], float]


def top1(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Share of the N rows whose largest output is the labelled class; the first of equal ones counts, as on the device.

    ``outputs`` is (N, classes), ``labels`` (N,).
    """
    return float((np.argmax(outputs.reshape(len(outputs), -1), axis=1) == labels.reshape(-1)).mean())


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Share of the N rows of two (N, classes) outputs whose largest elements stand in the same place."""
    return top1(first, np.argmax(second.reshape(len(second), -1), axis=1))

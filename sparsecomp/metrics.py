"""How good answers are: a callable ``(outputs (N, ...), labels (N, ...)) -> float``. Top-1 is the default."""

import math
from collections.abc import Callable

import numpy as np

from sparsecomp.errors import InputError

# Of the outputs against the float network; below either 16-bit weights are tried, and a note says so.
GOOD_SQNR_DB = 20.0
GOOD_AGREEMENT = 0.98

Metric = Callable[[np.ndarray, np.ndarray], float]


def top1(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Share of the N rows whose largest output is the labelled class; the first of equal ones counts, as on the device.

    ``outputs`` is (N, classes), ``labels`` (N,).
    """
    return float((np.argmax(outputs.reshape(len(outputs), -1), axis=1) == labels.reshape(-1)).mean())


def mean_squared_error(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Mean square of the difference of N outputs and N targets of as many elements: for regression, autoencoders."""
    difference = outputs.reshape(len(outputs), -1) - labels.reshape(len(labels), -1).astype(np.float64)
    return float((difference**2).mean())


def fitting(metric: Metric, labels: np.ndarray | None, shape: tuple[int, ...]) -> Metric:
    """``metric``; top-1 gives way to the mean squared error where labels are targets of outputs of ``shape``.

    Raises InputError where the labels are neither classes nor targets. A metric of the user's own takes any labels.
    """
    if metric is not top1 or labels is None:
        return metric
    elements = math.prod(shape)
    whole = labels.dtype.kind in "iu" or bool((labels == np.round(labels)).all())
    if labels.size == len(labels) and elements > 1 and whole:
        return metric
    if labels.size == len(labels) * elements:
        return mean_squared_error
    raise InputError(
        f"labels of shape {labels.shape} are neither classes nor targets of outputs of shape {shape}",
        "whole numbers (N,) are classes, floats of the outputs' shape are targets; else call deploy(..., metric=f)",
    )


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Share of the N rows of two (N, classes) outputs whose largest elements stand in the same place."""
    return top1(first, np.argmax(second.reshape(len(second), -1), axis=1))

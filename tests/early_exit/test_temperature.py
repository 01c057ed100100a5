"""One temperature an answer: it makes the likelihood of the labels as large as it can be."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from sparsecomp.early_exit.temperature import RANGE, fit_temperature, nll
from sparsecomp.errors import InputError


def drawn(scale, count=4000, seed=0):
    """Logits (count, 4) and labels drawn from the softmax of logits / scale."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (count, 4))
    p = np.exp(logits / scale)
    p /= p.sum(1, keepdims=True)
    return logits, (p.cumsum(1) < random.random((count, 1))).sum(1)


@pytest.mark.parametrize("scale", [0.4, 1.0, 3.0])
def test_the_temperature_that_labels_were_drawn_with_is_found(scale):
    logits, labels = drawn(scale)
    found = fit_temperature(logits, labels)
    assert found == pytest.approx(scale, rel=0.1)
    known = minimize_scalar(lambda t: nll(logits, labels, np.exp(t)), bounds=(-4, 4), method="bounded")
    assert np.log(found) == pytest.approx(known.x, abs=0.01)
    if scale != 1.0:
        assert nll(logits, labels, found) < nll(logits, labels)


def test_the_likelihood_is_that_of_the_softmax():
    logits, labels = np.array([[1.0, 3.0], [2.0, -1.0]]), np.array([1, 1])
    expected = -np.log([np.exp(1.5) / (np.exp(0.5) + np.exp(1.5)), np.exp(-0.5) / (np.exp(1) + np.exp(-0.5))]).mean()
    assert nll(logits, labels, 2.0) == pytest.approx(expected)


def test_answers_that_are_all_right_are_not_taken_for_certain():
    logits, labels = np.array([[5.0, 0.0], [0.0, 5.0]] * 50), np.array([0, 1] * 50)
    found = fit_temperature(logits, labels)
    # As if the next of 102 were wrong with 1/204: the mean over the two classes counts 1/102.
    assert 1 / (1 + np.exp(-5 / found)) == pytest.approx(1 - 1 / 204, abs=1e-6)
    assert fit_temperature(logits, 1 - labels) == pytest.approx(RANGE[1], rel=1e-6)


def test_no_data_are_refused():
    with pytest.raises(InputError):
        fit_temperature(np.zeros((0, 3)), np.zeros(0, int))
    with pytest.raises(InputError):
        fit_temperature(np.zeros((2, 3)), np.zeros(1, int))

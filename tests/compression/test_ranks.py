"""Rank estimation: against planted ranks, scipy's optimizers, and the variational free energy it is derived from."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq, dual_annealing, minimize

from sparsecomp.compression.ranks import (
    bounds,
    energy_rank,
    estimate,
    free_energy,
    rank,
    singular_values,
    threshold,
)
from sparsecomp.errors import InputError


def planted(rows, columns, components, noise, seed=0):
    """Components with singular values from 2 to 4 times sqrt(rows * columns), plus noise of that standard deviation."""
    rng = np.random.default_rng(seed)
    u = np.linalg.qr(rng.standard_normal((rows, components)))[0]
    v = np.linalg.qr(rng.standard_normal((columns, components)))[0]
    signal = (u * rng.uniform(2, 4, components)) @ v.T * math.sqrt(rows * columns)
    return signal + noise * rng.standard_normal((rows, columns))


@pytest.mark.parametrize("rows, columns", [(20, 20), (16, 144), (144, 16), (64, 576), (100, 120)])
@pytest.mark.parametrize("components", [0, 1, 3, 7])
@pytest.mark.parametrize("noise", [1e-4, 0.1, 1.0])
def test_the_planted_rank_and_noise_are_recovered(rows, columns, components, noise):
    found = estimate(planted(rows, columns, components, noise))
    assert found.rank == components
    assert found.noise_variance == pytest.approx(noise**2, rel=0.25)


@pytest.mark.parametrize("components", [0, 1, 5, 9])
def test_without_noise_the_rank_is_the_exact_one(components):
    matrix = planted(20, 30, components, 0.0) if components else np.zeros((20, 30))
    assert rank(matrix) == components == np.linalg.matrix_rank(matrix)


@pytest.mark.parametrize("shape", [(3, 5), (1, 1), (1, 9), (0, 4), (4, 0)])
def test_zeros_have_no_rank(shape):
    assert estimate(np.zeros(shape)) == estimate(np.zeros(shape[::-1]))
    assert estimate(np.zeros(shape)).rank == 0 and estimate(np.zeros(shape)).noise_variance == 0


def test_one_row_or_equal_singular_values_cannot_be_told_from_noise():
    assert rank(np.ones((1, 9))) == rank(np.ones((9, 1))) == rank(np.eye(6)) == 0


@given(st.integers(1, 12), st.integers(1, 30), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_tall_and_wide_agree_and_the_scale_does_not_matter(rows, columns, components, seed):
    matrix = planted(rows, columns, min(components, rows, columns), 0.3, seed)
    found, turned = estimate(matrix), estimate(matrix.T)
    assert found.rank == turned.rank <= math.ceil(rows * columns / (rows + columns)) - 1
    assert found.noise_variance == pytest.approx(turned.noise_variance, rel=1e-6)
    for scale in (2.0**-140, 2.0**400):
        scaled = estimate(matrix * scale)
        assert scaled.rank == found.rank
        assert scaled.noise_variance == pytest.approx(found.noise_variance * scale**2, rel=1e-6)


@given(st.integers(2, 12), st.integers(2, 20), st.integers(0, 4), st.floats(0.3, 12), st.integers(0, 2**32 - 1))
def test_the_noise_variance_is_the_global_minimum(rows, columns, components, noise, seed):
    """The scan and the annealing know nothing of bounds and kinks, and reach well past both bounds."""
    matrix = planted(rows, columns, min(components, rows, columns), noise, seed)
    values = singular_values(matrix)
    low, high = bounds(values, matrix.shape)
    found = estimate(matrix).noise_variance
    assert low * (1 - 1e-9) <= found <= high * (1 + 1e-9)
    least = free_energy(values, matrix.shape, found)
    span = math.log(low / 100), math.log(high * 100)
    scanned = min(free_energy(values, matrix.shape, math.exp(point)) for point in np.linspace(*span, 1500))
    assert least <= scanned + 1e-9 * max(1, abs(scanned))


@pytest.mark.parametrize("seed", range(4))
def test_annealing_finds_the_same_noise_variance(seed):
    matrix = planted(10, 14, 3, 1.0 + 3 * seed, seed)
    values = singular_values(matrix)
    low, high = bounds(values, matrix.shape)
    result = dual_annealing(
        lambda log: free_energy(values, matrix.shape, math.exp(log[0])),
        [(math.log(low / 100), math.log(high * 100))],
        rng=seed,
        maxiter=200,
    )
    assert estimate(matrix).noise_variance == pytest.approx(math.exp(result.x[0]), rel=1e-4)


@pytest.mark.parametrize("rows, columns", [(1, 1), (4, 4), (4, 10), (3, 200), (50, 60)])
def test_the_threshold_is_the_root_of_the_exact_equation(rows, columns):
    alpha = rows / columns
    x_bar = threshold(alpha)
    tau = (x_bar - (1 + alpha) + math.sqrt((x_bar - (1 + alpha)) ** 2 - 4 * alpha)) / 2
    phi = [math.log(z + 1) / z - 0.5 for z in (tau, tau / alpha)]
    assert sum(phi) == pytest.approx(0, abs=1e-9)
    assert tau == pytest.approx(2.5129 * math.sqrt(alpha), rel=0.12)  # the published approximation
    if alpha == 1:
        assert tau == pytest.approx(2.5129, abs=5e-5)
        assert x_bar == pytest.approx(1 + alpha + tau + alpha / tau)


def component(gamma, rows, columns, variance):
    """Least free energy of one component over its posterior, by numerical optimization; 0 for a component pruned away.

    Twice the free energy of the model, with both prior variances at their optimum, by L-BFGS from several
    starts: a, b are the norms of the posterior means, s, t the posterior variances per element.
    """

    def energy(point):
        log_a, log_b, log_s, log_t = point
        a, b, s, t = (math.exp(value) for value in (log_a, log_b, log_s, log_t))
        second_a, second_b = a * a + columns * s, b * b + rows * t
        return (
            columns * math.log(second_a / columns / s)
            + rows * math.log(second_b / rows / t)
            + (second_a * second_b - 2 * a * b * gamma) / variance
        )

    starts = [[math.log(math.sqrt(gamma * share))] * 2 + [-2.0, -2.0] for share in (0.4, 0.9)]
    found = [
        minimize(energy, start, bounds=[(-12, 6)] * 4, options={"maxiter": 4000, "ftol": 1e-14}) for start in starts
    ]
    return min(result.fun for result in found)


@pytest.mark.parametrize("rows, columns", [(5, 5), (4, 9), (3, 40)])
@pytest.mark.parametrize("excess", [1.02, 1.5, 6.0])
def test_the_gain_of_a_component_is_the_minimum_of_its_variational_free_energy(rows, columns, excess):
    variance = 0.7
    x = excess * threshold(rows / columns)
    gamma = math.sqrt(x * columns * variance)
    constant = x + rows * math.log(variance)  # psi_0 of this component, and log sigma^2 of the zeros
    values = np.array([gamma] + [0.0] * (rows - 1))
    gain = (free_energy(values, (rows, columns), variance) - constant) * columns
    assert gain < 0
    assert component(gamma, rows, columns, variance) == pytest.approx(gain, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("rows, columns", [(5, 5), (4, 9), (3, 40)])
def test_at_the_threshold_a_component_begins_to_pay(rows, columns):
    def best(x):
        return component(math.sqrt(x * columns * 0.7), rows, columns, 0.7)

    x_bar = threshold(rows / columns)
    # Below it every posterior but the pruned one costs; the local minimum exists from (1 + sqrt(alpha))^2 on.
    assert best(0.98 * x_bar) > -1e-3 > best(1.02 * x_bar)
    assert brentq(lambda x: best(x) + 1e-3, 0.9 * x_bar, 1.1 * x_bar, xtol=1e-3) == pytest.approx(x_bar, rel=0.01)


def test_energy_rank_counts_the_components_that_hold_a_share():
    values = np.array([3.0, 2.0, 1.0, 1.0, 1.0])  # squares 9, 4, 1, 1, 1 of 16
    assert [energy_rank(values, share) for share in (0.0, 0.5, 9 / 16, 0.57, 13 / 16, 0.9, 1.0)] == [
        1,
        1,
        1,
        2,
        2,
        4,
        5,
    ]
    assert energy_rank(np.zeros(4), 0.5) == energy_rank(np.zeros(0), 0.5) == 0


@pytest.mark.parametrize("bad", [np.zeros(4), np.zeros((2, 2, 2)), [[1.0, math.nan]], [[1.0], [math.inf]]])
def test_what_is_no_finite_matrix_is_refused(bad):
    with pytest.raises(InputError) as caught:
        rank(bad)
    assert caught.value.hint

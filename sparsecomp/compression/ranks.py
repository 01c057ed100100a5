"""How many components of a matrix are signal: empirical variational Bayes, and shares of the energy.

The model is V = B A^T + E with V of L x M, L <= M, noise E ~ N(0, sigma^2), and Gaussian priors on A and B whose
variances are learned too (EVB). Its global solution is analytic in the singular values gamma_h of V, but for sigma^2,
which is where a function of one variable is least. With alpha = L / M and x_h = gamma_h^2 / (M sigma^2):

    Phi(z)   = log(z + 1) / z - 1/2
    tau_bar  = the root of Phi(tau) + Phi(tau / alpha)                 (about 2.5129 sqrt(alpha))
    x_bar    = (1 + tau_bar) (1 + alpha / tau_bar)                     component h is signal where x_h > x_bar
    tau(x)   = (x - (1 + alpha) + sqrt((x - (1 + alpha))^2 - 4 alpha)) / 2
    psi_0(x) = x - log x
    psi_1(x) = log(tau + 1) + alpha log(tau / alpha + 1) - tau
    Omega    = 1/L * sum over h of psi_0(x_h), plus psi_1(x_h) where x_h > x_bar

Sources: S. Nakajima, M. Sugiyama, S. D. Babacan, R. Tomioka, "Global analytic solution of fully-observed variational
Bayesian matrix factorization", JMLR 14 (2013) 1-37; S. Nakajima, R. Tomioka, M. Sugiyama, S. D. Babacan, "Perfect
dimensionality recovery by variational Bayesian PCA", NIPS 2012 (the form used here, with the bounds of sigma^2).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from sparsecomp.errors import InputError

# Points of the scan that finds the valley of the free energy, besides the places where it has a kink.
_SCAN = 64


@dataclass(frozen=True)
class Estimate:
    """Number of components above the noise, and the variance of the noise per element (the matrix's unit, squared)."""

    rank: int
    noise_variance: float


def rank(matrix: np.ndarray) -> int:
    """The rank of ``matrix`` (L, M) without its noise, by EVB matrix factorization; 0 where all of it is noise.

    Never more than ceil(L M / (L + M)) - 1 with L <= M: of a square matrix, at most half the components can be told
    from noise of unknown variance. Raises InputError where ``matrix`` is no finite matrix.
    """
    return estimate(matrix).rank


def estimate(matrix: np.ndarray) -> Estimate:
    """Rank and noise variance of ``matrix`` (L, M), either way round. Raises InputError like ``rank``."""
    return estimate_from(singular_values(matrix), np.shape(matrix))


def singular_values(matrix: np.ndarray) -> np.ndarray:
    """The min(L, M) singular values of ``matrix`` (L, M), largest first. Raises InputError like ``rank``."""
    matrix = np.asarray(matrix, np.float64)
    if matrix.ndim != 2:
        raise InputError(f"an array of shape {matrix.shape} is not a matrix", "reshape it to two dimensions")
    if not np.isfinite(matrix).all():
        raise InputError("the matrix has elements that are not finite", "look for the step that made them NaN or inf")
    try:
        return np.linalg.svd(matrix, compute_uv=False)
    except np.linalg.LinAlgError as error:
        raise InputError(f"the matrix has no singular values: {error}", "look for elements out of scale") from error


def estimate_from(values: np.ndarray, shape: tuple[int, ...]) -> Estimate:
    """``estimate`` of a matrix of ``shape`` (L, M), either way round, from all singular ``values``, largest first."""
    rows, columns = sorted(shape)
    if not rows or not values[0] > 0:
        return Estimate(0, 0.0)
    scale = float(values[0])  # the estimate is equivariant: scaled to 1, nothing can overflow
    values = np.asarray(values, np.float64) / scale
    noise = _noise_variance(values, (rows, columns))
    signal = values**2 > columns * noise * threshold(rows / columns)
    return Estimate(int(np.count_nonzero(signal)), noise * scale**2)


def energy_rank(values: np.ndarray, share: float) -> int:
    """The fewest of the singular ``values``, largest first, that hold ``share`` (0 to 1) of the sum of all squares."""
    energy = np.cumsum(np.asarray(values, np.float64) ** 2)
    if not energy.size or not energy[-1] > 0:
        return 0
    return min(int(np.searchsorted(energy, share * energy[-1])) + 1, energy.size)


@cache
def threshold(alpha: float) -> float:
    """x_bar, the square of the smallest singular value that is signal, in units of M sigma^2; 0 < ``alpha`` <= 1."""

    def phi(z: float) -> float:
        return math.log1p(z) / z - 0.5

    # Phi falls and is zero at 2.5129: at both arguments' zeros the sum has opposite signs.
    tau = brentq(lambda tau: phi(tau) + phi(tau / alpha), 2 * alpha, 3, xtol=1e-14, rtol=1e-13)
    return (1 + tau) * (1 + alpha / tau)


def free_energy(values: np.ndarray, shape: tuple[int, ...], noise_variance: float) -> float:
    """L Omega, up to a constant: what the noise variance minimizes, for all L singular ``values`` of an (L, M) matrix.

    The constant is chosen so that singular values of zero, whose log x is infinite at every sigma^2, do no harm.
    """
    rows, columns = sorted(shape)
    alpha = rows / columns
    x = np.asarray(values, np.float64) ** 2 / (columns * noise_variance)
    above = x[x > threshold(alpha)]
    centred = above - (1 + alpha)
    tau = (centred + np.sqrt(centred**2 - 4 * alpha)) / 2
    # x - tau is formed first: both are huge, and close, where the noise is small.
    signal = (above - tau) + np.log1p(tau) + alpha * np.log1p(tau / alpha)
    return float(x[x <= threshold(alpha)].sum() + signal.sum() + rows * math.log(noise_variance))


def bounds(values: np.ndarray, shape: tuple[int, ...]) -> tuple[float, float]:
    """The two noise variances between which the free energy has its global minimum."""
    rows, columns = sorted(shape)
    squares = np.asarray(values, np.float64) ** 2
    most = math.ceil(rows * columns / (rows + columns)) - 1  # components that can be signal
    tail = squares[most:]
    low = max(tail[0] / (columns * threshold(rows / columns)), tail.mean() / columns)
    # Without noise the minimum is at zero: the rounding of the singular values is the noise then.
    rounding = squares[0] * columns * np.finfo(np.float64).eps ** 2
    return float(max(low, rounding)), float(squares.mean() / columns)


def _noise_variance(values: np.ndarray, shape: tuple[int, int]) -> float:
    """Global minimum of the free energy between its bounds.

    It may have several minima, apart by the kinks at which a component turns from signal to noise. So the search
    runs between neighbours of a scan that contains all kinks.
    """
    low, high = bounds(values, shape)
    if not low < high:
        return high
    rows, columns = shape
    kinks = np.log(np.maximum(values**2, low) / (columns * threshold(rows / columns)))
    inside = kinks[(kinks > math.log(low)) & (kinks < math.log(high))]
    points = np.unique(np.concatenate([np.linspace(math.log(low), math.log(high), _SCAN), inside]))

    def energy(log_variance: float) -> float:
        return free_energy(values, shape, math.exp(log_variance))

    energies = [energy(point) for point in points]
    best = int(np.argmin(energies))
    found = [(energies[best], float(points[best]))]
    for left, right in ((best - 1, best), (best, best + 1)):
        if 0 <= left and right < len(points):
            found.append(_minimum(energy, float(points[left]), float(points[right])))
    return math.exp(min(found)[1])


def _minimum(energy: Callable[[float], float], left: float, right: float) -> tuple[float, float]:
    result = minimize_scalar(energy, bounds=(left, right), method="bounded", options={"xatol": 1e-10})
    return float(result.fun), float(result.x)

"""Differences of two networks on the same samples, with intervals that know which samples belong together."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t


@dataclass(frozen=True)
class Difference:
    """A mean difference in points (hundredths), and half the width of its 95 % interval."""

    points: float
    half: float

    @property
    def verdict(self) -> str:
        """'ahead' or 'behind' where the interval leaves out zero, else 'even'."""
        if abs(self.points) <= self.half:
            return "even"
        return "ahead" if self.points > 0 else "behind"


def paired(first: np.ndarray, second: np.ndarray, cluster: np.ndarray) -> Difference:
    """Mean of ``first - second`` (both (N,), 1 where right, else 0); samples of one ``cluster`` (N,) depend.

    The cluster-robust standard error of a mean (Liang and Zeger, 1986) with Student's quantile for the number of
    clusters less one.
    """
    difference = first.astype(np.float64) - second.astype(np.float64)
    mean = difference.mean()
    _, place = np.unique(cluster, return_inverse=True)
    sums = np.bincount(place, difference - mean)
    groups = len(sums)
    error = np.sqrt(groups / (groups - 1) * (sums**2).sum()) / len(difference)
    return Difference(100 * float(mean), 100 * float(t.ppf(0.975, groups - 1) * error))

"""Which sample belongs to which part."""

import numpy as np


def by_class(y: np.ndarray, parts: int, seed: int) -> np.ndarray:
    """Numbers (N,) from 0 to parts - 1 that deal the samples of every class (N,) out evenly and at random."""
    random = np.random.default_rng(seed)
    part = np.empty(len(y), np.int64)
    for label in np.unique(y):
        members = random.permutation(np.flatnonzero(y == label))
        part[members] = np.arange(len(members)) % parts
    return part


def stretches(lengths: np.ndarray, window: int, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows that lie within one recording of several laid end to end: (first sample, number of the recording)."""
    begins = np.cumsum(lengths) - lengths
    firsts = [np.arange(0, length - window + 1, stride) for length in lengths]
    starts = np.concatenate([begin + first for begin, first in zip(begins, firsts, strict=True)])
    return starts.astype(np.int64), np.repeat(np.arange(len(lengths)), [len(first) for first in firsts])

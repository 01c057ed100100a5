"""Every weight stored, filter by filter."""

import numpy as np

from sparsecomp.encodings.encoded import Encoded


def encode(matrix: np.ndarray, offsets: np.ndarray) -> Encoded:
    """``matrix`` (filters, taps) in row order."""
    return Encoded("dense", np.ascontiguousarray(matrix).reshape(-1))


def decode(encoded: Encoded, filters: int, offsets: np.ndarray) -> np.ndarray:
    """The (filters, taps) matrix again."""
    return encoded.values.reshape(filters, -1)

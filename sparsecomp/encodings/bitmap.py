"""Non-zero weights with a bit mask over the taps of each filter: no index, so the cheapest of all at middle densities.

With int8 weights a filter takes ceil(taps / 8) bytes of mask, one byte a non-zero and one of its count: less than 8-bit
steps (two bytes a non-zero) where more than an eighth of the weights is kept, less than dense where an eighth is not.
"""

from __future__ import annotations

import numpy as np

from sparsecomp.encodings.csr import IndexOverflow
from sparsecomp.encodings.encoded import Encoded

LARGEST_BYTE = 255
LARGEST_COUNT = 65535


def encode(matrix: np.ndarray, offsets: np.ndarray) -> Encoded:
    """Bit i % 8 of byte i // 8 of a filter's mask is its tap i; every filter's mask starts at a byte.

    The taps' positions are not stored: the kernel walks the window as the dense kernel does.
    """
    kept = matrix != 0
    counts = kept.sum(axis=1)
    most = int(counts.max(initial=0))
    if most > LARGEST_COUNT:
        raise IndexOverflow(f"a filter has {most} weights, its kernel counts up to {LARGEST_COUNT}")
    values = matrix[kept]  # row by row
    if not values.size:
        values = np.zeros(1, matrix.dtype)  # C has no empty arrays
    mask = np.packbits(kept, axis=1, bitorder="little").reshape(-1)
    return Encoded("bitmap", values, mask, counts.astype(np.uint8 if most <= LARGEST_BYTE else np.uint16))


def decode(encoded: Encoded, filters: int, offsets: np.ndarray) -> np.ndarray:
    """The (filters, taps) matrix again."""
    matrix = np.zeros((filters, len(offsets)), encoded.values.dtype)
    mask = encoded.offsets.reshape(filters, -1)
    kept = np.unpackbits(mask, axis=1, bitorder="little", count=len(offsets)).astype(bool)
    matrix[kept] = encoded.values[: int(encoded.rows.sum(dtype=np.int64))]
    return matrix

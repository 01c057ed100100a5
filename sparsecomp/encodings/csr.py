"""Compressed sparse rows: only non-zero weights, one row a filter, and how many entries each row has.

``delta8`` stores 8-bit steps from the tap before (the first from the window's start); a longer step is bridged by
zero-valued entries of the longest one. ``index16`` stores 16-bit positions from the window's start. Both are stored
times two, the distance in bytes of 16-bit elements, so that a kernel adds them to an address as they are.
"""

from __future__ import annotations

import numpy as np

from sparsecomp.encodings.encoded import Encoded
from sparsecomp.errors import DoesNotFitError

SCALE = 2
LARGEST_STEP = 255 // SCALE
LARGEST_INDEX = 65535 // SCALE
LARGEST_COUNT = 65535  # the kernels count entries in 16 bits
LARGEST_BYTE = 255


class IndexOverflow(DoesNotFitError):
    """An index of the encoding does not fit its width."""


def _row_sizes(counts: list[int]) -> np.ndarray:
    """(filters,) entries of each row: uint8 where all fit, otherwise uint16."""
    if sum(counts) > LARGEST_COUNT:
        raise IndexOverflow(
            f"a sparse layer has {sum(counts)} stored entries, its kernel counts up to {LARGEST_COUNT}",
            "store it dense (--encoding auto), or make it sparser",
        )
    return np.array(counts, np.uint8 if max(counts) <= LARGEST_BYTE else np.uint16)


def _not_empty(values: list[np.ndarray], dtype: np.dtype) -> np.ndarray:
    """All rows in one array; C has no empty arrays, so a layer without a weight keeps one unused entry."""
    joined = np.concatenate(values) if values else np.zeros(0, dtype)
    return (joined if joined.size else np.zeros(1)).astype(dtype)


def encode_delta8(matrix: np.ndarray, offsets: np.ndarray) -> Encoded:
    """8-bit steps; bytes: 2 a non-zero with int8 weights, and 2 for each bridge."""
    values, steps, counts = [], [], []
    for row in matrix:
        taps = np.flatnonzero(row)
        distance = np.diff(offsets[taps], prepend=0).astype(np.int64)
        bridges = np.maximum(-(-distance // LARGEST_STEP) - 1, 0)
        ends = np.cumsum(bridges + 1) - 1  # where each weight lands after its bridges
        count = int(ends[-1]) + 1 if taps.size else 0
        value = np.zeros(count, matrix.dtype)
        step = np.full(count, SCALE * LARGEST_STEP, np.uint8)
        value[ends] = row[taps]
        step[ends] = SCALE * (distance - bridges * LARGEST_STEP)
        values.append(value)
        steps.append(step)
        counts.append(count)
    rows = _row_sizes(counts)
    return Encoded("delta8", _not_empty(values, matrix.dtype), _not_empty(steps, np.dtype(np.uint8)), rows)


def encode_index16(matrix: np.ndarray, offsets: np.ndarray) -> Encoded:
    """16-bit positions; bytes: 3 a non-zero with int8 weights."""
    if offsets.size and int(offsets.max()) > LARGEST_INDEX:
        raise IndexOverflow(
            f"a tap lies {int(offsets.max())} elements into its window, 16 bits count the bytes of {LARGEST_INDEX}"
        )
    taps = [np.flatnonzero(row) for row in matrix]
    rows = _row_sizes([t.size for t in taps])
    values = _not_empty([row[t] for row, t in zip(matrix, taps, strict=True)], matrix.dtype)
    return Encoded("index16", values, _not_empty([SCALE * offsets[t] for t in taps], np.dtype(np.uint16)), rows)


def decode(encoded: Encoded, filters: int, offsets: np.ndarray) -> np.ndarray:
    """The (filters, taps) matrix again, of either sparse encoding."""
    tap_of = {int(o): i for i, o in enumerate(offsets)}
    matrix = np.zeros((filters, len(offsets)), encoded.values.dtype)
    ends = np.cumsum(encoded.rows, dtype=np.int64)
    for f in range(filters):
        part = slice(int(ends[f] - encoded.rows[f]), int(ends[f]))
        places = encoded.offsets[part].astype(np.int64) // SCALE
        if encoded.kind == "delta8":
            places = np.cumsum(places)
        for place, value in zip(places, encoded.values[part], strict=True):
            if value:
                matrix[f, tap_of[int(place)]] = value
    return matrix

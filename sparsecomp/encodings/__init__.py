"""Weight encodings: how a filter matrix is stored, with the bytes it takes in the device's memory.

``encode(matrix, offsets, choice)`` picks among them. A new encoding is one new module with an encoder and ``decode``,
an entry in ``ENCODERS`` and one in ``CHOICES``.
"""

from __future__ import annotations

import numpy as np

from sparsecomp.encodings import bitmap, csr, dense
from sparsecomp.encodings.encoded import Encoded
from sparsecomp.errors import InputError

ENCODERS = {
    "dense": dense.encode,
    "delta8": csr.encode_delta8,
    "index16": csr.encode_index16,
    "bitmap": bitmap.encode,
}
CHOICES = {
    "auto": ("dense", "delta8", "index16", "bitmap"),
    "fast": ("dense", "delta8", "index16", "bitmap"),  # fewest cycles instead of fewest bytes
    "dense": ("dense",),
    "csr": ("delta8", "index16"),
    "delta8": ("delta8",),
    "index16": ("index16",),
    "bitmap": ("bitmap",),
}


def encode(matrix: np.ndarray, offsets: np.ndarray, choice: str) -> Encoded:
    """The smallest of the encodings that ``choice`` (one of CHOICES) allows; ties go to the first.

    ``matrix`` is (filters, taps) int8, int16 or float32; ``offsets`` gives each tap's position in elements from the
    window's first element, ascending. Raises InputError for an unknown choice, DoesNotFitError where none can index it.
    """
    return min(candidates(matrix, offsets, choice), key=lambda e: e.nbytes)


def candidates(matrix: np.ndarray, offsets: np.ndarray, choice: str) -> list[Encoded]:
    """All encodings that ``choice`` allows, those left out that cannot index the matrix; raises as ``encode`` does."""
    if choice not in CHOICES:
        raise InputError(f"unknown encoding '{choice}'", "use one of " + ", ".join(CHOICES))
    results: list[Encoded] = []
    refusals: list[Exception] = []
    for kind in CHOICES[choice]:
        try:
            results.append(ENCODERS[kind](matrix, offsets))
        except csr.IndexOverflow as refusal:
            refusals.append(refusal)
    if not results:
        raise refusals[0]
    return results

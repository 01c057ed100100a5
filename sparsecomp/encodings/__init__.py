"""Weight encodings: how a filter matrix is stored, with the bytes it takes in the device's memory.

``encode(matrix, offsets, bits, choice)`` picks among them; a new encoding is one new module with ``encode`` and
``decode`` and an entry in ``CHOICES``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sparsecomp.errors import InputError


@dataclass(frozen=True)
class Encoded:
    """A filter matrix as it is stored.

    ``values`` in filter order; sparse encodings have ``offsets`` (steps or positions, one a value) and ``rows``
    (first value of each filter, and the end). ``kind`` is 'dense', 'delta8' or 'index16'.
    """

    kind: str
    values: np.ndarray
    offsets: np.ndarray | None = None
    rows: np.ndarray | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of values, offsets and row pointers."""
        return sum(a.nbytes for a in (self.values, self.offsets, self.rows) if a is not None)


CHOICES = {"auto": ("dense", "delta8", "index16"), "dense": ("dense",), "csr": ("delta8", "index16")}


def encode(matrix: np.ndarray, offsets: np.ndarray, choice: str) -> Encoded:
    """The smallest of the encodings that ``choice`` ('auto', 'csr', 'dense') allows; ties go to the first.

    ``matrix`` is (filters, taps) int8, int16 or float32; ``offsets`` gives each tap's position in elements from the
    window's first element, ascending. Raises InputError for an unknown choice, DoesNotFitError where none can index it.
    """
    from sparsecomp.encodings import csr, dense

    if choice not in CHOICES:
        raise InputError(f"unknown encoding '{choice}'", "use one of " + ", ".join(CHOICES))
    encoders = {"dense": dense.encode, "delta8": csr.encode_delta8, "index16": csr.encode_index16}
    results: list[Encoded] = []
    refusals: list[Exception] = []
    for kind in CHOICES[choice]:
        try:
            results.append(encoders[kind](matrix, offsets))
        except csr.IndexOverflow as refusal:
            refusals.append(refusal)
    if not results:
        raise refusals[0]
    return min(results, key=lambda e: e.nbytes)

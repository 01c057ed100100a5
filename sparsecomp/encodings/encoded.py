"""What every encoding gives: the arrays of one layer's weights as they lie in the device's memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Encoded:
    """A filter matrix as it is stored.

    ``values`` in filter order; sparse encodings have ``offsets`` (steps or positions, one a value; of 'bitmap' the
    bytes of the filters' masks) and ``rows`` (how many values each filter has, uint8 or uint16). ``kind`` is 'dense',
    'delta8', 'index16' or 'bitmap'.
    """

    kind: str
    values: np.ndarray
    offsets: np.ndarray | None = None
    rows: np.ndarray | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of values, offsets and row sizes."""
        return sum(a.nbytes for a in (self.values, self.offsets, self.rows) if a is not None)

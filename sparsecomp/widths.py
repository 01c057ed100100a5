"""The width of weights: 16 bits where 8 lose too much of the answers, on calibration data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sparsecomp.lower import Options, lower
from sparsecomp.metrics import GOOD_AGREEMENT, GOOD_SQNR_DB, agreement
from sparsecomp.quantize import sqnr_db

if TYPE_CHECKING:
    from sparsecomp.prepare import Prepared

CHECKED_SAMPLES = 128
FEWEST_ANSWERS = 32  # fewer say little about how many are equal


@dataclass(frozen=True)
class Quality:
    """How close integer outputs are to the float ones: decibels, and the share of equal answers, of a classifier with
    enough samples. ``where`` names the output, of several exits the worst.
    """

    sqnr_db: float
    agreement: float | None
    where: str

    @property
    def good(self) -> bool:
        return self.sqnr_db >= GOOD_SQNR_DB and (self.agreement is None or self.agreement >= GOOD_AGREEMENT)

    def clearly_above(self, other: Quality) -> bool:
        """Enough to pay for twice the bytes."""
        gained = 0.0 if self.agreement is None or other.agreement is None else self.agreement - other.agreement
        needed = other.sqnr_db < GOOD_SQNR_DB or gained >= 0.01
        return needed and self.sqnr_db >= other.sqnr_db + 3.0

    def __str__(self) -> str:
        return f"{self.sqnr_db:.1f} dB" + ("" if self.agreement is None else f" and {self.agreement:.1%} equal answers")


def quality(prepared: Prepared) -> Quality:
    """Of the worst output, on the first calibration samples."""
    raw = tuple(x[:CHECKED_SAMPLES] for x in prepared.calibration)
    expected, exits = prepared.float_outputs(raw), prepared.program.exits
    # A map or a single number is no answer, and of several outputs nobody knows which ones are.
    one_answer = (len(expected) == 1 or exits) and expected[0].ndim == 2 and expected[0].shape[1] > 1
    found = []
    for index, (wanted, given) in enumerate(zip(expected, prepared.values(prepared.data(raw)), strict=True)):
        share = agreement(given, wanted) if one_answer and len(raw[0]) >= FEWEST_ANSWERS else None
        where = f"exit '{exits[index].name}'" if exits else "the outputs"
        found.append(Quality(sqnr_db(wanted, given), share, where))
    return min(found, key=lambda one: (one.good, one.agreement or 0.0, one.sqnr_db))


def widened(prepared: Prepared, fractions: Mapping[str, int], options: Options, notes: tuple[str, ...]) -> Prepared:
    """16-bit weights where 8-bit ones lose too much of the outputs and 16-bit ones lose clearly less."""
    narrow = quality(prepared)
    if narrow.good:
        return prepared
    options = replace(options, weight_bits=16)
    wide = replace(prepared, program=lower(prepared.graph, prepared.loaded.wires, fractions, options, notes))
    better = quality(wide)
    if better.clearly_above(narrow):
        note = f"16-bit weights: 8-bit ones give {narrow} at {narrow.where}, 16-bit ones {better}"
        return replace(wide, program=replace(wide.program, notes=(*wide.program.notes, note)))
    note = f"{narrow.where}: only {narrow} of the float network's are kept, and {better} with 16-bit weights"
    return replace(prepared, program=replace(prepared.program, notes=(*prepared.program.notes, note)))

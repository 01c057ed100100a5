"""Which restart unit the simulated device's cycles and energy went into, from its writes of the progress cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sparsecomp.errors import ToolError
from sparsecomp_tools.virtual_board.events import WATCH


@dataclass(frozen=True)
class Costs:
    """Sums over what was counted: cycles (wait cycles among them), energy in nanojoules, seconds of virtual time."""

    cycles: int
    wait_cycles: int
    energy_nj: float
    seconds: float


@dataclass(frozen=True)
class UnitCosts:
    """``inferences`` that were completed; for each restart unit the mean an inference, repetitions after a failure
    included.
    """

    inferences: int
    cycles: np.ndarray
    wait_cycles: np.ndarray
    energy_nj: np.ndarray
    seconds: np.ndarray

    @property
    def total(self) -> Costs:
        """One inference."""
        return self.layer(0, len(self.cycles))

    def layer(self, first: int, count: int) -> Costs:
        """The units ``first`` to ``first + count`` of one inference."""
        part = slice(first, first + count)
        return Costs(
            round(float(self.cycles[part].sum())),
            round(float(self.wait_cycles[part].sum())),
            float(self.energy_nj[part].sum()),
            float(self.seconds[part].sum()),
        )

    def layers(self, firsts: Sequence[int]) -> list[Costs]:
        """One entry a layer, whose first units are given."""
        ends = [*firsts[1:], len(self.cycles)]
        return [self.layer(first, end - first) for first, end in zip(firsts, ends, strict=True)]


def first_inference(events: np.ndarray, units: int) -> np.ndarray:
    """The events up to the end of the first inference, all of them where none was completed."""
    done = np.flatnonzero((events["kind"] == WATCH) & (events["value"] == units + 1))
    return events[: int(done[0]) + 1] if len(done) else events


def attribute(events: np.ndarray, units: int) -> UnitCosts:
    """What each unit cost, from the events of a run that watched the cursor. Raises ToolError where no inference was
    completed.

    Between two events everything belongs to the unit that the cursor names, so a unit that a failure has cut pays for
    the start of the device and for its own repetition.
    """
    cursor = np.zeros(len(events), np.int64)
    written = np.where(events["kind"] == WATCH, np.arange(len(events)), -1)
    last = np.maximum.accumulate(written)
    known = last >= 0
    cursor[known] = events["value"][last[known]]
    done = int(((events["kind"] == WATCH) & (events["value"] == units + 1)).sum())
    if done == 0:
        raise ToolError("no inference was completed while it was measured", "use a larger capacitor")
    inside = (cursor[:-1] >= 1) & (cursor[:-1] <= units)
    index = cursor[:-1][inside] - 1

    def mean(column: str, scale: float) -> np.ndarray:
        steps = np.diff(events[column].astype(np.float64))[inside]
        return np.bincount(index, steps, minlength=units) * scale / done

    return UnitCosts(
        done, mean("cycles", 1), mean("wait_cycles", 1), mean("energy_fj", 1e-6), mean("time_ps", 1e-12)
    )  # fmt: skip

"""How right the answers are on each level: float network, integer reference, host C, a board."""

from __future__ import annotations

from dataclasses import dataclass

from sparsecomp.metrics import GOOD_SQNR_DB

ACCURACY_LOSS = 0.005
SATURATED = 0.01
REMEDY = "more typical calibration data may help, or --weights int16"


@dataclass(frozen=True)
class ExitRow:
    """An exit: the share of samples that leave there, the metric if all did, and of those that do (None: no labels)."""

    name: str
    share: float
    all_samples: float | None
    leaving: float | None


@dataclass(frozen=True)
class Accuracy:
    """A metric over ``samples`` on each level.

    ``agreement`` is the share of samples with the float network's answer, None where outputs are no classes;
    ``saturated`` the share of input elements beyond the range that calibration found.
    """

    samples: int
    metric: str
    float_network: float | None
    reference: float | None
    host_c: float | None
    agreement: float | None
    output_sqnr_db: float
    saturated: float = 0.0
    is_float: bool = False
    board: float | None = None
    board_name: str = ""
    exits: tuple[ExitRow, ...] = ()

    def lines(self) -> list[str]:
        """The levels as a small table."""
        reference = f"{'float32' if self.is_float else 'integer'} reference"
        same = "" if self.agreement is None else f"same answer {self.agreement:.1%}, "
        out = [f"{self.samples} samples, {reference} against float: {same}outputs {self.output_sqnr_db:.1f} dB"]
        levels = (
            ("float network", self.float_network),
            (reference, self.reference),
            ("host C", self.host_c),
            (self.board_name, self.board),
        )
        shown = [(name, value) for name, value in levels if value is not None]
        width = max((18, *(len(name) for name, _ in shown)))
        out += [f"  {self.metric} {name:{width}} {value:.4f}" for name, value in shown]
        out += [
            f"  exit {number} '{row.name}': {row.share:.1%} of the samples leave here"
            + ("" if row.leaving is None else f", {self.metric} {row.leaving:.4f}")
            + ("" if row.all_samples is None else f"; {row.all_samples:.4f} if all did")
            for number, row in enumerate(self.exits)
        ]
        return out + [f"note: {note}" for note in self.notes()]

    def notes(self) -> list[str]:
        """What should make the reader stop: accuracy lost, outputs that are mostly noise, inputs out of range."""
        out = []
        if self.saturated > SATURATED:
            out.append(
                f"{self.saturated:.1%} of the input elements are beyond the range of the calibration data and were "
                "clipped: are both preprocessed in the same way?"
            )
        lost = (self.float_network or 0.0) - (self.reference or 0.0) if self.metric == "accuracy" else 0.0
        if lost > ACCURACY_LOSS:
            out.append(f"the integers lose {100 * lost:.1f} points of accuracy: {REMEDY}")
        elif self.output_sqnr_db < GOOD_SQNR_DB:
            out.append(f"the outputs keep only {self.output_sqnr_db:.1f} dB of the float network's: {REMEDY}")
        return out

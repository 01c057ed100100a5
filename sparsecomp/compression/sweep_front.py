"""What a sweep found: networks of which none is better in everything, as a table, as JSON and as a picture."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sparsecomp.frontend.saving import write_atomically

VERSION = 1


@dataclass(frozen=True)
class Point:
    """A finished trial: accuracy on validation data, encoded bytes, estimated cycles an inference, the choices that led
    there; ``file`` is its network's in the output folder, None where that is not there.
    """

    trial: int
    validation: float
    nbytes: int
    cycles: int
    params: Mapping[str, Any]
    file: str | None = None


def dominates(one: Point, other: Point) -> bool:
    """Whether ``one`` is no worse in accuracy, bytes and cycles, and better in one of them."""
    a, b = ((-p.validation, p.nbytes, p.cycles) for p in (one, other))
    return a != b and all(x <= y for x, y in zip(a, b, strict=True))


def front(points: Iterable[Point]) -> tuple[Point, ...]:
    """Those that no other dominates, smallest first."""
    points = tuple(points)
    kept = (p for p in points if not any(dominates(other, p) for other in points))
    return tuple(sorted(kept, key=lambda p: (p.nbytes, p.cycles, -p.validation, p.trial)))


@dataclass(frozen=True)
class SweepResult:
    """A study as it stands: ``trials`` wanted, ``points`` of those that ran to their end, how many were ``pruned``
    (stopped early, or out of reach) and how many ``failed``. ``validation_before`` and ``float_bytes`` are those of the
    given network, None before anything finished.
    """

    study: str
    board: str
    trials: int
    points: tuple[Point, ...]
    pruned: int
    failed: int
    validation_before: float | None
    float_bytes: int | None
    notes: tuple[str, ...] = ()

    @property
    def front(self) -> tuple[Point, ...]:
        """The Pareto front of accuracy, bytes and cycles, smallest first."""
        return front(self.points)

    @property
    def finished(self) -> int:
        """Trials that are over, however they ended."""
        return len(self.points) + self.pruned + self.failed

    @property
    def exit_code(self) -> int:
        """3 where no trial reached its size."""
        return 0 if self.points else 3

    def lines(self) -> list[str]:
        """For people."""
        head = ("trial", "bytes", "cycles", "validation", "file")
        rows = [
            (str(p.trial), f"{p.nbytes:,}", f"{p.cycles:,}", f"{p.validation:.4f}", p.file or "") for p in self.front
        ]
        widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
        table = [
            "  ".join(c.ljust(w) if i == 4 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
            for row in (head, *rows)
        ]
        ended = f"{len(self.points)} to their end, {self.pruned} stopped early, {self.failed} failed"
        out = [f"study '{self.study}': {self.finished} of {self.trials} trials ({ended})"]
        if self.validation_before is not None:
            before = f"{self.float_bytes:,} bytes in float32, validation {self.validation_before:.4f}"
            out.append(f"the given network: {before}")
        if rows:
            out += ["", f"best in accuracy, bytes and cycles on {self.board}:", *(line.rstrip() for line in table)]
        return [*out, *(f"note: {note}" for note in self.notes)]

    def to_json(self) -> dict[str, Any]:
        """Versioned document, also written as front.json."""
        best = self.front
        content = {k: v for k, v in vars(self).items() if k not in ("points", "notes")}
        return {
            "report": "sweep",
            "version": VERSION,
            **content,
            "finished": self.finished,
            "front": [asdict(p) for p in best],
            "dominated": [asdict(p) for p in self.points if p not in best],
            "notes": list(self.notes),
        }


def plot_front(result: SweepResult, path: Path) -> bool:
    """Writes a PNG: accuracy over bytes, cycles as colour; False, without complaint, where there is no matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    best = result.front
    rest = [p for p in result.points if p not in best]
    if result.validation_before is not None:
        axes.axhline(result.validation_before, color="0.6", linestyle="--", label="the given network")
    if rest:
        axes.scatter([p.nbytes for p in rest], [p.validation for p in rest], color="0.8", s=20, label="dominated")
    if best:
        sizes, accuracies, cycles = zip(*((p.nbytes, p.validation, p.cycles) for p in best), strict=True)
        dots = axes.scatter(sizes, accuracies, c=cycles, cmap="viridis_r", edgecolors="black", label="front", zorder=3)
        figure.colorbar(dots, label=f"estimated cycles an inference, {result.board}")
        axes.set_xscale("log")
    axes.set(xlabel="encoded bytes", ylabel="accuracy on validation data")
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    write_atomically(path, buffer.getvalue())
    return True

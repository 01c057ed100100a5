"""What a compression gives back: the network, what became of each layer, and how it went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

VERSION = 1


@dataclass(frozen=True)
class StepRecord:
    """One step: its budget and what was measured after it, in the target's unit; the metric on validation data with
    the device's weights; densities by layer; ``rolled_back`` where it was undone, ``fragile`` the layers left alone.
    """

    step: int
    budget: float
    size: float
    metric: float
    loss: float
    densities: Mapping[str, float]
    rolled_back: bool = False
    fragile: tuple[str, ...] = ()

    def line(self, steps: int, unit: str) -> str:
        """One line of a log."""
        tail = f", rolled back ({', '.join(self.fragile)} left alone from here)" if self.rolled_back else ""
        return f"step {self.step}/{steps}: {self.size:,.0f} {unit}, validation {self.metric:.4f}{tail}"


@dataclass(frozen=True)
class LayerRecord:
    """A layer afterwards: its parameter's name, shape, non-zero weights, filters that have any, bytes on the device,
    and the ranks that it was factorized to.
    """

    name: str
    weight: str
    shape: tuple[int, ...]
    nonzero: int
    filters: int
    nbytes: int
    ranks: tuple[int, ...] = ()

    @property
    def density(self) -> float:
        """Share of weights that are not zero."""
        size = 1
        for n in self.shape:
            size *= n
        return self.nonzero / size


@dataclass(frozen=True)
class AnswerRecord:
    """The metric of one answer of a network with exits, as in CompressionResult, and the temperature that its logits
    are divided by (None where they are not of classes).
    """

    validation_before: float
    validation: float
    test_before: float | None
    test: float | None
    temperature: float | None


@dataclass(frozen=True)
class CompressionResult:
    """A compressed network. ``model`` is the module that was given, changed in place.

    ``size`` is in ``unit`` and at most ``target``, unless ``met`` is False. ``nbytes`` are the encoded bytes that land
    in the device's memory, ``float_bytes`` those of the given network's parameters in float32. Metrics are of the
    int8 weights, ``before`` of the given network; test metrics are None without test data. Of
    a network with exits they are the last answer's, and ``answers`` has one record for each.
    """

    model: Any = field(repr=False)
    history: tuple[StepRecord, ...]
    layers: tuple[LayerRecord, ...]
    target: float
    size: float
    unit: str
    nbytes: int
    float_bytes: int
    validation_before: float
    validation: float
    test_before: float | None = None
    test: float | None = None
    met: bool = True
    notes: tuple[str, ...] = ()
    answers: tuple[AnswerRecord, ...] = ()

    @property
    def ratio(self) -> float:
        """Bytes of the given network's float32 parameters over the encoded bytes."""
        return self.float_bytes / self.nbytes

    @property
    def exit_code(self) -> int:
        """3 where the accuracy limit was met before the target."""
        return 0 if self.met else 3

    def lines(self) -> list[str]:
        """For people."""
        head = ("layer", "shape", "nonzero", "density", "filters", "bytes", "ranks")
        rows = [head]
        for r in self.layers:
            ranks = "x".join(str(n) for n in r.ranks)
            shape = "x".join(str(n) for n in r.shape)
            rows.append((r.name, shape, str(r.nonzero), f"{r.density:.2%}", str(r.filters), f"{r.nbytes:,}", ranks))
        widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
        table = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        verdict = "PASS" if self.met else "FAIL"
        out = [
            f"{verdict} {self.size:,.0f} of {self.target:,.0f} {self.unit}",
            f"{self.nbytes:,} encoded bytes, {self.ratio:.1f} times fewer than {self.float_bytes:,} in float32",
            f"validation {self.validation_before:.4f} before, {self.validation:.4f} with int8 weights",
        ]
        if self.test is not None and self.test_before is not None:
            out.append(f"test {self.test_before:.4f} before, {self.test:.4f} with int8 weights")
        for number, answer in enumerate(self.answers, 1):
            test = "" if answer.test is None else f", test {answer.test:.4f}"
            out.append(f"answer {number} of {len(self.answers)}: validation {answer.validation:.4f}{test}")
        return [*out, "", *table, *(f"note: {note}" for note in self.notes)]

    def to_json(self) -> dict[str, Any]:
        """Versioned document, also written as history.json."""
        content = {k: v for k, v in vars(self).items() if k not in ("model", "history", "layers", "answers")}
        layers = [asdict(layer) | {"density": layer.density} for layer in self.layers]
        history = [asdict(record) for record in self.history]
        answers = [asdict(answer) for answer in self.answers]
        parts = {"layers": layers, "history": history, "answers": answers}
        return {"report": "compression", "version": VERSION, **content, **parts}

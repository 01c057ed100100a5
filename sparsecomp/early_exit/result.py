"""What adding exits gives back: the network, and what each answer is worth and costs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

VERSION = 1


@dataclass(frozen=True)
class ExitReport:
    """One answer. ``accuracy`` is on validation data with the head's int8 weights. ``cycles`` are estimated until the
    answer is there with all before it given as well, ``alone`` without those.
    """

    name: str
    accuracy: float
    temperature: float
    cycles: int
    alone: int


@dataclass(frozen=True)
class EarlyExitResult:
    """A network with exits. ``network`` is the EarlyExitNetwork; the network that was given lies in it, unchanged.

    ``kind`` is 'gnet' or 'heads', ``pooled`` the size along each axis that maps are pooled to by ``pooling``,
    ``hidden`` the units before the answers. ``head_bytes`` are the encoded bytes that the exits add, at most
    ``budget``; ``nbytes`` those of the whole. ``answers`` has one report for each exit and one for the whole network.
    """

    network: Any = field(repr=False)
    kind: str
    pooled: int
    pooling: str
    hidden: int
    budget: int
    head_bytes: int
    nbytes: int
    answers: tuple[ExitReport, ...]
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """For people."""
        width = max(len("answer"), *(len(a.name) for a in self.answers))
        rows = [f"{'answer'.ljust(width)}  validation      cycles  temperature"]
        rows += [
            f"{a.name.ljust(width)}  {a.accuracy:10.4f}  {a.cycles:10,}  {a.temperature:11.2f}" for a in self.answers
        ]
        layer = f", {self.hidden} hidden units" if self.hidden else ""
        return [
            f"{self.kind}: maps pooled to {self.pooled} ({self.pooling}){layer}",
            f"{self.head_bytes:,} of {self.budget:,} bytes for the exits, {self.nbytes:,} encoded bytes in all",
            "",
            *rows,
            *(f"note: {note}" for note in self.notes),
        ]

    def to_json(self) -> dict[str, Any]:
        """Versioned document."""
        content = {key: value for key, value in vars(self).items() if key not in ("network", "answers")}
        answers = [asdict(answer) for answer in self.answers]
        return {"report": "early exit", "version": VERSION, **content, "answers": answers}

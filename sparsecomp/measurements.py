"""What a run on a board has shown: frozen data that prints as lines and as plain JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class LayerCost:
    """One layer of one inference: CPU cycles, wait cycles among them, energy in microjoules."""

    name: str
    cycles: int
    wait_cycles: int
    energy_uJ: float


@dataclass(frozen=True)
class Smallest:
    """The smallest capacitor in microfarads, to about 5 %, with which an inference ends, fed as ``feed`` says; the
    virtual seconds and the reboots that it takes then.
    """

    capacitor_uF: float
    feed: str
    seconds: float
    reboots: int

    def line(self) -> str:
        """For people."""
        return (
            f"smallest capacitor that finishes an inference (simulated, fed {self.feed}): {self.capacitor_uF:.3g} uF, "
            f"in {self.seconds:.1f} s with {self.reboots} reboots"
        )


@dataclass(frozen=True)
class Measured:
    """Means over ``inferences`` on a virtual board, repetitions after power failures included: simulated, all of it.

    Energies are in microjoules, times in seconds of virtual time; ``run_...`` are of the whole run, serial line and
    starts included.
    """

    inferences: int
    layers: tuple[LayerCost, ...]
    cycles: int
    wait_cycles: int
    energy_uJ: float
    seconds: float
    run_cycles: int
    run_energy_uJ: float
    run_seconds: float
    reboots: int
    supply: str | None
    smallest: Smallest | None = None

    def lines(self) -> list[str]:
        """For people."""
        out = [
            f"one inference (simulated): {self.cycles:,} cycles, {self.wait_cycles:,} of them waiting for FRAM; "
            f"{self.energy_uJ:,.1f} uJ; {self.seconds:.3f} s"
        ]
        if self.supply is not None:
            each = self.reboots / self.inferences
            out.append(f"supply: {self.supply}; {self.reboots} reboots, {each:.1f} an inference")
        out.append(
            f"the whole run: {self.run_cycles:,} cycles, {self.run_energy_uJ:,.0f} uJ, {self.run_seconds:.1f} s, "
            "serial line included"
        )
        if self.smallest is not None:
            out.append(self.smallest.line())
        return out

    def table(self) -> list[str]:
        """Cycles and energy of each layer."""
        width = max(len(layer.name) for layer in self.layers)
        out = [f"{'layer':{width}} {'cycles':>12} {'waiting':>10} {'uJ':>10}  share"]
        for layer in self.layers:
            share = layer.energy_uJ / self.energy_uJ if self.energy_uJ else 0.0
            out.append(
                f"{layer.name:{width}} {layer.cycles:12,} {layer.wait_cycles:10,} {layer.energy_uJ:10.1f}  {share:5.1%}"
            )
        return out


@dataclass(frozen=True)
class ExitTaken:
    """How many samples left at an exit, and the metric of those (None: no labels, or none)."""

    name: str
    samples: int
    score: float | None


@dataclass(frozen=True)
class BoardRun:
    """Samples that were answered by boards, every one bit-equal to the reference. ``resumed`` of them were in the log;
    ``restarts`` were seen by the host. ``linked`` is a sparsecomp.linked.Linked. ``exits`` are those taken.
    """

    boards: tuple[str, ...]
    simulated: bool
    samples: int
    resumed: int
    score: float | None
    restarts: int
    measured: Measured | None
    linked: Any = None
    exits: tuple[ExitTaken, ...] = ()

    @property
    def where(self) -> str:
        """The boards, for a sentence."""
        return ", ".join(self.boards)

    def lines(self) -> list[str]:
        """For people."""
        again = f" ({self.resumed} of them in an earlier run)" if self.resumed else ""
        out = [
            f"PASS {self.samples} answers{again} of {self.where} over serial equal the reference bit by bit"
            + (f"; {self.restarts} restarts seen" if self.restarts else "")
        ]
        out += [
            f"  {row.samples} left at exit {number} '{row.name}'" + ("" if row.score is None else f": {row.score:.4f}")
            for number, row in enumerate(self.exits)
        ]
        if self.measured is not None:
            if len(self.boards) > 1:
                out.append("figures of one of the virtual boards:")
            out += [*self.measured.lines(), "", *self.measured.table()]
        return out

    def to_json(self) -> dict[str, Any]:
        """Plain values. What depends on where a run was resumed is left out of reports that must repeat."""
        return asdict(self) | {"linked": None if self.linked is None else vars(self.linked)}

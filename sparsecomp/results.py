"""What the verbs return: frozen data that prints as lines and as versioned JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sparsecomp.levels import Accuracy
from sparsecomp.measurements import BoardRun
from sparsecomp.plan import Plan
from sparsecomp.plan_report import plan_json
from sparsecomp.report import (
    VERSION,
    LayerRow,
    layer_table,
    policy_json,
    policy_lines,
    restart_line,
    rows_json,
    verdict,
)


def _document(report: str, **content: Any) -> dict[str, Any]:
    return {"report": report, "version": VERSION, **content}


@dataclass(frozen=True)
class Fit:
    """Whether the model fits one board: the plan, or the refusal's message and hint."""

    board: str
    plan: Plan | None
    message: str = ""
    hint: str = ""

    def line(self) -> str:
        """The verdict."""
        return verdict(self.plan) if self.plan else f"DOES NOT FIT {self.board}: {self.message} ({self.hint})"


@dataclass(frozen=True)
class Analysis:
    """Costs of each layer, and a verdict for each board. ``exit_code`` is 3 where no board holds the model."""

    rows: tuple[LayerRow, ...]
    fits: tuple[Fit, ...]
    notes: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        return 0 if any(fit.plan for fit in self.fits) else 3

    def lines(self) -> list[str]:
        """For people: verdicts first."""
        out = [fit.line() for fit in self.fits]
        if self.rows:
            out += ["", *layer_table(self.rows)]
        return [*out, *(f"note: {note}" for note in self.notes)]

    def to_json(self) -> dict[str, Any]:
        """Versioned document."""
        boards = [
            {
                "board": f.board,
                "fits": f.plan is not None,
                "verdict": f.line(),
                "plan": plan_json(f.plan) if f.plan else None,
            }
            for f in self.fits
        ]
        return _document("analysis", layers=rows_json(self.rows), boards=boards, notes=list(self.notes))


@dataclass(frozen=True)
class Conversion:
    """A project directory that was written."""

    directory: Path
    plan: Plan
    rows: tuple[LayerRow, ...]
    files: int
    exit_code: int = 0

    def lines(self) -> list[str]:
        """For people."""
        notes = [f"note: {note}" for note in self.plan.program.notes]
        return [
            verdict(self.plan),
            "",
            *layer_table(self.rows),
            "",
            restart_line(self.plan),
            *policy_lines(self.plan),
            *notes,
            f"wrote {self.files} files to {self.directory}",
        ]

    def to_json(self) -> dict[str, Any]:
        """Versioned document."""
        return _document(
            "conversion",
            directory=str(self.directory),
            files=self.files,
            layers=rows_json(self.rows),
            notes=list(self.plan.program.notes),
            plan=plan_json(self.plan),
        )


@dataclass(frozen=True)
class Deployment:
    """The whole line as far as it went. ``power`` is the run under failures (sparsecomp_tools.power.PowerRun)."""

    plan: Plan
    rows: tuple[LayerRow, ...]
    directory: Path | None = None
    stage: str = "plan"
    accuracy: Accuracy | None = None
    compared_elements: int = 0
    power: Any = None
    remarks: tuple[str, ...] = ()
    on_board: BoardRun | None = None

    @property
    def exit_code(self) -> int:
        return 5 if self.power is not None and not self.power.passed else 0

    def lines(self) -> list[str]:
        """For people."""
        out = [verdict(self.plan), "", *layer_table(self.rows), "", restart_line(self.plan), *policy_lines(self.plan)]
        out += [f"note: {note}" for note in self.plan.program.notes]
        if self.accuracy:
            out += ["", *self.accuracy.lines()]
        if self.compared_elements:
            out.append(
                f"PASS host C equals the reference bit by bit: every answer, and {self.compared_elements} "
                "elements of all layers"
            )
        if self.power is not None:
            out += [power_line(self.power), period_line(self.power, self.plan)]
        out += list(self.remarks)
        if self.on_board is not None:
            out += self.on_board.lines()
        if self.directory is not None:
            out.append(f"project: {self.directory}")
        return out

    def to_json(self) -> dict[str, Any]:
        """Versioned document, the content of report.json."""
        return _document(
            "deployment",
            stage=self.stage,
            verdict=verdict(self.plan),
            layers=rows_json(self.rows),
            early_exit=policy_json(self.plan),
            notes=list(self.plan.program.notes),
            remarks=list(self.remarks),
            accuracy=None if self.accuracy is None else asdict(self.accuracy) | {"notes": self.accuracy.notes()},
            compared_elements=self.compared_elements,
            power=None if self.power is None else _repeatable(self.power.to_json()),
            board=None if self.on_board is None else self.on_board.to_json(),
        )


def _repeatable(power: dict[str, Any]) -> dict[str, Any]:
    """Without the number of inferences: how many fit between SIGKILLs depends on how busy this computer is."""
    return {key: value for key, value in power.items() if key != "inferences"}


def power_line(power: Any) -> str:
    """The verdict of a run under power failures."""
    if power.passed:
        return (
            f"PASS {power.failures} power failures and {power.kills} killed processes over {power.inferences} "
            "inferences: every answer identical"
        )
    return f"FAIL {power.message or power.summary()}"


def period_line(power: Any, plan: Plan) -> str:
    """The smallest failure period found beside the plan's promise."""
    return f"finishes with a failure every {power.smallest_period} FRAM writes; the plan promises {plan.charge.writes}"


@dataclass(frozen=True)
class SimulationResult:
    """Inference on the host while the power fails. ``cases`` are the named runs, for JUnit."""

    plan: Plan
    cases: Mapping[str, Any]

    @property
    def exit_code(self) -> int:
        return 0 if all(run.passed for run in self.cases.values()) else 5

    def lines(self) -> list[str]:
        """For people."""
        return [line for run in self.cases.values() for line in (power_line(run), period_line(run, self.plan))]

    def to_json(self) -> dict[str, Any]:
        """Versioned document."""
        return _document(
            "simulation",
            promised_period=self.plan.charge.writes,
            cases={name: run.to_json() for name, run in self.cases.items()},
        )


@dataclass(frozen=True)
class ExplorationResult:
    """The crash states of the host build, or of a board's binary. ``exploration`` is an Exploration of
    sparsecomp_tools.power, or a BinaryExploration of sparsecomp_tools.virtual_board.
    """

    plan: Plan
    exploration: Any

    @property
    def exit_code(self) -> int:
        return 5 if self.exploration.divergences else 0

    def lines(self) -> list[str]:
        """For people."""
        e = self.exploration
        word = "FAIL" if e.divergences else "PASS"
        out = [
            f"{word} {e.summary()}",
            f"a cold start and two inferences: {e.layers} layers, {e.units} units, "
            f"{' + '.join(map(str, e.writes))} FRAM writes",
        ]
        if hasattr(e, "recovery_cycles"):
            out.append(
                f"on the binary for {self.plan.board.name} (simulated): from every state the next commit is at most "
                f"{e.recovery_cycles:,} cycles after power-up"
            )
        return out + ([e.first.describe()] if e.first else [])

    def to_json(self) -> dict[str, Any]:
        """Versioned document."""
        return _document("exploration", exploration=self.exploration.to_json())

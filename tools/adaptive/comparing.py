"""Policies compared on one stream of events: what ``sparsecomp simulate --trace`` prints."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from sparsecomp.boards import Board, load_board
from sparsecomp.errors import InputError, MismatchError
from sparsecomp.exits import Policy, make_policy, parse_policy
from sparsecomp.pipeline import planned
from sparsecomp.plan import Plan
from sparsecomp.plan.exit_levels import with_levels
from sparsecomp.prepare import Prepared, Request, prepare, test_data
from sparsecomp.prove import Progress, silent
from sparsecomp.quantities import microwatts
from sparsecomp.reference import exit_elements, wire_words
from sparsecomp.writable import check_folder
from sparsecomp_tools.adaptive.costs import Costs, measure_costs, sample_units
from sparsecomp_tools.adaptive.firmware import EventFirmware, built_firmware
from sparsecomp_tools.adaptive.on_board import run_on_board
from sparsecomp_tools.adaptive.scenario import Answers, Score, Work, World, poisson, run_events
from sparsecomp_tools.adaptive.supplies import GENERATED, Harvest, constant, from_file
from sparsecomp_tools.virtual_board import Supply

ENERGY_AGREES = 0.02
SEED_OF_SAMPLES = 4


@dataclass(frozen=True)
class Bench:
    """A network on a board with its costs and the reference's answers to its samples: what every run needs."""

    prepared: Prepared
    plan: Plan
    firmware: EventFirmware
    costs: Costs
    answers: Answers
    words: np.ndarray
    labels: np.ndarray
    folder: Path
    known: dict[int, Work] = field(default_factory=dict)

    def work(self, sample: int) -> Work:
        """The inference on a sample, measured when it is first asked for."""
        if sample not in self.known:
            units = sample_units(self.plan, self.firmware, self.words[sample], self.folder)
            self.known[sample] = Work(self.plan, replace(self.costs, units=units))
        return self.known[sample]

    def policy(self, text: str, capacitor_uF: float) -> Policy:
        """The words of a policy, its levels for a capacitor."""
        program = self.plan.program
        fraction = program.tensors[program.exits[0].tensor].fraction
        policy = make_policy(parse_policy(text), program.exits, fraction)
        plan = replace(self.plan, program=replace(program, policy=policy))
        chosen = with_levels(plan, capacitor_uF).program.policy
        assert chosen is not None
        return chosen


@contextmanager
def event_bench(model: Any, board: Board, request: Request, data: str | Path | None = None) -> Iterator[Bench]:
    """Builds the firmware and measures its costs. Raises InputError for a network without exits or labels."""
    if board.is_host:
        raise InputError("energy is that of a board", "name one: --board msp430fr5994")
    if request.numeric == "float32":
        raise InputError("an exit policy compares integers", "leave --numeric float32 out")
    prepared = prepare(model, request)
    if not prepared.program.exits:
        raise InputError("the network has no early exits", "add some: sparsecomp early-exit model.pt --data train.npz")
    test = test_data(prepared, data)
    if test.labels is None:
        raise InputError("the samples have no labels, which answers are compared with", "give --data data.npz with y")
    if test.labels.ndim != 1 or test.labels.dtype.kind not in "iu":
        raise InputError(
            f"labels of type {test.labels.dtype} and shape {test.labels.shape} are no classes",
            "give whole numbers (N,)",
        )
    plan = planned(prepared, request, board)
    words = wire_words(prepared.program, test.wire)
    answers = Answers.of(exit_elements(prepared.program, test.wire), test.labels)
    with tempfile.TemporaryDirectory(prefix="sparsecomp-") as name:
        folder = Path(name)
        with built_firmware(prepared, plan, folder) as firmware:
            costs = measure_costs(plan, firmware, words, folder)
            yield Bench(prepared, plan, firmware, costs, answers, words, test.labels, folder)


@dataclass(frozen=True)
class Row:
    """One policy: the share of events answered correctly in time, millijoules drawn, and the exits taken."""

    policy: str
    share: float
    answered: float
    mJ: float
    starts: int
    exits: tuple[int, ...]
    missed: dict[str, int]


@dataclass(frozen=True)
class Comparison:
    """Policies on the same events. ``checked`` runs were made on the virtual board as well."""

    supply: str
    events: int
    mean_uW: float
    deadline: float
    rows: tuple[Row, ...]
    checked: int = 0
    exit_code: int = 0

    def lines(self) -> list[str]:
        """For people."""
        out = [
            f"{self.events} events, each to be answered within {self.deadline:g} s, from {self.supply} "
            f"({self.mean_uW:.0f} uW in the mean); simulated",
            "",
            f"{'policy':16} {'right in time':>13} {'answered':>9} {'mJ':>8} {'starts':>7}  exits taken; missed",
        ]
        for r in self.rows:
            missed = ", ".join(f"{count} {why}" for why, count in sorted(r.missed.items()))
            exits = " ".join(str(n) for n in r.exits)
            out.append(
                f"{r.policy:16} {r.share:13.1%} {r.answered:9.1%} {r.mJ:8.2f} {r.starts:7d}  {exits}"
                + (f"; {missed}" if missed else "")
            )
        if self.checked:
            out += ["", f"PASS the virtual board gives the same answers in {self.checked} runs, and its energy "
                    f"within {ENERGY_AGREES:.0%}"]  # fmt: skip
        return out

    def to_json(self) -> dict[str, Any]:
        """Versioned document."""
        return {"report": "exit policies", "version": 1, "simulated": True} | asdict(self)


def supply_named(name: str, seed: int) -> Harvest:
    """A generated supply ('solar', 'rf', 'constant'), a constant power ('100uW') or a file. Raises InputError."""
    if name in GENERATED:
        return GENERATED[name](seed)
    if Path(name).is_file():
        return from_file(name)
    try:
        power = microwatts(name)
    except InputError:
        raise InputError(
            f"there is no supply '{name}'", f"a file with lines '<ms> <microwatts>', 100uW, {', '.join(GENERATED)}"
        ) from None
    Supply(100.0, power)  # refuses what nothing harvests
    return constant(power)


def row_of(policy: str, score: Score, exits: int) -> Row:
    """A run in one line."""
    missed: dict[str, int] = {}
    for outcome in score.outcomes:
        if outcome.missed:
            missed[outcome.missed] = missed.get(outcome.missed, 0) + 1
    taken = np.bincount([o.exit for o in score.outcomes if o.exit >= 0], minlength=exits)
    answered = float(np.mean([o.answered is not None for o in score.outcomes])) if score.outcomes else 0.0
    return Row(policy, score.share, answered, score.uJ / 1000, score.starts, tuple(int(n) for n in taken), missed)


def compare_policies(
    model: Any,
    policies: Sequence[str],
    trace: str,
    *,
    board: str = "msp430fr5994",
    capacitor_uF: float = 100.0,
    period: float = 5.0,
    deadline: float = 2.0,
    seconds: float = 600.0,
    seed: int = 0,
    check: bool = False,
    data: str | Path | None = None,
    plots: str | Path | None = None,
    progress: Progress = silent,
    **request: Any,
) -> Comparison:
    """Runs Poisson events, ``period`` seconds apart in the mean, under each policy. With ``check`` the virtual board
    runs them as well: MismatchError where an answer differs, or its energy by more than 2 %. Raises InputError.
    """
    if not all(math.isfinite(value) and value > 0 for value in (period, deadline, seconds)):
        raise InputError(f"period {period:g}, deadline {deadline:g}, {seconds:g} seconds", "give numbers above 0")
    wanted, target, harvest = Request(**request), load_board(board), supply_named(trace, seed)
    parsed, world = [parse_policy(text) for text in policies], World(target, capacitor_uF, harvest)
    times = poisson(seed, period, seconds)
    if not times:
        raise InputError(
            f"no event comes within {seconds:g} s", f"one comes every {period:g} s in the mean: run longer"
        )
    if plots is not None:
        check_folder(plots)
    with event_bench(model, target, wanted, data) as bench:
        rng = np.random.default_rng([seed, SEED_OF_SAMPLES])
        samples = [int(n) for n in rng.integers(0, len(bench.labels), len(times))]
        world.check_pays_for(bench.work(samples[0]).at_once)
        scores = []
        for done, request_ in enumerate(parsed):
            progress("simulating", done, len(parsed))
            policy = bench.policy(request_.text, capacitor_uF)
            score = run_events(bench.work, world, policy, bench.answers, times, samples, deadline)
            scores.append(score)
            if check:
                on_board = run_on_board(
                    bench.plan, bench.firmware, world, policy, bench.words, bench.labels, times, samples, deadline
                )
                agree(request_.text, score, on_board, slack_uJ=max(cost.uJ for cost in bench.costs.units))
        progress("simulating", len(parsed), len(parsed))
    rows = tuple(row_of(p.text, score, len(bench.plan.program.exits)) for p, score in zip(parsed, scores, strict=True))
    if plots is not None:
        from sparsecomp_tools.adaptive.plots import plot_exits, plot_policies

        folder = Path(plots)
        folder.mkdir(parents=True, exist_ok=True)
        plot_policies(rows, folder / "policies.png")
        plot_exits({p.text: score for p, score in zip(parsed, scores, strict=True)}, harvest, folder / "exits.png")
    supply = f"{trace}, {capacitor_uF:g} uF"
    return Comparison(supply, len(times), harvest.mean_uW, deadline, rows, len(rows) if check else 0)


def agree(policy: str, simulated: Score, on_board: Score, near_ties: int = 0, slack_uJ: float = 0.0) -> int:
    """How many events the event simulator and the virtual board answer differently. Raises MismatchError where that is
    more than ``near_ties``, or the energy differs by more than 2 % and ``slack_uJ``: a restart unit that is just done,
    or just not done, when the power fails.
    """
    differing = 0
    for number, (one, other) in enumerate(zip(simulated.outcomes, on_board.outcomes, strict=True)):
        differing += (one.exit, one.answer, one.missed) != (other.exit, other.answer, other.missed)
        if differing > near_ties:
            raise MismatchError(
                f"{policy}, event {number} at {one.time:.3f} s: exit {one.exit}, class {one.answer} {one.missed}"
                f" simulated, exit {other.exit}, class {other.answer} {other.missed} on the virtual board",
                "measured costs are means: a decision can lie closer to its threshold than they are exact",
            )
    if abs(simulated.uJ - on_board.uJ) > ENERGY_AGREES * on_board.uJ + slack_uJ:
        raise MismatchError(
            f"{policy}: {simulated.uJ:.1f} uJ simulated, {on_board.uJ:.1f} uJ on the virtual board",
            "this is a defect of sparsecomp: please report the model",
        )
    return differing

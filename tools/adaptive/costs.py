"""What an event costs, measured on the virtual board: each restart unit, the start, a resumption, each way out."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sparsecomp.errors import ToolError
from sparsecomp.exits import NEVER, Policy
from sparsecomp.plan import Plan
from sparsecomp_tools.adaptive.firmware import EventFirmware, Image
from sparsecomp_tools.virtual_board import RandomFailures, RunResult, read_events, run_elf
from sparsecomp_tools.virtual_board.events import BOOT, STOP, WATCH

SAMPLES = 4  # inferences that costs are the mean of
FAILURES_A_LAYER = 12
LEAST_MEAN = 4000  # cycles between failures: a start takes a good part of that


@dataclass(frozen=True)
class Cost:
    """Seconds and microjoules (simulated)."""

    seconds: float
    uJ: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.seconds + other.seconds, self.uJ + other.uJ)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.seconds - other.seconds, self.uJ - other.uJ)

    @property
    def half(self) -> Cost:
        return Cost(self.seconds / 2, self.uJ / 2)


@dataclass(frozen=True)
class Costs:
    """``begin`` is from the first instruction to the start of the inference, delivery included; ``units`` has one
    entry a restart unit; ``resume`` is from the first instruction to where the unit that was cut begins again, one a
    step; ``leave`` ends at each exit where it is the last one allowed, ``judging`` is what it takes more to end at
    another, ``reading`` the look at the supply, ``finish`` all behind the answer. The start itself, before the first
    instruction, is the board's.
    """

    begin: Cost
    units: tuple[Cost, ...]
    resume: tuple[Cost, ...]
    leave: tuple[Cost, ...]
    judging: Cost
    reading: Cost
    finish: Cost


def measure_costs(plan: Plan, firmware: EventFirmware, samples: Sequence[np.ndarray], folder: Path) -> Costs:
    """Runs inferences on the virtual board, without failures to every exit, and with them to see what resuming costs.
    Raises ToolError where the board stops early.
    """
    early = len(plan.program.exits) - 1
    whole = Policy(early, (NEVER,) * early, (0,) * early)
    trips = [_trip(plan, firmware, words, whole, folder) for words in samples[:SAMPLES]]
    units = _mean([trip.units for trip in trips])
    leave = []
    for number in range(early):
        ended = _trip(plan, firmware, samples[0], replace(whole, limit=number), folder)
        leave.append(ended.units[_exit_units(plan)[number]])
    leave.append(units[-1])
    reading = judging = Cost(0, 0)
    if early:
        looked = _trip(plan, firmware, samples[0], replace(whole, levels=(1,) * early), folder)
        where = _exit_units(plan)[:early]
        reading = _mean([(looked.units[unit] - trips[0].units[unit],) for unit in where])[0]
        empty = _trip(plan, firmware, samples[0], replace(whole, levels=(NEVER,) * early), folder)
        judging = empty.units[where[0]] - leave[0] - reading
    return Costs(
        _mean([(trip.begin,) for trip in trips])[0],
        units,
        _resumptions(plan, firmware, samples[0], whole, folder, units),
        tuple(leave),
        judging,
        reading,
        _mean([(trip.finish,) for trip in trips])[0],
    )


def sample_units(plan: Plan, firmware: EventFirmware, words: np.ndarray, folder: Path) -> tuple[Cost, ...]:
    """What each restart unit costs on one sample: a few per thousand depend on the data. Raises as measure_costs."""
    early = len(plan.program.exits) - 1
    return _trip(plan, firmware, words, Policy(early, (NEVER,) * early, (0,) * early), folder).units


def _exit_units(plan: Plan) -> list[int]:
    return [plan.units[i].first for i, step in enumerate(plan.program.steps) if step.kernel == "exit"]


@dataclass(frozen=True)
class _Trip:
    """One event without failures; units that were not run cost nothing."""

    begin: Cost
    units: tuple[Cost, ...]
    finish: Cost


def _run(plan: Plan, firmware: EventFirmware, words: np.ndarray, policy: Policy, folder: Path, **more) -> np.ndarray:
    """The events of one run from a fresh image."""
    fresh, image, events = (folder / f"costs.{name}" for name in ("fresh", "fram", "events"))
    if not fresh.exists():
        run_elf(plan.board, firmware.elf, image=fresh)  # nothing waits yet: this only writes the program
    shutil.copyfile(fresh, image)
    memory = Image(image, firmware)
    memory.offer(1, words)
    if policy.margins:
        memory.set_policy(policy)
    found: RunResult = run_elf(plan.board, None, image=image, events=events, watch=firmware.cursor, **more)
    if found.stopped != "asleep" or memory.answer()[0] != 1:
        raise ToolError(f"the virtual board stopped: {found.stopped} {found.message}", "see `sparsecomp board run`")
    return read_events(events)


def _between(events: np.ndarray, a: int, b: int) -> Cost:
    return Cost(
        float(events["time_ps"][b] - events["time_ps"][a]) * 1e-12,
        float(events["energy_fj"][b] - events["energy_fj"][a]) * 1e-9,
    )


def _trip(plan: Plan, firmware: EventFirmware, words: np.ndarray, policy: Policy, folder: Path) -> _Trip:
    events = _run(plan, firmware, words, policy, folder)
    watched = [i for i in range(len(events)) if events["kind"][i] == WATCH]
    units = [Cost(0.0, 0.0)] * plan.unit_count
    for a, b in zip(watched, watched[1:], strict=False):
        cursor = int(events["value"][a])
        if 1 <= cursor <= plan.unit_count:
            units[cursor - 1] = units[cursor - 1] + _between(events, a, b)
    done = next(i for i in watched if int(events["value"][i]) == plan.unit_count + 1)
    end = next(i for i in range(len(events)) if events["kind"][i] == STOP)
    return _Trip(_between(events, 0, watched[0]), tuple(units), _between(events, done, end))


def _resumptions(
    plan: Plan, firmware: EventFirmware, words: np.ndarray, policy: Policy, folder: Path, units: Sequence[Cost]
) -> tuple[Cost, ...]:
    """For each step, from a start to where its unit begins anew: the mean over random failures, of all steps where
    none has cut this one.
    """
    whole, largest = (round(f(cost.seconds for cost in units) * plan.board.clock_hz) for f in (sum, max))
    usual = max(20_000, whole // (FAILURES_A_LAYER * len(plan.units)))
    found: list[list[Cost]] = []
    # Small networks want failures closer together. Closer than a unit is long, one would hardly ever end.
    for mean in (max(usual, largest), max(LEAST_MEAN, largest)):
        events = _run(plan, firmware, words, policy, folder, failures=[RandomFailures(1, mean)])
        found = _cut_units(plan, events, units)
        if any(found):
            break
    every = [cost for costs in found for cost in costs]
    if not every:
        raise ToolError("no failure has cut an inference", "the network is too small to measure what resuming costs")
    general = _mean([(cost,) for cost in every])[0]
    return tuple(_mean([(cost,) for cost in costs])[0] if costs else general for costs in found)


def _cut_units(plan: Plan, events: np.ndarray, units: Sequence[Cost]) -> list[list[Cost]]:
    """For each step the costs of starts that ended in its unit which was cut, less those of the unit."""
    first = [u.first for u in plan.units]
    found: list[list[Cost]] = [[] for _ in first]
    cursor = 0
    for i in range(len(events) - 1):
        if events["kind"][i] == WATCH:
            cursor = int(events["value"][i])
        elif events["kind"][i] == BOOT and i and events["kind"][i + 1] == WATCH and 1 <= cursor <= plan.unit_count:
            step = int(np.searchsorted(first, cursor - 1, side="right")) - 1
            found[step].append(_between(events, i, i + 1) - units[cursor - 1])
    return found


def _mean(rows: Sequence[Sequence[Cost]]) -> tuple[Cost, ...]:
    count = len(rows)
    return tuple(Cost(sum(c.seconds for c in column) / count, sum(c.uJ for c in column) / count)
                 for column in zip(*rows, strict=True))  # fmt: skip

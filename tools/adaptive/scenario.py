"""Events that arrive, and a device that answers them as its exit policy says: the event simulator.

An event is a sample that has to be answered within a deadline. One that arrives while the device has no power, or works
on another, is missed. Costs are those measured on the virtual board; only decisions depend on the sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sparsecomp.boards import Board
from sparsecomp.errors import InputError
from sparsecomp.exits import NEVER, Policy, confidence, reading
from sparsecomp.plan import Plan
from sparsecomp_tools.adaptive.costs import Cost, Costs
from sparsecomp_tools.adaptive.device import TINY, Device, Track
from sparsecomp_tools.adaptive.supplies import Harvest
from sparsecomp_tools.virtual_board.supply import Supply

V_MAX = 3.6
SURE = 0.9  # costs are means
GIVEN_UP = 3600.0  # seconds after which an event without an end is given up
SLEEP_UW = 1.5  # LPM4 at 3 V: 0.5 uA (SLASE54D, recalled)


@dataclass(frozen=True)
class Answers:
    """What the integer reference says of samples: ``margins`` (N, early exits) are confidences, ``classes`` (N, exits)
    the classes answered, ``labels`` (N,) the right ones.
    """

    margins: np.ndarray
    classes: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, scores: Sequence[np.ndarray], labels: np.ndarray) -> Answers:
        """From the scores (N, classes) of every exit, in elements."""
        margins = np.stack([confidence(s) for s in scores[:-1]] or [np.zeros(len(labels))], axis=1)
        return cls(margins.astype(np.int64), np.stack([s.argmax(axis=1) for s in scores], axis=1), labels)


@dataclass(frozen=True)
class World:
    """A supply and what it feeds: capacitor in microfarads and harvest. Raises InputError where that is none, or the
    board is no electric one.
    """

    board: Board
    capacitor_uF: float
    harvest: Harvest

    def __post_init__(self) -> None:
        Supply(self.capacitor_uF)
        if self.board.energy.v_on is None or self.board.energy.v_off is None:
            raise InputError(
                f"events need a board that a capacitor feeds, {self.board.name} has no v_on and v_off",
                "name one: --board msp430fr5994",
            )

    def check_pays_for(self, pieces: Sequence[Cost]) -> None:
        """Raises InputError where one of the pieces, with a start before it and all that is harvested meanwhile, takes
        more than a charge: none of the work behind it would ever be done.
        """
        energy, power = self.board.energy, max(self.harvest.power)
        charge = self.capacitor_uF / 2 * (energy.v_on**2 - energy.v_off**2)
        start = self.device().start
        wanted = max((start + piece).uJ - power * (start + piece).seconds for piece in pieces)
        if SURE * wanted > charge:
            least = math.ceil(self.capacitor_uF * wanted / charge)
            raise InputError(
                f"{self.capacitor_uF:g} uF hold {charge:.3g} uJ between {energy.v_on:g} and {energy.v_off:g} V, a start"
                f" and the largest restart unit take {wanted:.3g} uJ",
                f"give --capacitor {least}uF or more, or a board file with this capacitor, which makes smaller units",
            )

    def device(self) -> Device:
        """A device that is on, with its capacitor at v_on."""
        energy = self.board.energy
        half = self.capacitor_uF / 2
        on_at = half * energy.v_on**2
        start = self.board.energy.figure("boot_charge"), self.board.energy.figure("boot_time")
        charge, time = (figure.values[0] if figure else 0.0 for figure in start)
        return Device(
            self.harvest, half * V_MAX**2, on_at, half * energy.v_off**2,
            Cost(time * 1e-6, charge * energy.volts * 1e-3), SLEEP_UW, stored=on_at,
        )  # fmt: skip

    def reading(self, stored_uJ: float) -> int:
        """What the device reads of its supply."""
        return reading(math.sqrt(2 * stored_uJ / self.capacitor_uF))


@dataclass(frozen=True)
class Work:
    """The pieces of an inference on one sample: a track up to each exit's decision, with what resuming costs at its
    boundaries, the decision to go on and to leave.
    """

    plan: Plan
    costs: Costs

    @cached_property
    def pieces(self) -> tuple[tuple[Track, tuple[Cost, ...]], ...]:
        """One for each exit; the first begins with the delivery, after which nothing was done yet."""
        return tuple((Track(costs), resume) for costs, resume in self._between)

    @cached_property
    def _between(self) -> tuple[tuple[tuple[Cost, ...], tuple[Cost, ...]], ...]:
        """Costs of the units up to each exit, and of resuming before each."""
        pieces, costs, resume = [], [self.costs.begin], [Cost(0.0, 0.0)]
        for index, (step, units) in enumerate(zip(self.plan.program.steps, self.plan.units, strict=True)):
            if step.kernel == "exit":
                pieces.append((tuple(costs), tuple(resume)))
                costs, resume = [], []
                continue
            costs += self.costs.units[units.first : units.first + units.count]
            resume += [self.costs.resume[index]] * units.count
        return tuple(pieces)

    @cached_property
    def at_once(self) -> tuple[Cost, ...]:
        """What each piece takes that has to be done in one go, with what resuming costs before it."""
        again = [cost for _, resume in self.pieces for cost in resume]
        alone = [cost for costs, _ in self._between for cost in costs]
        return tuple(first + piece for first, piece in zip(again, alone, strict=True))

    def before_looking(self, going_on: Cost) -> Cost:
        """What a decision has taken when the supply is read: the scores are compared and the reference has settled. Of
        the rest, which commits and returns as well, it is taken to be half.
        """
        return (going_on + self.costs.judging).half + self.costs.reading

    @cached_property
    def exits(self) -> tuple[tuple[Cost, Cost, Cost], ...]:
        """Of each exit: going on, leaving, resuming."""
        steps = [i for i, step in enumerate(self.plan.program.steps) if step.kernel == "exit"]
        return tuple(
            (self.costs.units[self.plan.units[i].first], leave, self.costs.resume[i])
            for i, leave in zip(steps, self.costs.leave, strict=True)
        )


@dataclass(frozen=True)
class Outcome:
    """An event: when it came and was answered (None: never), by which exit, the class, and why it was missed."""

    time: float
    answered: float | None = None
    exit: int = -1
    answer: int = -1
    missed: str = ""


@dataclass(frozen=True)
class Score:
    """A run: the share of events answered correctly in time, all outcomes, microjoules drawn, starts."""

    share: float
    outcomes: tuple[Outcome, ...]
    uJ: float
    starts: int


def poisson(seed: int, mean_seconds: float, until: float) -> list[float]:
    """Times of events."""
    rng, times = np.random.default_rng([seed, 3]), []
    time = rng.exponential(mean_seconds)
    while time < until:
        times.append(float(time))
        time += rng.exponential(mean_seconds)
    return times


def run_events(
    work: Callable[[int], Work], world: World, policy: Policy, answers: Answers, times: Sequence[float],
    samples: Sequence[int], deadline: float,
) -> Score:  # fmt: skip
    """Every event of ``times`` (seconds, rising), of sample ``samples[i]``, whose work is ``work(samples[i])``."""
    device, outcomes = world.device(), []
    for time, sample in zip(times, samples, strict=True):
        if device.time > time + TINY:
            outcomes.append(Outcome(time, missed="busy"))
            continue
        device.rest(time)
        if not device.on:
            outcomes.append(Outcome(time, missed="no power"))
            continue
        outcomes.append(_event(work(sample), world, device, policy, answers, sample, time))
    return score_of(outcomes, [answers.labels[s] for s in samples], deadline, device)


def score_of(outcomes: Sequence[Outcome], labels: Sequence[int], deadline: float, device: Device) -> Score:
    """The score of events with these right classes."""
    right = [
        o.answered is not None and o.answered <= o.time + deadline and o.answer == label
        for o, label in zip(outcomes, labels, strict=True)
    ]
    return Score(float(np.mean(right)) if right else 0.0, tuple(outcomes), device.spent, device.starts)


def _event(
    work: Work, world: World, device: Device, policy: Policy, answers: Answers, sample: int, time: float
) -> Outcome:
    """The inference on one sample, from the wake-up to sleep."""
    limit = time + GIVEN_UP
    if not device.come_back(Cost(0.0, 0.0), limit):
        return Outcome(time, missed="given up")
    for number, (track, resume) in enumerate(work.pieces):
        if not device.work(track, resume, limit):
            return Outcome(time, missed="given up")
        going_on, leaving, again = work.exits[number]
        while True:
            wanted = _wanted(policy, answers, number, sample)
            looks = not isinstance(wanted, bool)
            leaves = world.reading(device.after(work.before_looking(going_on))) < wanted if looks else wanted
            cost = leaving if leaves else going_on
            if leaves and number < policy.limit:
                cost += work.costs.judging
            if looks:
                cost += work.costs.reading
            decision = Track([cost])
            if device.advance(decision, 0.0) >= decision.length - TINY:
                break
            if not device.come_back(again, limit):
                return Outcome(time, missed="given up")
        if leaves:
            answered = device.time
            device.work(Track([work.costs.finish]), (Cost(0.0, 0.0),), limit)
            return Outcome(time, answered, number, int(answers.classes[sample, number]))
    raise AssertionError("the whole network is an exit")


def _wanted(policy: Policy, answers: Answers, number: int, sample: int) -> int | bool:
    """Whether the inference ends at an exit; or the reading of the supply below which it does (exit.c: leaves)."""
    if number >= policy.limit:
        return True
    sure = bool(answers.margins[sample, number] > policy.margins[number])
    return (policy.plenty if sure else policy.levels[number]) or sure


def fixed(exits: int, number: int) -> Policy:
    """Always the same exit, of ``exits``."""
    early = exits - 1
    return Policy(number, (NEVER,) * early, (0,) * early, "full" if number == early else f"fixed:{number}")

"""What a variant of the restart benchmark costs on the virtual board, and how it lives with power failures."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparsecomp.boards import Board
from sparsecomp.errors import MismatchError
from sparsecomp_tools.benchmarks.restart_build import Built, Subject
from sparsecomp_tools.virtual_board import Failure, RandomFailures, read_events, run_elf
from sparsecomp_tools.virtual_board.events import BOOT, POWER_LOST, WATCH

PASSED = 0x600D  # restart_main.c
DELIVERING, RUNNING, COMPARING = 0, 1, 2
WRITES_BEHIND = 3  # the phase, the verdict, the phase
LIMIT = 2_000_000_000  # cycles without failures
MOST_RUNS = 60  # under random failures
MOST_UNITS = 24  # of a layer, for the largest recovery
MACS = 0x04C6
CURSOR, PHASE = "model_progress", "restart_phase"


@dataclass(frozen=True)
class Inference:
    """One inference without failures, from the start to the last commit: cycles, FRAM words written, cycles a step."""

    cycles: int
    fram_writes: int
    layers: dict[str, int]


@dataclass(frozen=True)
class Survival:
    """Runs under random failures that all ended with the right answer: how many, failures in them in all, and the most
    cycles seen from power-up, in a layer that multiplies and accumulates, to the next write that kept something.
    """

    runs: int
    failures: int
    largest_recovery: int


@dataclass(frozen=True)
class Recovery:
    """From power-up, in cycles: to the commit of the unit that was cut, the most of ``units`` restart units of all
    layers and of those that multiply and accumulate, and to their first product.
    """

    of_all: int
    to_commit: int
    to_product: int
    units: int


class Image:
    """A file that holds the device's memory between runs."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, address: int, words: int = 1) -> np.ndarray:
        """Signed words of the memory."""
        with open(self.path, "rb") as file:
            file.seek(address)
            return np.frombuffer(file.read(2 * words), "<i2")

    def write(self, address: int, words: np.ndarray | list[int]) -> None:
        """Replaces words of the memory."""
        with open(self.path, "r+b") as file:
            file.seek(address)
            file.write(np.asarray(words, np.int64).astype("<u2").tobytes())

    def has_passed(self, built: Built) -> bool:
        """Whether the device found the right answer."""
        return int(self.read(built.linked.address("restart_verdict"))[0]) == PASSED


def uninterrupted(board: Board, subject: Subject, built: Built, image: Image) -> Inference:
    """Counts one inference, and checks it and one on another input, which finds the memory as the first left it.

    Raises MismatchError where an answer is not the reference's.
    """
    at, events = built.linked.address, image.path.with_suffix(".events")
    before = run_elf(board, built.elf, watch=at(PHASE), stop_value=RUNNING, cycle_limit=LIMIT)
    image.path.unlink(missing_ok=True)
    whole = run_elf(board, built.elf, image=image.path, events=events, watch=at(CURSOR), cycle_limit=LIMIT)
    if whole.stopped != "asleep" or not image.has_passed(built) or whole.early_multiplier_reads:
        raise _wrong(subject, built, whole.stopped)
    record = read_events(events)
    record = record[record["kind"] == WATCH]

    def reached(cursor: int) -> int:
        return int(record["cycles"][record["value"] == cursor][0])

    units = subject.plan.units
    ends = [reached(1), *(reached(u.first + u.count + 1) for u in units)]
    names = [step.name for step in subject.program.steps]
    layers = {name: b - a for name, a, b in zip(names, ends[:-1], ends[1:], strict=True)}
    _check_another(board, subject, built, image)
    return Inference(ends[-1] - ends[0], whole.fram_writes - before.fram_writes - WRITES_BEHIND, layers)


def _check_another(board: Board, subject: Subject, built: Built, image: Image) -> None:
    at = built.linked.address
    image.write(at("selftest_input"), subject.words[1])
    image.write(at(PHASE), [DELIVERING])
    image.write(at(CURSOR), [0])
    again = run_elf(board, None, image=image.path, cycle_limit=LIMIT)
    (port,) = subject.program.outputs
    place = subject.plan.placements[subject.program.base(port.tensor)]
    found = image.read(subject.plan.arenas[place.arena].start + 2 * place.offset, len(subject.answers[1]))
    if again.stopped != "asleep" or not np.array_equal(found, subject.answers[1]):
        raise _wrong(subject, built, again.stopped)


def _wrong(subject: Subject, built: Built, stopped: str) -> MismatchError:
    message = f"{subject.name}, {built.variant.name}: the answer is not the reference's ({stopped})"
    return MismatchError(message, "this is a defect of the benchmark's program")


def survival(
    board: Board, subject: Subject, built: Built, image: Image, cycles: int, failures: int, longest_task: int
) -> Survival:
    """Runs until ``failures`` random failures in all; on average one in a ``failures``-th of an inference, but no more
    often than its ``longest_task`` lets it end. Raises MismatchError where an answer is wrong or never comes.
    """
    mean = max(cycles // failures, 3 * longest_task)
    at, events = built.linked.address, image.path.with_suffix(".events")
    count, largest, runs = 0, 0, 0
    while count < failures and runs < MOST_RUNS:
        runs += 1
        seen = []
        for watch in dict.fromkeys((built.variant.progress, CURSOR)):
            image.path.unlink(missing_ok=True)
            result = run_elf(
                board, built.elf, image=image.path, events=events, watch=at(watch), seed=runs,
                failures=[RandomFailures(runs, mean)], cycle_limit=50 * cycles,
            )  # fmt: skip
            if result.stopped != "asleep" or not image.has_passed(built):
                raise _wrong(subject, built, result.stopped)
            seen.append(read_events(events))
        count += result.power_failures
        largest = max(largest, _largest_recovery(seen, subject))
    return Survival(runs, count, largest)


def _largest_recovery(seen: list[np.ndarray], subject: Subject) -> int:
    """The most cycles from a start to the next watched write, in runs that differ only in what was watched, the cursor
    in the last one.
    """
    both = zip(subject.program.steps, subject.plan.units, strict=True)
    macs = {unit + 1 for s, u in both if s.kernel == "mac" for unit in range(u.first, u.first + u.count)}
    times = [s["cycles"][s["kind"] == WATCH].astype(np.int64) for s in seen]
    cursors = seen[-1]["value"][seen[-1]["kind"] == WATCH]
    lost = np.append(seen[0]["cycles"][seen[0]["kind"] == POWER_LOST].astype(np.int64), np.iinfo(np.int64).max)
    writes = np.sort(np.concatenate(times))
    largest = 0
    for boot in seen[0]["cycles"][seen[0]["kind"] == BOOT][1:].astype(np.int64):
        before = np.searchsorted(times[-1], boot, "right") - 1
        behind = writes[np.searchsorted(writes, boot, "right") :]
        ended = len(behind) and behind[0] < lost[np.searchsorted(lost, boot, "right")]
        if ended and before >= 0 and int(cursors[before]) in macs:
            largest = max(largest, int(behind[0] - boot))
    return largest


def charges(board: Board, built: Built, usable: int, cycles: int) -> int | None:
    """Starts that one inference takes with ``usable`` cycles each; None where it never ends."""
    result = run_elf(
        board, built.elf, failures=[Failure("every_cycles", usable)], watch=built.linked.address(PHASE),
        stop_value=COMPARING, cycle_limit=4 * cycles + 400 * usable,
    )  # fmt: skip
    return result.boots if result.stopped == "watched" else None


def recovery(board: Board, subject: Subject, built: Built, image: Image) -> Recovery:
    """Starts the device in the middle of the inference that ``image`` has behind it, at units of all layers."""
    of_all, to_commit, to_product, count = 0, 0, 0, 0
    products = _products(built)
    for step, units in zip(subject.program.steps, subject.plan.units, strict=True):
        chosen = np.unique(np.linspace(0, units.count - 1, min(units.count, MOST_UNITS)).round().astype(int))
        longest = max(_from_power_up(board, built, image, int(unit)) for unit in units.first + chosen)
        of_all, count = max(of_all, longest), count + len(chosen)
        if step.kernel == "mac":
            to_commit = max(to_commit, longest)
            for unit in units.first + chosen[[0, len(chosen) // 2, -1]]:
                to_product = max(to_product, _from_power_up(board, built, image, int(unit), products))
    return Recovery(of_all, to_commit, to_product, count)


def _from_power_up(board: Board, built: Built, image: Image, unit: int, addresses: tuple[int, ...] = ()) -> int:
    """Cycles until the unit is committed, or until one of the instructions is reached."""
    at, events = built.linked.address, image.path.with_suffix(".events")
    image.write(at(PHASE), [RUNNING])
    image.write(at(CURSOR), [unit + 1])
    result = run_elf(
        board, None, image=image.path, watch=at(CURSOR), stop_value=unit + 2, events=events, cycle_limit=LIMIT,
        failures=[Failure("address", address) for address in addresses],
    )  # fmt: skip
    if not addresses:
        return result.cycles
    record = read_events(events)
    return int(record["cycles"][record["kind"] == POWER_LOST][0])


def _products(built: Built) -> tuple[int, ...]:
    """Addresses of the walks' instructions that hand a weight to the multiplier: mov.b or mov.w @r4+, &MACS."""
    found = []
    for name in built.linked.symbols:
        if name.startswith("walk_mac_"):
            start, code = built.linked.code(name)
            words = struct.unpack(f"<{len(code) // 2}H", code)
            pairs = zip(words, words[1:], strict=False)
            found += [start + 2 * i for i, (a, b) in enumerate(pairs) if a in (0x44F2, 0x44B2) and b == MACS]
    return tuple(found)

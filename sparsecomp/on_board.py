"""The back half of the line for a board: its firmware is flashed, run over the serial line, compared and measured."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sparsecomp.boards import Board
from sparsecomp.errors import InputError, MismatchError
from sparsecomp.exits import reachable
from sparsecomp.linked import Linked
from sparsecomp.measurements import BoardRun, ExitTaken, LayerCost, Measured, Smallest
from sparsecomp.metrics import Metric, top1
from sparsecomp.plan import Plan
from sparsecomp.plan.units import layer_cycles
from sparsecomp.prepare import Data, Prepared
from sparsecomp.program import Program
from sparsecomp.reference import Answers, exit_elements, run, to_values, wire_words
from sparsecomp.validate import check_layers, decode_answers

RUNNING = "running over serial"
FLASHING = "flashing"
HARVEST_UW = 500.0  # where no supply is named
PATIENCE = 10.0  # seconds at least that a board may take for an answer
NOTE_SECONDS = 1.0
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Bench:
    """How boards are reached: ``ports`` are 'auto', 'virtual' or serial ports; several share the work.

    ``runner`` flashes them (None: the first that can); with ``flash`` False only virtual ones. ``supply``
    (sparsecomp_tools.virtual_board.Supply) feeds a virtual one; None: its power stays. ``log`` keeps what was answered.
    ``patience`` is the time in seconds that a real board may take for one answer. ``fail_every`` makes the firmware
    lose everything volatile every so many cycles of inference, on a real board as well. Of a virtual board, ``plots``
    is a folder for pictures, and ``smallest`` looks for the smallest capacitor that does.
    """

    ports: tuple[str, ...] = ("auto",)
    runner: str | None = None
    flash: bool = True
    supply: Any = None
    log: Path | str | None = None
    seed: int = 1
    patience: float | None = None
    plots: Path | str | None = None
    smallest: bool = False
    fail_every: int | None = None


def model_hash(directory: Path) -> str:
    """The hash that a project's firmware answers with. Raises InputError where there is none."""
    for line in (directory / "model.h").read_text().splitlines():
        if line.startswith("#define MODEL_HASH "):
            return line.split('"')[1]
    raise InputError(f"{directory.name}/model.h has no MODEL_HASH", "generate the project again")


def run_on_board(
    prepared: Prepared,
    plan: Plan,
    copy: Path,
    data: Data,
    bench: Bench,
    *,
    linked: Linked | None = None,
    metric: Metric = top1,
    progress: Progress,
) -> BoardRun:
    """Flashes the firmware of ``copy``, a built project, runs the samples and holds every answer against the
    reference.

    Raises ToolError where a board or a tool fails, MismatchError where an answer differs, naming the first layer.
    """
    from sparsecomp_tools.accuracy import Difference, Log, port_of, run_accuracy

    program = prepared.program
    answers = run(program, data.wire)
    job = _job(prepared, plan, copy, data, answers, bench)
    log = Log(bench.log, job.model_hash, hashlib.sha256(job.inputs.tobytes()).hexdigest()[:16], len(data))
    before = set(log.records)
    with tempfile.TemporaryDirectory(prefix="sparsecomp-") as folder:
        try:
            places = _places(plan.board, copy / "build" / "firmware.elf", Path(folder), bench, job.patience)
            progress(FLASHING, 0, 1)
            for place in places:
                if bench.flash or place.simulated:
                    place.flash()
            progress(FLASHING, 1, 1)
            records = run_accuracy(
                [port_of(place) for place in places],
                job,
                log,
                layer_words=_layer_words(plan),
                progress=_Running(prepared, data, metric, log.records, progress),
            )
            measured = _measure(plan, places, {r.port for r in records if r.index not in before}, bench)
        except Difference as found:
            raise _mismatch(found, plan.program, data) from None
        finally:
            log.close()
    values = to_values(program, decode_answers(program, [bytes.fromhex(r.answer) for r in records]))
    score = None if data.labels is None else float(metric(values[0], data.labels))
    names = tuple(f"{p.name} (simulated {plan.board.name})" if p.simulated else p.name for p in places)
    return BoardRun(
        names,
        all(place.simulated for place in places),
        len(records),
        len(before),
        score,
        sum(r.restarts for r in records),
        measured,
        linked,
        _exits(program, values, data.labels, metric) if program.exits else (),
    )


def _exits(
    program: Program, values: Sequence[np.ndarray], labels: np.ndarray | None, metric: Metric
) -> tuple[ExitTaken, ...]:
    """Which exits the board's answers are of."""
    rows = []
    for number, leaving in enumerate(program.exits):
        here = values[1][:, 0] == number
        score = None if labels is None or not here.any() else float(metric(values[0][here], labels[here]))
        rows.append(ExitTaken(leaving.name, int(here.sum()), score))
    return tuple(rows)


class _Running:
    """Progress of a run, with the metric and the rate so far where ``progress`` shows a note."""

    def __init__(
        self, prepared: Prepared, data: Data, metric: Metric, records: Mapping[int, Any], progress: Progress
    ) -> None:
        self._program, self._labels, self._metric = prepared.program, data.labels, metric
        self._records, self._progress = records, progress
        self._began, self._before, self._shown = time.monotonic(), len(records), 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        tenth = total < 10 or done % (total // 10) == 0
        if hasattr(self._progress, "note") and (tenth or now - self._shown > NOTE_SECONDS):
            self._shown = now
            self._progress.note = self._note(done, now)
        self._progress(RUNNING, done, total)

    def _note(self, done: int, now: float) -> str:
        rate = (done - self._before) / max(now - self._began, 1e-3)
        if self._labels is None:
            return f"{rate:.1f} a second"
        known = sorted(self._records)
        answers = [bytes.fromhex(self._records[i].answer) for i in known]
        values = to_values(self._program, decode_answers(self._program, answers))
        return f"{self._metric(values[0], self._labels[known]):.4f} so far, {rate:.1f} a second"


def _job(prepared: Prepared, plan: Plan, copy: Path, data: Data, answers: Answers, bench: Bench) -> Any:
    from sparsecomp_tools.accuracy import Job

    program = prepared.program
    seconds = sum(layer_cycles(plan, i) for i in range(len(program.steps))) / plan.board.clock_hz
    return Job(
        wire_words(prepared.program, data.wire),
        tuple(w.size for w in answers.words(0)),
        [b"".join(w.tobytes() for w in answers.words(i)) for i in range(len(data))],
        model_hash(copy),
        bench.patience or max(PATIENCE, 10 * seconds),
        bench.fail_every,
        plan.program.policy,
        _others(prepared, data) if plan.program.policy and plan.program.policy.energy else (),
    )


def _others(prepared: Prepared, data: Data) -> list[frozenset[bytes]]:
    """For each sample the answers of every exit that its supply may make a device take."""
    program = prepared.program
    assert program.policy is not None
    scores = exit_elements(program, data.wire)
    return [
        frozenset(np.concatenate([s[i], [k]]).astype("<i2").tobytes() for k, s in enumerate(scores[: last + 1]))
        for i, last in enumerate(reachable(program.policy, scores))
    ]


def _places(board: Board, elf: Path, folder: Path, bench: Bench, patience: float) -> list[Any]:
    from sparsecomp_tools.accuracy import AUTO, VIRTUAL, SerialPlace, VirtualPlace, find_port
    from sparsecomp_tools.measure import cursor_address

    names = [find_port() if port == AUTO else port for port in bench.ports]
    if len(set(names) - {VIRTUAL}) + names.count(VIRTUAL) != len(names):
        raise InputError("a serial port is named twice", "name each port once")
    places: list[Any] = []
    for number, name in enumerate(names):
        if name != VIRTUAL:
            places.append(SerialPlace(board, elf, name, bench.runner, patience))
            continue
        own = name if names.count(VIRTUAL) == 1 else f"{name}{number}"
        cursor = cursor_address(elf)
        places.append(VirtualPlace(board, elf, folder, bench.supply, bench.seed + number, cursor, own))
    if bench.supply is not None and not all(place.simulated for place in places):
        raise InputError("a board at a serial port has a supply of its own", "leave --capacitor to the virtual board")
    return places


def _layer_words(plan: Plan) -> list[int]:
    """Words of each layer's view, as the generated model has them."""
    program = plan.program
    return [program.tensors[s.output].stored * program.element_words for s in program.steps]


def _mismatch(found: Any, program: Program, data: Data) -> MismatchError:
    """Names the first layer that differs; what was dumped from the device is compared with the reference."""
    one = data.wire if not found.layers else [w[found.index : found.index + 1] for w in data.wire]
    try:
        if found.layers:
            check_layers(program, one, found.layers, found.port)
    except MismatchError as first:
        return MismatchError(f"sample {found.index}: {first.message}", first.hint)
    return MismatchError(
        f"{found.port} answers sample {found.index} differently from the reference, but its layers are right when "
        "it is run again",
        "is the supply stable, and does nothing else write to the board's memory?",
    )


def _measure(plan: Plan, places: Sequence[Any], worked: Collection[str], bench: Bench) -> Measured | None:
    """Costs of an inference on the first simulated place of those that answered something, by their names."""
    from sparsecomp_tools.measure import attribute
    from sparsecomp_tools.virtual_board import read_events

    place = next((p for p in places if p.simulated and p.result is not None and p.name in worked), None)
    if place is None:
        return None
    events = read_events(place.events)
    units = attribute(events, plan.unit_count)
    costs = units.layers([u.first for u in plan.units])
    layers = _by_layer(plan, costs)
    total, result = units.total, place.result
    if bench.plots is not None:
        _plot(Path(bench.plots), events, layers, plan)
    return Measured(
        units.inferences,
        layers,
        total.cycles,
        total.wait_cycles,
        total.energy_nj / 1000,
        total.seconds,
        result.cycles,
        result.energy_nj / 1000,
        result.seconds,
        result.power_failures,
        None if place.supply is None else place.supply.describe(plan.board),
        _smallest(plan, place, total.cycles) if bench.smallest else None,
    )


def _by_layer(plan: Plan, costs: Sequence[Any]) -> tuple[LayerCost, ...]:
    """Costs of steps as those of layers, whose parts are added up."""
    layers: dict[str, LayerCost] = {}
    for step, c in zip(plan.program.steps, costs, strict=True):
        before = layers.get(step.layer, LayerCost(step.layer, 0, 0, 0.0))
        layers[step.layer] = LayerCost(
            step.layer,
            before.cycles + c.cycles,
            before.wait_cycles + c.wait_cycles,
            before.energy_uJ + c.energy_nj / 1000,
        )
    return tuple(layers.values())


def _plot(folder: Path, events: Any, layers: Sequence[LayerCost], plan: Plan) -> None:
    """run.png, up to the end of the first inference, and layers.png."""
    from sparsecomp_tools.measure import first_inference, plot_layers, plot_run

    folder.mkdir(parents=True, exist_ok=True)
    plot_run(first_inference(events, plan.unit_count), folder / "run.png", plan.board.name)
    plot_layers(layers, folder / "layers.png", plan.board.name)


def _smallest(plan: Plan, place: Any, cycles: int) -> Smallest:
    """The smallest capacitor with which the last inference ends, under the run's supply or the board's own."""
    from sparsecomp_tools.measure import smallest_capacitor
    from sparsecomp_tools.virtual_board import Supply

    supply = place.supply or Supply(plan.board.energy.capacitor_uF or 100.0, HARVEST_UW)
    uF, end = smallest_capacitor(plan.board, place.image, place.watch, plan.unit_count, supply, cycles)
    return Smallest(uF, supply.feed(), end.seconds, end.boots - 1)

"""The line from model.pt to verified C, one function a verb; each stage is a pure function of the one before."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sparsecomp import __version__
from sparsecomp.boards import Board, load_board
from sparsecomp.build import built, compiler, selftest
from sparsecomp.errors import DoesNotFitError, InputError
from sparsecomp.metrics import Metric, agreement, fitting, mean_squared_error, top1
from sparsecomp.plan import Plan
from sparsecomp.plan.planner import make_plan
from sparsecomp.prepare import Data, Prepared, Request, prepare, random_inputs, saturated, test_data
from sparsecomp.project import check_target, digest, staged, write_files
from sparsecomp.quantize import sqnr_db
from sparsecomp.reference import run, to_values, wire_words
from sparsecomp.render import Vector, render
from sparsecomp.report import LayerRow, layer_rows, plan_json, to_json
from sparsecomp.results import (
    Accuracy,
    Analysis,
    Conversion,
    Deployment,
    ExplorationResult,
    Fit,
    SimulationResult,
)
from sparsecomp.validate import compare_answers, compare_layers, decode_answers, layer_errors
from sparsecomp_tools.power import explore_directory, simulate_directory

STAGES = ("plan", "generate", "build")
STREAM = 3  # inputs of a simulation: enough for seams between inferences
Progress = Callable[[str, int, int], None]
Model = Any  # a path, or a LoadedModel


def _silent(what: str, done: int, total: int) -> None:
    """No progress."""


def analyze(model: Model, board: str | Sequence[str] = "host", **request: Any) -> Analysis:
    """Whether the model fits, on one board or several, and what each layer costs. Needs no calibration data."""
    prepared = prepare(model, Request(**request), uncalibrated=True)
    names = [board] if isinstance(board, str | Path) else list(board)
    fits = []
    for name in names:
        target = load_board(name)
        try:
            fits.append(Fit(target.name, make_plan(prepared.program, target)))
        except DoesNotFitError as refusal:
            fits.append(Fit(target.name, None, refusal.message, refusal.hint))
    plans = [fit.plan for fit in fits if fit.plan]
    rows = layer_rows(plans[0], _errors(prepared)) if plans else ()
    return Analysis(rows, tuple(fits), prepared.program.notes)


def convert(model: Model, out: str | Path, *, board: str = "host", **request: Any) -> Conversion:
    """Writes the C project, without building or running it."""
    check_target(out)
    wanted = Request(**request)
    target = load_board(board)
    prepared = prepare(model, wanted)
    plan = make_plan(prepared.program, target, volatile_input=wanted.volatile_input)
    rows = layer_rows(plan, _errors(prepared))
    with staged(out) as directory:
        files = generate(prepared, plan, rows)
        write_files(directory, files)
    return Conversion(Path(out), plan, rows, len(files))


def deploy(
    model: Model,
    out: str | Path,
    *,
    board: str = "host",
    until: str | None = None,
    data: str | Path | None = None,
    failures: int = 1000,
    seed: int = 0,
    kills: int = 20,
    metric: Metric = top1,
    progress: Progress = _silent,
    **request: Any,
) -> Deployment:
    """The whole line: load, quantize, plan, generate, build, run under power failures, compare every level.

    ``until`` stops after that stage. For a board other than host it stops after generate.
    """
    if until is not None and until not in STAGES:
        raise InputError(f"there is no stage '{until}'", "stages: " + ", ".join(STAGES))
    check_target(out)
    wanted, target = Request(**request), load_board(board)
    progress("loading and quantizing", 0, 1)
    prepared = prepare(model, wanted)
    test = test_data(prepared, data)
    metric = fitting(metric, test.labels, prepared.program.outputs[0].shape)
    plan = make_plan(prepared.program, target, volatile_input=wanted.volatile_input)
    rows = layer_rows(plan, _errors(prepared))
    progress("loading and quantizing", 1, 1)
    if until == "plan":
        return Deployment(plan, rows)
    with staged(out) as directory:
        write_files(directory, generate(prepared, plan, rows))
        result = _prove(prepared, plan, rows, directory, until, test, failures, seed, kills, metric, progress)
        write_files(directory, {"report.json": to_json(result.to_json())})
    return replace(result, directory=Path(out))


def _prove(
    prepared: Prepared,
    plan: Plan,
    rows: tuple[LayerRow, ...],
    directory: Path,
    until: str | None,
    test: Data,
    failures: int,
    seed: int,
    kills: int,
    metric: Metric,
    progress: Progress,
) -> Deployment:
    """Builds, runs and compares, as far as the board and ``until`` allow."""
    if until == "generate" or (not plan.board.is_host and until is None):
        remark = (
            ()
            if plan.board.is_host
            else (
                f"stopped after generate: this version does not run on {plan.board.name}; make in the project "
                "builds a library for it",
            )
        )
        return Deployment(plan, rows, stage="generate", remarks=remark)
    compiler(plan.board)
    progress("building", 0, 1)
    with built(directory, plan.board) as copy:
        progress("building", 1, 1)
        if until == "build":
            if plan.board.is_host:
                selftest(copy)
            return Deployment(plan, rows, stage="build")
        progress("comparing host C with the reference", 0, 2)
        answers = run(prepared.program, test.wire)
        progress("comparing host C with the reference", 1, 2)
        # Layers first: they say where a difference comes from, the answers and the self-test only that there is one.
        elements = compare_layers(copy, prepared.program, test.wire)
        found = compare_answers(copy, prepared.program, test.wire, answers)
        selftest(copy)
        progress("comparing host C with the reference", 2, 2)
    accuracy = _accuracy(prepared, test, answers, found, metric)
    progress("failing power", 0, 1)
    power = _power(directory, prepared, test, failures, seed, kills)
    progress("failing power", 1, 1)
    return Deployment(plan, rows, stage="validate", accuracy=accuracy, compared_elements=elements, power=power)


def simulate(
    model: Model,
    *,
    failures: int = 1000,
    seed: int = 0,
    kills: int = 20,
    data: str | Path | None = None,
    progress: Progress = _silent,
    **request: Any,
) -> SimulationResult:
    """Runs the host build while the power fails: random failures, fixed periods, and processes killed by SIGKILL."""
    wanted = Request(**request)
    prepared = prepare(model, wanted)
    test = test_data(prepared, data)
    progress("failing power", 0, 1)
    plan, power = _on_host(prepared, wanted, lambda path: _power(path, prepared, test, failures, seed, kills))
    progress("failing power", 1, 1)
    return SimulationResult(plan, {"power failures": power})


def explore(
    model: Model,
    *,
    max_states: int = 500_000,
    seed: int = 0,
    progress: Progress = _silent,
    board: str = "host",
    **request: Any,
) -> ExplorationResult:
    """Visits every state that power failures can lead to, over a cold start and two inferences of the host build."""
    wanted = Request(**request)
    prepared = prepare(model, wanted)
    raw = (
        prepared.calibration
        if len(prepared.calibration[0]) > 1
        else random_inputs(prepared.graph, prepared.loaded.wires, 2, seed)
    )
    pair = prepared.data(tuple(x[[0, len(x) // 2]] for x in raw))
    inputs, expected = stream(prepared, pair)
    progress("exploring", 0, 1)
    plan, exploration = _on_host(
        prepared,
        wanted,
        lambda path: explore_directory(path, inputs, expected, max_states=max_states, seed=seed),
        board,
    )
    progress("exploring", 1, 1)
    return ExplorationResult(plan, exploration)


def _on_host(prepared: Prepared, wanted: Request, act: Callable[[Path], Any], board: str = "host") -> tuple[Plan, Any]:
    """Plans for the host, generates into a folder that is thrown away, and acts on it."""
    target: Board = load_board(board)
    if not target.is_host:
        raise InputError(f"{target.name} is not the host", "crash states are explored on the host build")
    compiler(target)
    plan = make_plan(prepared.program, target, volatile_input=wanted.volatile_input)
    with tempfile.TemporaryDirectory(prefix="sparsecomp-") as folder:
        path = Path(folder) / "project"
        path.mkdir()
        write_files(path, generate(prepared, plan, layer_rows(plan)))
        return plan, act(path)


def generate(prepared: Prepared, plan: Plan, rows: tuple[LayerRow, ...]) -> dict[str, bytes]:
    """Every file of the project, plan.json and a first report.json included. Deterministic."""
    loaded = prepared.loaded
    raw = loaded.samples if loaded.samples is not None else prepared.calibration
    sample = prepared.data(tuple(x[:1] for x in raw))
    answers = run(prepared.program, sample.wire)
    label = None
    if raw is loaded.samples and loaded.labels is not None and loaded.labels.dtype.kind == "i":
        label = int(loaded.labels.reshape(len(loaded.labels), -1)[0, 0])
    vector = Vector(wire_words(prepared.program, sample.wire)[0], np.concatenate(answers.words(0)), label)
    files = render(plan, vector, loaded.sha256, __version__)
    files["plan.json"] = to_json(plan_json(plan) | {"files": {name: digest(data) for name, data in files.items()}})
    files["report.json"] = to_json(Deployment(plan, rows, stage="generate").to_json())
    return files


def stream(prepared: Prepared, data: Data) -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
    """What the environment offers, and the answers it must observe, in words."""
    answers = run(prepared.program, data.wire)
    words = wire_words(prepared.program, data.wire)
    return list(words), [answers.words(i) for i in range(len(words))]


def _power(directory: Path, prepared: Prepared, test: Data, failures: int, seed: int, kills: int) -> Any:
    inputs, expected = stream(prepared, test.first(STREAM))
    return simulate_directory(directory, inputs, expected, failures=failures, seed=seed, kills=kills)


def _errors(prepared: Prepared):
    raw = tuple(x[:32] for x in prepared.calibration)
    return layer_errors(prepared.graph, prepared.program, prepared.data(raw).wire, prepared.real(raw))


def _accuracy(prepared: Prepared, test: Data, answers, found: Sequence[bytes], metric: Metric) -> Accuracy:
    expected = prepared.float_outputs(test.raw)
    on_host = to_values(prepared.program, decode_answers(prepared.program, found))
    scores = [None, None, None]
    if test.labels is not None:
        scores = [float(metric(values[0], test.labels)) for values in (expected, answers.values, on_host)]
    quality = min(sqnr_db(e, v) for e, v in zip(expected, answers.values, strict=True))
    known = {top1: "accuracy", mean_squared_error: "mean squared error"}
    name = known.get(metric) or getattr(metric, "__name__", "metric")
    classes = expected[0][0].size > 1 and metric is not mean_squared_error
    same = agreement(answers.values[0], expected[0]) if classes else None
    return Accuracy(
        len(test), name, *scores, same, quality, saturated(prepared, test.raw), prepared.program.numeric == "float32"
    )

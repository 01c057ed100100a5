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
from sparsecomp.build import compiler
from sparsecomp.device_header import has_serial
from sparsecomp.errors import DoesNotFitError, InputError
from sparsecomp.exits import reachable
from sparsecomp.metrics import Metric, fitting, top1
from sparsecomp.on_board import Bench
from sparsecomp.plan import Plan
from sparsecomp.plan.accelerate import accelerate
from sparsecomp.plan.exit_levels import with_levels
from sparsecomp.plan.planner import make_plan
from sparsecomp.plan_report import plan_json
from sparsecomp.prepare import Data, Prepared, Request, prepare, random_inputs, test_data
from sparsecomp.project import check_target, digest, staged, write_files
from sparsecomp.prove import Progress, Trial, compare_on_host, prove, run_under_failures, silent, stream
from sparsecomp.reference import exit_elements, run, wire_words
from sparsecomp.render import Vector, render
from sparsecomp.report import LayerRow, layer_rows, to_json
from sparsecomp.results import (
    Analysis,
    Conversion,
    Deployment,
    ExplorationResult,
    Fit,
    SimulationResult,
)
from sparsecomp.validate import layer_errors
from sparsecomp_tools.power import explore_directory
from sparsecomp_tools.virtual_board import explore_project

DEFAULT_BENCH = Bench()
STAGES = ("plan", "generate", "build")
Model = Any  # a path, or a LoadedModel


def analyze(model: Model, board: str | Sequence[str] = "host", **request: Any) -> Analysis:
    """Whether the model fits, on one board or several, and what each layer costs. Needs no calibration data."""
    wanted = Request(**request)
    prepared = prepare(model, wanted, uncalibrated=True)
    names = [board] if isinstance(board, str | Path) else list(board)
    fits = []
    for name in names:
        target = load_board(name)
        try:
            fits.append(Fit(target.name, planned(prepared, wanted, target)))
        except DoesNotFitError as refusal:
            fits.append(Fit(target.name, None, refusal.message, refusal.hint))
    plans = [fit.plan for fit in fits if fit.plan]
    rows = layer_rows(plans[0], _errors(prepared, plans[0])) if plans else ()
    return Analysis(rows, tuple(fits), plans[0].program.notes if plans else prepared.program.notes)


def convert(model: Model, out: str | Path, *, board: str = "host", **request: Any) -> Conversion:
    """Writes the C project, without building or running it."""
    check_target(out)
    wanted = Request(**request)
    target = load_board(board)
    prepared = prepare(model, wanted)
    plan = planned(prepared, wanted, target)
    rows = layer_rows(plan, _errors(prepared, plan))
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
    progress: Progress = silent,
    bench: Bench = DEFAULT_BENCH,
    samples: int | None = None,
    **request: Any,
) -> Deployment:
    """The whole line: load, quantize, plan, generate, build, run, compare every level.

    On the host the power fails ``failures`` times; a board is flashed and run as ``bench`` says, on the first
    ``samples`` test samples (None: all). ``until`` stops after that stage.
    """
    if until is not None and until not in STAGES:
        raise InputError(f"there is no stage '{until}'", "stages: " + ", ".join(STAGES))
    check_target(out)
    wanted, target = Request(**request), load_board(board)
    progress("loading and quantizing", 0, 1)
    prepared = prepare(model, wanted)
    test = test_data(prepared, data)
    test = test if samples is None else test.first(samples)
    metric = fitting(metric, test.labels, prepared.program.outputs[0].shape)
    plan = planned(prepared, wanted, target, bench)
    rows = layer_rows(plan, _errors(prepared, plan))
    progress("loading and quantizing", 1, 1)
    if until == "plan":
        return Deployment(plan, rows)
    stage = until or "validate"
    trial = Trial(test, metric, failures, seed, kills, progress, bench)
    with staged(out) as directory:
        write_files(directory, generate(prepared, plan, rows))
        result = prove(prepared, plan, rows, directory, stage, trial)
        if result.on_board is not None:
            result = _with_host(result, prepared, wanted, trial)
        write_files(directory, {"report.json": to_json(result.to_json())})
    return replace(result, directory=Path(out))


def accuracy(
    model: Model,
    *,
    board: str = "msp430fr5994",
    data: str | Path | None = None,
    samples: int | None = None,
    metric: Metric = top1,
    bench: Bench = DEFAULT_BENCH,
    progress: Progress = silent,
    **request: Any,
) -> Deployment:
    """Runs samples on a board that was flashed before (a virtual one is flashed here), every answer compared.

    The firmware must be this model's, made with the same options for the same board: its hash is asked for first.
    """
    wanted, target = Request(**request), load_board(board)
    if target.is_host:
        raise InputError("the host has no serial line", "name a board with --board; deploy to host measures accuracy")
    prepared = prepare(model, wanted)
    test = test_data(prepared, data)
    test = test if samples is None else test.first(samples)
    metric = fitting(metric, test.labels, prepared.program.outputs[0].shape)
    plan = planned(prepared, wanted, target, bench)
    rows = layer_rows(plan)
    with tempfile.TemporaryDirectory(prefix="sparsecomp-") as folder:
        path = Path(folder) / "project"
        path.mkdir()
        write_files(path, generate(prepared, plan, rows))
        trial = Trial(test, metric, progress=progress, bench=replace(bench, flash=False, smallest=False))
        return prove(prepared, plan, rows, path, "validate", trial)


def simulate(
    model: Model,
    *,
    failures: int = 1000,
    seed: int = 0,
    kills: int = 20,
    data: str | Path | None = None,
    progress: Progress = silent,
    **request: Any,
) -> SimulationResult:
    """Runs the host build while the power fails: random failures, fixed periods, and processes killed by SIGKILL."""
    wanted = Request(**request)
    prepared = prepare(model, wanted)
    trial = Trial(test_data(prepared, data), top1, failures, seed, kills, progress)
    plan, power = _in_a_folder(
        prepared, wanted, lambda path: run_under_failures(path, prepared, trial), load_board("host")
    )
    return SimulationResult(plan, {"power failures": power})


def explore(
    model: Model,
    *,
    max_states: int = 500_000,
    seed: int = 0,
    progress: Progress = silent,
    board: str = "host",
    **request: Any,
) -> ExplorationResult:
    """Visits every state that power failures can lead to, over a cold start and two inferences: of the host build, or
    of the board's own binary on the virtual board, with its inputs delivered as over the serial line.
    """
    wanted = Request(**request)
    prepared = prepare(model, wanted)
    raw = (
        prepared.calibration
        if len(prepared.calibration[0]) > 1
        else random_inputs(prepared.graph, prepared.loaded.wires, 2, seed)
    )
    pair = prepared.data(tuple(x[[0, len(x) // 2]] for x in raw))
    inputs, expected = stream(prepared, pair)
    target = load_board(board)
    if prepared.program.policy is not None and prepared.program.policy.energy:
        prepared, expected = _any_supply(prepared, pair, target)
    options = {"max_states": max_states, "seed": seed}

    def visit(path: Path) -> Any:
        if target.is_host:
            return explore_directory(path, inputs, expected, **options)
        return explore_project(path, target, inputs, expected, parts=has_serial(target), **options)

    progress("exploring", 0, 1)
    plan, exploration = _in_a_folder(prepared, wanted, visit, target)
    progress("exploring", 1, 1)
    return ExplorationResult(plan, exploration)


def _any_supply(prepared: Prepared, pair: Data, target: Board) -> tuple[Prepared, list[list[np.ndarray]]]:
    """For a policy that looks at the supply: levels that an empty one is below and a full one above, and for each input
    the answers of the exits that it may take, all of which are right. Raises InputError for a board's binary.
    """
    if not target.is_host:
        raise InputError(
            "the explorer on a board's binary has no supply to look at",
            "explore the C (--board host), or the policy confidence:0.9",
        )
    program = prepared.program
    assert program.policy is not None
    policy = replace(program.policy, levels=(1,) * len(program.policy.levels), plenty=min(1, program.policy.plenty))
    scores = exit_elements(program, pair.wire)
    # As many for each input: the last one again and again.
    taken = [[min(k, int(last)) for k in range(len(scores))] for last in reachable(program.policy, scores)]
    expected = [
        [words for k in numbers for words in (scores[k][i], np.array([k], np.int16))] for i, numbers in enumerate(taken)
    ]
    return replace(prepared, program=replace(program, policy=policy)), expected


def planned(prepared: Prepared, wanted: Request, board: Board, bench: Bench = DEFAULT_BENCH) -> Plan:
    """The plan for a board, with the accelerator where it was asked for. An exit policy that looks at the supply looks
    at the board's capacitor, or at that of ``bench``. Raises InputError where there is none.
    """
    program = accelerate(prepared.program, board) if wanted.lea else prepared.program
    try:
        plan = make_plan(
            program,
            board,
            volatile_input=wanted.volatile_input,
            tiles=wanted.tiles if wanted.separate else "none",
        )
        return with_levels(plan, None if bench.supply is None else bench.supply.capacitor_uF)
    except DoesNotFitError as refusal:
        if not any(step.attrs.get("lea") for step in program.steps):
            raise
        raise DoesNotFitError(refusal.message, "leave --lea out: it stores weights at twice the bytes") from refusal


def _with_host(result: Deployment, prepared: Prepared, wanted: Request, trial: Trial) -> Deployment:
    """What the host build of the same model says beside a board's answers."""
    host, wanted = load_board("host"), replace(wanted, lea=False)
    plan = planned(prepared, wanted, host)
    _, (elements, score) = _in_a_folder(
        prepared, wanted, lambda path: compare_on_host(prepared, plan, path, trial), host
    )
    assert result.accuracy is not None
    return replace(result, accuracy=replace(result.accuracy, host_c=score), compared_elements=elements)


def _in_a_folder(prepared: Prepared, wanted: Request, act: Callable[[Path], Any], target: Board) -> tuple[Plan, Any]:
    """Plans for a board, generates into a folder that is thrown away, and acts on it."""
    compiler(target)
    plan = planned(prepared, wanted, target)
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


def _errors(prepared: Prepared, plan: Plan):
    raw = tuple(x[:32] for x in prepared.calibration)
    return layer_errors(prepared.graph, plan.program, prepared.data(raw).wire, prepared.real(raw))

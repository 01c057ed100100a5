"""The back half of the line: a generated project is built, run, compared with the reference, and its power failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sparsecomp.build import built, compiler, selftest
from sparsecomp.device_header import has_serial
from sparsecomp.levels import Accuracy, ExitRow
from sparsecomp.linked import check_linked
from sparsecomp.metrics import Metric, agreement, mean_squared_error, top1
from sparsecomp.on_board import Bench, run_on_board
from sparsecomp.plan import Plan
from sparsecomp.prepare import Data, Prepared, saturated
from sparsecomp.program import Program
from sparsecomp.quantize import sqnr_db
from sparsecomp.reference import run, to_values, wire_words
from sparsecomp.report import LayerRow
from sparsecomp.results import Deployment
from sparsecomp.validate import compare_answers, compare_layers, decode_answers
from sparsecomp_tools.power import PowerRun, simulate_directory

STREAM = 3  # inputs of a run under failures: enough for seams between inferences
CHUNK = 100  # samples compared between two lines of progress
COMPARING = "comparing host C with the reference"
FAILING = "failing power"
Progress = Callable[[str, int, int], None]


def silent(what: str, done: int, total: int) -> None:
    """No progress."""


@dataclass(frozen=True)
class Trial:
    """What a project is held against: samples with their metric, and power failures (random ones, and kills). ``bench``
    says how a board is reached.
    """

    data: Data
    metric: Metric = top1
    failures: int = 1000
    seed: int = 0
    kills: int = 20
    progress: Progress = silent
    bench: Bench = Bench()


def prove(
    prepared: Prepared, plan: Plan, rows: tuple[LayerRow, ...], directory: Path, stage: str, trial: Trial
) -> Deployment:
    """Builds, runs and compares ``directory`` up to ``stage`` ('generate', 'build', 'validate').

    Raises ToolError where it cannot be built or run, MismatchError where a level differs from the reference.
    """
    if stage == "generate":
        return Deployment(plan, rows, stage=stage)
    compiler(plan.board)
    trial.progress("building", 0, 1)
    with built(directory, plan.board) as copy:
        trial.progress("building", 1, 1)
        if not plan.board.is_host:
            return _prove_on_board(prepared, plan, rows, copy, stage, trial)
        if stage == "build":
            selftest(copy)
            return Deployment(plan, rows, stage=stage)
        # Layers first: they say where a difference comes from, the answers and the self-test only that there is one.
        elements = compare_layers(copy, plan.program, trial.data.wire)
        values, on_host = _compare(copy, plan.program, trial)
        selftest(copy)
    accuracy = _accuracy(prepared, trial, values, on_host)
    power = run_under_failures(directory, prepared, trial)
    return Deployment(plan, rows, stage=stage, accuracy=accuracy, compared_elements=elements, power=power)


def _prove_on_board(
    prepared: Prepared, plan: Plan, rows: tuple[LayerRow, ...], copy: Path, stage: str, trial: Trial
) -> Deployment:
    """A built copy for a board: linked as planned, and every answer that comes over the serial line right."""
    linked = check_linked(copy / "build" / "firmware.elf", plan)
    remarks = (linked.line(plan),)
    if stage == "build":
        return Deployment(plan, rows, stage=stage, remarks=remarks)
    if not has_serial(plan.board):
        remarks += (f"stopped after the build: {plan.board.name} has no [serial] and [timer] in its board file",)
        return Deployment(plan, rows, stage="build", remarks=remarks)
    on_board = run_on_board(
        prepared, plan, copy, trial.data, trial.bench, linked=linked, metric=trial.metric, progress=trial.progress
    )
    values = run(prepared.program, trial.data.wire).values
    accuracy = replace(_accuracy(prepared, trial, values, None), board=on_board.score, board_name=on_board.where)
    return Deployment(plan, rows, stage=stage, accuracy=accuracy, remarks=remarks, on_board=on_board)


def compare_on_host(prepared: Prepared, plan: Plan, directory: Path, trial: Trial) -> tuple[int, float | None]:
    """Builds ``directory``, a project for the host, and holds layers and answers against the reference: the number of
    elements of all layers that were compared, and the metric. Raises as ``prove``.
    """
    with built(directory, plan.board) as copy:
        elements = compare_layers(copy, plan.program, trial.data.wire)
        _, on_host = _compare(copy, plan.program, trial)
    labels = trial.data.labels
    return elements, None if labels is None else float(trial.metric(on_host[0], labels))


def _compare(copy: Path, program: Program, trial: Trial) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Outputs of reference and host C for all samples, in real values; equal bit by bit, or MismatchError."""
    count, parts = len(trial.data), []
    for i in range(0, count, CHUNK):
        trial.progress(COMPARING, i, count)
        wire = [w[i : i + CHUNK] for w in trial.data.wire]
        answers = run(program, wire)
        found = compare_answers(copy, program, wire, answers, first=i)
        parts.append((answers.values, to_values(program, decode_answers(program, found))))
    trial.progress(COMPARING, count, count)
    reference, host = (_joined([part[side] for part in parts]) for side in (0, 1))
    return reference, host


def _joined(parts: Sequence[tuple[np.ndarray, ...]]) -> tuple[np.ndarray, ...]:
    return tuple(np.concatenate(output) for output in zip(*parts, strict=True))


def _accuracy(
    prepared: Prepared, trial: Trial, values: tuple[np.ndarray, ...], on_host: tuple[np.ndarray, ...] | None
) -> Accuracy:
    outputs, metric = prepared.float_outputs(trial.data.raw), trial.metric
    expected = prepared.float_answer(outputs)
    labels, scores = trial.data.labels, [None, None, None]
    if labels is not None:
        levels = (expected, values[0], None if on_host is None else on_host[0])
        scores = [None if level is None else float(metric(level, labels)) for level in levels]
    every = prepared.values(trial.data) if prepared.program.exits else values
    quality = min(sqnr_db(e, v) for e, v in zip(outputs, every, strict=True))
    known = {top1: "accuracy", mean_squared_error: "mean squared error"}
    name = known.get(metric) or getattr(metric, "__name__", "metric")
    classes = expected[0].size > 1 and metric is not mean_squared_error
    same = agreement(values[0], expected) if classes else None
    beyond = saturated(prepared, trial.data.raw)
    exits = _exit_rows(prepared, trial, every, values[1]) if prepared.program.exits else ()
    return Accuracy(len(trial.data), name, *scores, same, quality, beyond, prepared.program.is_float, exits=exits)


def _exit_rows(
    prepared: Prepared, trial: Trial, scores: tuple[np.ndarray, ...], numbers: np.ndarray
) -> tuple[ExitRow, ...]:
    """What each exit is worth: for all samples, and for those that leave there."""
    rows, labels = [], trial.data.labels
    for index, (leaving, mine) in enumerate(zip(prepared.program.exits, scores, strict=True)):
        here = numbers[:, 0] == index
        all_of_them = None if labels is None else float(trial.metric(mine, labels))
        theirs = None if labels is None or not here.any() else float(trial.metric(mine[here], labels[here]))
        rows.append(ExitRow(leaving.name, float(here.mean()), all_of_them, theirs))
    return tuple(rows)


def stream(prepared: Prepared, data: Data) -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
    """What the environment offers, and the answers it must observe, in words."""
    answers = run(prepared.program, data.wire)
    words = wire_words(prepared.program, data.wire)
    return list(words), [answers.words(i) for i in range(len(words))]


def run_under_failures(directory: Path, prepared: Prepared, trial: Trial) -> PowerRun:
    """The first few samples through the host build while the power fails."""
    trial.progress(FAILING, 0, 1)
    inputs, expected = stream(prepared, trial.data.first(STREAM))
    power = simulate_directory(directory, inputs, expected, failures=trial.failures, seed=trial.seed, kills=trial.kills)
    trial.progress(FAILING, 1, 1)
    return power

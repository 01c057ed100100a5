"""``sparsecomp sweep``: many compressions of one network, and those of which no other is better in everything."""

from __future__ import annotations

import importlib.util
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparsecomp.boards import load_board
from sparsecomp.compression.sweep_folder import Folder
from sparsecomp.compression.sweep_front import Point, SweepResult, front
from sparsecomp.errors import ConversionError, DoesNotFitError, InputError, SparseCompError
from sparsecomp.frontend.capture import need_torch
from sparsecomp.prepare import Request, load_model

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, Trial

    from sparsecomp.compression.sweep_study import Queue
    from sparsecomp.compression.sweep_trial import Task

PAUSE = 1.0  # seconds between two looks at what other workers do


def sweep(
    model: str | Path,
    data: str | Path,
    out: str | Path | None = None,
    *,
    storage: str | None = None,
    study: str | None = None,
    trials: int = 50,
    min_kb: float | None = None,
    max_kb: float | None = None,
    epochs: int = 20,
    board: str = "msp430fr5994",
    seed: int = 0,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
    log: Callable[[str], None] = lambda line: None,
    **request: Any,
) -> SweepResult:
    """Compresses the network in ``model`` in ``trials`` ways, trained on the labelled samples in ``data``; looks for
    the Pareto front of validation accuracy, encoded bytes and estimated cycles an inference on ``board``.

    A trial draws a size between ``min_kb`` and ``max_kb`` (thousands of bytes; by default a fiftieth to a half of the
    network in int8) and a Method, and trains ``epochs`` epochs. Networks on the front are written to the folder ``out``
    (default: MODEL-sweep) as trial-0007.pt, with front.json and front.png; those that a later one beats are removed.

    ``storage`` is a database URL (default: sweep.db in ``out``), ``study`` a name in it (default: the model's). Every
    call with the same two joins the study: ``trials`` is the total of all workers, on one machine or many, at once or
    one after the other; each returns when all are over. The trial of a worker that was killed is run again by another,
    or by the next call. Raises InputError, ToolError.
    """
    _check(trials, min_kb, max_kb, epochs)
    need_torch()
    if importlib.util.find_spec("optuna") is None:
        raise InputError("this needs Optuna, which is not installed", "pip install 'sparsecomp[sweep]'")
    from sparsecomp.compression.sweep_storage import sqlite_url
    from sparsecomp.compression.sweep_study import Queue
    from sparsecomp.compression.sweep_trial import Task

    task = Task(load_model(model, Request(**request)), data, load_board(board), epochs, seed, min_kb, max_kb)
    name = study or Path(model).stem
    folder = Folder(out if out is not None else f"{Path(model).stem}-sweep", name)
    with folder.made():
        url = storage or sqlite_url(folder.path / "sweep.db")
        queue = Queue(url, name, trials, task.mark(), seed, task.first())
    worker = _Worker(task, queue, folder, name, trials, log)
    result, waiting = worker.publish(), False
    while not queue.complete():
        progress("trials", result.finished, trials)
        trial = queue.claim()
        if trial is not None:
            worker.work(trial)
            result = worker.publish()
        else:
            if not waiting:
                log("waiting for trials of other workers")
            time.sleep(PAUSE)
        waiting = trial is None
    progress("trials", trials, trials)
    return worker.publish()


def _check(trials: int, low: float | None, high: float | None, epochs: int) -> None:
    if trials < 1 or epochs < 1:
        raise InputError(f"{min(trials, epochs)} is no number of trials or epochs", "give 1 or more")
    for value in (low, high):
        if value is not None and not 0 < value < math.inf:
            raise InputError(f"{value:g} KB is no size", "give sizes above 0")
    if low is not None and high is not None and not low < high:
        raise InputError(f"the smallest size, {low:g} KB, is not below the largest, {high:g} KB", "swap them")


class _Worker:
    """One process of a sweep."""

    def __init__(
        self, task: Task, queue: Queue, folder: Folder, name: str, trials: int, log: Callable[[str], None]
    ) -> None:
        self._task, self._queue, self._folder, self._log = task, queue, folder, log
        self._name, self._trials = name, trials
        self._drawn = True

    def work(self, trial: Trial) -> None:
        """Runs a trial. It is over where another attempt would end the same way, and given back otherwise."""
        import optuna

        with self._queue.alive(trial):
            try:
                self._run(trial)
            except optuna.TrialPruned:
                self._stop(trial, "clearly worse than another trial that is as small")
            except DoesNotFitError:
                self._stop(trial, "no compression gets the network so small")
            except (InputError, ConversionError) as error:
                self._stop(trial, error.message)
            except (SparseCompError, OSError):
                self._queue.release(trial)
                raise
            except Exception as error:
                if not _complete(self._queue.rows()):  # what fails from the start is no matter of one trial
                    self._queue.release(trial)
                    raise
                reason = f"{type(error).__name__}: {error}".splitlines()[0]
                self._queue.release(trial, reason)
                self._log(f"trial {trial.number}: failed, {reason}")
            except BaseException:
                self._queue.release(trial)
                raise

    def _run(self, trial: Trial) -> None:
        from sparsecomp.compression.sweep_trial import Rival

        rows = _complete(self._queue.rows())
        outcome = self._task.run(trial, [Rival(row.values[1], row.user_attrs["steps"]) for row in rows])
        result, values = outcome.result, outcome.values
        if not math.isfinite(result.validation):
            raise InputError("the accuracy is not a number")
        point = self._point(trial.number, values, trial.params)
        best = point in front([*self._points(), point])
        if best:  # before the result is told: what is on the front always has its network
            self._task.save(outcome, self._folder.network(trial.number), study=self._name, trial=trial.number)
        kept = self._queue.finish(
            trial, values, steps=outcome.steps, before=result.validation_before, float_bytes=result.float_bytes
        )
        tail = ", too late: another worker was given it" if not kept else ", on the front" if best else ""
        text = f"{point.nbytes:,} bytes, {point.cycles:,} cycles, validation {point.validation:.4f}"
        self._log(f"trial {trial.number}: {text}{tail}")

    def _stop(self, trial: Trial, reason: str) -> None:
        self._queue.finish(trial, None, reason=reason)
        self._log(f"trial {trial.number}: stopped, {reason}")

    def _points(self) -> list[Point]:
        return [self._point(row.number, row.values, row.params) for row in _complete(self._queue.rows())]

    def _point(self, number: int, values: Sequence[float], params: dict[str, Any]) -> Point:
        validation, nbytes, cycles = values
        return Point(number, validation, int(nbytes), int(cycles), params, self._folder.file(number))

    def publish(self) -> SweepResult:
        """Writes the folder, once more where another worker finished a trial meanwhile: the last one that writes has
        then seen everything.
        """
        while True:
            rows = self._queue.rows()
            result = self._result(rows)
            self._drawn = self._folder.write(result, self._queue.failed())
            if len(self._queue.rows()) == len(rows):
                return result

    def _result(self, rows: list[FrozenTrial]) -> SweepResult:
        done, others = _complete(rows), [row.user_attrs for row in rows if not row.values]
        points = tuple(self._point(row.number, row.values, row.params) for row in done)
        reasons = Counter(attributes.get("reason") or attributes.get("error") for attributes in others)
        notes = [f"{count} stopped or failed: {reason}" for reason, count in reasons.most_common(3)]
        if any(point.file is None for point in front(points)):
            notes.append("networks without a file here are in the folder of the worker that made them")
        if not self._drawn:
            notes.append("there is no front.png without matplotlib: pip install 'sparsecomp[sweep]'")
        pruned = sum("reason" in attributes for attributes in others)
        given = done[0].user_attrs if done else {}
        return SweepResult(
            self._name, self._task.board.name, self._trials, points, pruned, len(others) - pruned,
            given.get("before"), given.get("float_bytes"), tuple(notes),
        )  # fmt: skip


def _complete(rows: list[FrozenTrial]) -> list[FrozenTrial]:
    return [row for row in rows if row.values]

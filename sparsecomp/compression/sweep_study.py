"""The trials of a study as work that any number of processes share through its database, and none of which is lost.

A row of the database is one attempt at a trial. A worker takes a waiting row, and tells the database every few seconds
that it lives. The row of a worker that fell silent, or was stopped, becomes a failed one, and a new row with the same
choices waits for whoever comes next. Everything is decided from the rows alone, in the order of their numbers, so that
workers that look at the same moment never count a trial twice.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import optuna
import sqlalchemy
from optuna.trial import FrozenTrial, Trial, TrialState

from sparsecomp.compression.sweep_storage import UNREACHABLE, Turn, connect, quiet, storage_errors
from sparsecomp.errors import InputError

DIRECTIONS = ("maximize", "minimize", "minimize")  # accuracy, bytes, cycles
HEARTBEAT = 10  # seconds between two signs of life
SILENCE = 60  # seconds without one, after which a worker counts as dead
ATTEMPTS = 6  # at reaching a database that is away, over half a minute
AGAIN, ERROR, MARK = "again", "error", "of"  # attributes: which trial is repeated, why never again, what is swept


def attempts(rows: Sequence[FrozenTrial]) -> list[list[FrozenTrial]]:
    """Rows by the trial that they attempt, both in the order of their numbers."""
    found: dict[int, list[FrozenTrial]] = {}
    for row in sorted(rows, key=lambda row: row.number):
        found.setdefault(row.user_attrs.get(AGAIN, row.number), []).append(row)
    return [found[number] for number in sorted(found)]


def decisive(trial: Sequence[FrozenTrial]) -> FrozenTrial | None:
    """The row that stands for a trial: the first that did not fail, or that failed for good; None: to be repeated."""
    return next((row for row in trial if row.state != TrialState.FAIL or ERROR in row.user_attrs), None)


class Queue:
    """The trials of the study ``name``, ``total`` of them, in the database ``url``.

    ``mark`` is what is swept: all workers must agree on it. ``first`` are choices for the first trials. Raises
    InputError, or ToolError where the database cannot be used.
    """

    def __init__(
        self, url: str, name: str, total: int, mark: Mapping[str, Any], seed: int, first: Sequence[Mapping[str, Any]]
    ) -> None:
        self._name, self._total, self._seed, self._first = name, total, seed, first
        with storage_errors(url):
            self._url = sqlalchemy.make_url(url)
        with storage_errors(self._url), quiet():
            self._turn = Turn(self._url)
            with self._turn():
                self._storage = connect(self._url, HEARTBEAT, SILENCE)
                self.study = optuna.create_study(
                    storage=self._storage, study_name=name, directions=DIRECTIONS, load_if_exists=True
                )
                self._check(mark)
            self._id = self._storage.get_study_id_from_name(name)

    def _check(self, mark: Mapping[str, Any]) -> None:
        hint = "choose another --study, or sweep the same as before"
        if [direction.name.lower() for direction in self.study.directions] != list(DIRECTIONS):
            raise InputError(f"the study '{self._name}' is not one of sparsecomp", hint)
        known = self.study.user_attrs.get(MARK)
        if known is None:
            self.study.set_user_attr(MARK, dict(mark))
        elif known != dict(mark):
            others = ", ".join(key for key in mark if known.get(key) != mark[key])
            raise InputError(f"the study '{self._name}' was begun with another {others}", hint)

    def _patiently(self, action: Callable[[], Any]) -> Any:
        """What ``action`` gives. A database that is away for a moment is waited for: hours of training hang on it."""
        with storage_errors(self._url), quiet():
            for pause in range(ATTEMPTS):
                try:
                    return action()
                except UNREACHABLE:
                    if pause == ATTEMPTS - 1:
                        raise
                    time.sleep(2**pause)

    def _all(self) -> list[FrozenTrial]:
        return self._patiently(lambda: self.study.get_trials(deepcopy=False))

    def rows(self) -> list[FrozenTrial]:
        """One row for each trial that is over: complete, pruned, or failed for good."""
        found = (decisive(trial) for trial in attempts(self._all()))
        return [row for row in found if row is not None and row.state.is_finished()]

    def failed(self) -> set[int]:
        """Numbers of the rows that failed, repeated or not."""
        return {row.number for row in self._all() if row.state == TrialState.FAIL}

    def complete(self) -> bool:
        """Whether all trials are over."""
        return len(self.rows()) >= self._total

    def claim(self) -> Trial | None:
        """A trial to run now, this worker's alone; None where others run all that are left."""
        return self._patiently(self._claim)

    def _claim(self) -> Trial | None:
        with self._turn():
            optuna.storages.fail_stale_trials(self.study)
            while True:
                trials = attempts(self.study.get_trials(deepcopy=False))
                wanted = [(trial, decisive(trial)) for trial in trials[: self._total]]
                for _, row in wanted:
                    if row is not None and row.state == TrialState.WAITING and self._take(row):
                        return self._trial(row)
                lost = [trial for trial, row in wanted if row is None]
                if lost:
                    self._repeat(lost[0])
                elif len(trials) < self._total:
                    self.study.enqueue_trial(dict(self._first[len(trials)]) if len(trials) < len(self._first) else {})
                else:
                    return None

    def _key(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._id, number)

    def _take(self, row: FrozenTrial) -> bool:
        # A sign of life first: a running row that never had one would never be found dead.
        self._storage.record_heartbeat(self._key(row.number))
        try:
            return self._storage.set_trial_state_values(self._key(row.number), state=TrialState.RUNNING)
        except optuna.exceptions.UpdateFinishedTrialError:
            return False

    def _trial(self, row: FrozenTrial) -> Trial:
        # Seeded by the trial, not by the worker: workers must not draw the same, a run that is repeated should.
        self.study.sampler = optuna.samplers.TPESampler(seed=(self._seed * 1_000_003 + row.number) % 2**32)
        return Trial(self.study, self._key(row.number))

    def _repeat(self, trial: Sequence[FrozenTrial]) -> None:
        row = trial[-1]
        self.study.add_trial(
            optuna.trial.create_trial(
                state=TrialState.WAITING,
                params=row.params,
                distributions=row.distributions,
                user_attrs={AGAIN: trial[0].number},
                system_attrs=row.system_attrs,
            )
        )

    def finish(self, trial: Trial, values: Sequence[float] | None, **notes: Any) -> bool:
        """Writes a result, None for a trial that was stopped; False where another worker was given the trial."""
        state = TrialState.PRUNED if values is None else TrialState.COMPLETE
        return self._patiently(lambda: self._tell(trial, state, values, notes))

    def release(self, trial: Trial, error: str | None = None) -> None:
        """Gives a trial back for another attempt; with ``error`` it has failed for good."""
        with contextlib.suppress(*UNREACHABLE), quiet():  # it falls silent instead
            self._tell(trial, TrialState.FAIL, None, {} if error is None else {ERROR: error})

    def _tell(self, trial: Trial, state: TrialState, values: Sequence[float] | None, notes: Mapping[str, Any]) -> bool:
        try:
            for key, value in notes.items():
                trial.set_user_attr(key, value)
        except optuna.exceptions.UpdateFinishedTrialError:
            return False
        return self.study.tell(trial.number, values, state, skip_if_finished=True).state == state

    @contextlib.contextmanager
    def alive(self, trial: Trial) -> Iterator[None]:
        """Tells the database, while the body runs, that this worker lives."""
        key, stop = self._key(trial.number), threading.Event()

        def beat() -> None:
            while not stop.wait(HEARTBEAT):
                with contextlib.suppress(Exception):  # the next one may get through
                    self._storage.record_heartbeat(key)
            self._storage.remove_session()

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

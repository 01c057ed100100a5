"""Runs samples through one device or several at once, which share the work, and compares every answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial

import numpy as np

from sparsecomp.errors import ToolError
from sparsecomp.exits import Policy
from sparsecomp_tools.accuracy.log import Log, Record
from sparsecomp_tools.link import Device

Progress = Callable[[int, int], None]
LISTENS = 2.0  # seconds in which a device that is there says something


@dataclass(frozen=True)
class Job:
    """Samples as the words of one delivery each (N, words), the outputs' lengths in words, the answers expected as
    bytes, and the hash of the model that the firmware must hold. ``patience`` is in seconds, for one inference;
    ``fail_every`` is the number of cycles of inference after which the firmware loses its power, None for never;
    ``policy`` that of early exits, which the firmware has for the time of the run. Where that looks at the supply,
    ``others`` are the answers of the exits before, which are right as well.
    """

    inputs: np.ndarray
    outputs: tuple[int, ...]
    expected: Sequence[bytes]
    model_hash: str
    patience: float
    fail_every: int | None = None
    policy: Policy | None = None
    others: Sequence[frozenset[bytes]] = ()

    def is_right(self, index: int, answer: bytes) -> bool:
        """Whether a device may answer a sample so."""
        return answer == self.expected[index] or bool(self.others) and answer in self.others[index]


@dataclass(frozen=True)
class Port:
    """A device to be: ``name`` for the log, ``open`` connects to it."""

    name: str
    open: Callable[[], AbstractContextManager[Device]]


class Difference(Exception):
    """A device answered differently from the reference. ``layers`` are what its layers wrote, in their order."""

    def __init__(self, index: int, port: str, answer: bytes, layers: list[np.ndarray]) -> None:
        super().__init__(index)
        self.index = index
        self.port = port
        self.answer = answer
        self.layers = layers


def run_accuracy(
    ports: Sequence[Port], job: Job, log: Log, *, layer_words: Sequence[int] = (), progress: Progress | None = None
) -> list[Record]:
    """A record a sample, in their order. What the log holds already is not run again.

    Raises Difference at the first wrong answer, with its layers dumped (``layer_words`` long each); ToolError where a
    port goes away or does not answer, MismatchError where it holds another model. The log keeps what was done.
    """
    for index, record in sorted(log.records.items()):
        if not job.is_right(index, bytes.fromhex(record.answer)):
            raise Difference(index, record.port, bytes.fromhex(record.answer), [])
    share = _Share([i for i in range(len(job.inputs)) if i not in log.records])
    errors: list[BaseException] = []

    def work(port: Port) -> None:
        try:
            with port.open() as device:
                _work(port, device, job, log, share, layer_words, progress)
        except BaseException as error:  # the first one ends all, and is raised in the caller's thread
            errors.append(error)
            share.end()

    if len(ports) == 1:
        work(ports[0])
    else:
        _together([partial(work, port) for port in ports], share)
    if errors:
        raise errors[0]
    return [log.records[i] for i in range(len(job.inputs))]


def _together(jobs: Sequence[Callable[[], None]], share: _Share) -> None:
    """Each job in a thread of its own, until all are over. An interrupt lets them end first: each device gets back what
    it had.
    """
    over = [threading.Event() for _ in jobs]

    def run(job: Callable[[], None], event: threading.Event) -> None:
        try:
            job()
        finally:
            event.set()

    for job, event in zip(jobs, over, strict=True):
        threading.Thread(target=run, args=(job, event), daemon=True).start()
    try:
        # Not Thread.join: a join that is interrupted takes its thread for ended.
        for event in over:
            event.wait()
    except BaseException:
        share.end()
        for event in over:
            event.wait()
        raise


class _Share:
    """The samples that are left, for several threads."""

    def __init__(self, indices: list[int]) -> None:
        self._left = iter(indices)
        self._lock = threading.Lock()
        self._ended = False

    def next(self) -> int | None:
        with self._lock:
            return None if self._ended else next(self._left, None)

    def end(self) -> None:
        with self._lock:
            self._ended = True


def _work(
    port: Port,
    device: Device,
    job: Job,
    log: Log,
    share: _Share,
    layer_words: Sequence[int],
    progress: Progress | None,
) -> None:
    device.expect(job.model_hash)
    with _as_wanted(device, job):
        while (index := share.next()) is not None:
            before = device.restarts
            answer = device.infer(index, job.inputs[index], job.outputs, job.patience)
            if not job.is_right(index, answer):
                raise Difference(index, port.name, answer, _dump(device, index, layer_words, job))
            log.add(Record(index, answer.hex(), port.name, device.restarts - before))
            if progress:
                progress(len(log.records), len(job.inputs))


@contextmanager
def _as_wanted(device: Device, job: Job) -> Iterator[None]:
    """The device with the job's policy and failures. Afterwards it is as it was, unless it does not answer any more."""
    kept = None if job.policy is None else device.policy(len(job.policy.margins))

    def restore() -> None:
        if job.fail_every is not None:
            device.fail_every(0)
        if kept is not None:
            _give(device, kept)

    try:
        if job.policy is not None:
            _give(device, job.policy)
        if job.fail_every is not None:
            device.fail_every(job.fail_every)
        yield
    except BaseException:
        with suppress(ToolError):
            if device.answers(LISTENS):
                restore()
        raise
    restore()


def _give(device: Device, policy: Policy) -> None:
    device.set_policy(policy.limit, policy.margins, policy.levels, policy.plenty)


def _dump(device: Device, index: int, layer_words: Sequence[int], job: Job) -> list[np.ndarray]:
    """What each layer writes for this sample, read from the device."""
    if not layer_words:
        return []
    device.deliver(index, job.inputs[index])
    return device.layers(index, layer_words, job.patience, leaves=job.policy is not None)

"""Runs of ``compress`` in processes of their own, killed by SIGKILL at the n-th call that Python makes.

As a program it is a server: it imports and trains once, and forks a process for each request, a line of JSON.
"""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset
from watching import TRAIN, VAL, Nested, fresh, small

import sparsecomp
from sparsecomp.compression import Method, checkpoint

METHOD = Method(steps=2, epochs=1, finetune=2)


def augmented() -> DataLoader:
    """Batches in random order with noise from the loader's own generator, and from all that a program shares."""
    generator = torch.Generator().manual_seed(11)

    def collate(samples):
        x, y = map(torch.stack, zip(*samples, strict=True))
        x = x + 0.1 * torch.randn(x.shape, generator=generator) + 0.02 * torch.randn(x.shape)
        return x + 0.05 * random.random() + 0.05 * float(np.random.rand()), y

    data = TensorDataset(*map(torch.from_numpy, TRAIN))
    return DataLoader(data, batch_size=30, shuffle=True, generator=generator, collate_fn=collate)


CASES: dict[str, Callable[[], tuple]] = {
    "plain": lambda: (fresh(), TRAIN, {"target": 0.4}),
    "nested": lambda: (fresh(Nested), TRAIN, {"target": 0.7, "val": None}),
    "factorize": lambda: (fresh(small), TRAIN, {"target": 0.1, "method": Method(steps=2, finetune=1, factorize=True)}),
    "augmented": lambda: (fresh(), augmented(), {"target": 0.4}),
    "max_drop": lambda: (fresh(), TRAIN, {"target": 0.06, "max_drop": 0.02}),
    "fast": lambda: (fresh(small), TRAIN, {"sparsity": 0.8, "fast": True}),
}


class Calls:
    """Counts calls, and kills the process at number ``last``."""

    def __init__(self, last: int | None) -> None:
        self.count, self.last = 0, last

    def __call__(self, frame, event, argument) -> None:
        self.count += 1
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def counting(last: int | None):
    """Counts calls within."""
    calls = Calls(last)
    sys.setprofile(calls)
    try:
        yield calls
    finally:
        sys.setprofile(None)


def run(case: str, out: str, last: int | None, **options) -> None:
    """Compresses and writes state, history and result; ``last`` is the call at which it is killed."""
    model, train, given = CASES[case]()
    options = {"val": VAL, "method": METHOD} | given | options
    with counting(last) as calls:
        result = sparsecomp.compress(model, train, **options)
    torch.save({"state": model.state_dict(), "result": result.to_json(), "calls": calls.count}, out)


def write_and_die(name: str, out: str, places: int) -> None:
    """A second checkpoint is written over a first one, and killed at many places; what is then read goes to ``out``."""
    folder = Path(name)
    folder.mkdir()
    states = [{"step": n, "weights": torch.full((50, 50), float(n)), "more": [n, "b", None]} for n in (1, 2)]
    checkpoint.write(folder, "mark", states[0])
    with counting(None) as calls:
        checkpoint.write(folder, "mark", states[1])
    found = []
    spread = [1 + i * (calls.count - 30) // places for i in range(places)]
    for last in itertools.chain(spread, itertools.count(calls.count - 29)):
        checkpoint.write(folder, "mark", states[0])
        number = os.fork()
        if number == 0:
            with counting(last):
                checkpoint.write(folder, "mark", states[1])
            os._exit(1)
        killed = os.WIFSIGNALED(os.waitpid(number, 0)[1])
        found.append((killed, checkpoint.read(folder, "mark", torch.device("cpu"))))
        if not killed:  # it made fewer calls than that
            break
    torch.save(found, out)


def child(job: dict) -> int:
    """Does a job in a forked process; its exit code, or minus the number of the signal that ended it."""
    number = os.fork()
    if number == 0:
        try:
            {"run": run, "write_and_die": write_and_die}[job.pop("do")](**job)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def serve() -> None:
    """Answers each job on stdin with its exit code."""
    torch.set_num_threads(1)
    for case in CASES:  # what is loaded and trained here is there in each process that is forked
        model, train, given = CASES[case]()
        sparsecomp.compress(model, train, **({"val": VAL, "method": METHOD} | given))
    for line in sys.stdin:
        print(child(json.loads(line)), flush=True)


class Server:
    """The client's side of it."""

    def __enter__(self) -> "Server":
        self.process = subprocess.Popen([sys.executable, __file__], stdin=-1, stdout=-1, text=True)
        return self

    def __exit__(self, *_) -> None:
        self.process.stdin.close()
        self.process.wait()

    def __call__(self, do: str, **job) -> int:
        """The exit code of one job."""
        print(json.dumps({"do": do} | job, default=str), file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())


if __name__ == "__main__":
    serve()

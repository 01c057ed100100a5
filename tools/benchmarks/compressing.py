"""One job of the compression benchmark: a task's fold, a method and a budget, to int8 answers on the test samples.

Answers and bytes are those of the converted network: its integer reference, its encoded constants. Jobs are files in a
folder, written in one step, so that a benchmark that was stopped goes on where it was.
"""

import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from sparsecomp.boards import load_board
from sparsecomp.compression import compress
from sparsecomp.compression.layers import trace
from sparsecomp.frontend import LoadedModel
from sparsecomp.frontend.saving import write_atomically
from sparsecomp.plan.sizes import constant_bytes
from sparsecomp.plan.units import step_cycles
from sparsecomp.prepare import Request, prepare
from sparsecomp.reference import run
from sparsecomp.wire import Wire
from sparsecomp_tools.benchmarks.contenders import method_for
from sparsecomp_tools.benchmarks.tasks import TASKS, Task
from sparsecomp_tools.benchmarks.training import Fold

BATCH, CHUNK = 64, 500
DENSE_SHARE = 0.25  # int8 dense bytes over float32 ones


@dataclass(frozen=True)
class Job:
    """``method`` is a name of contenders; ``target`` in bytes; 'float' stands for the uncompressed network."""

    task: str
    fold: int
    method: str
    target: int = 0

    @property
    def key(self) -> str:
        """A file name."""
        return f"{self.task}-{self.fold}-{self.method.replace(',', '').replace(' ', '_')}-{self.target}"


class Batches:
    """Augmented batches of a training part, in a new order each time; its generator is what a checkpoint keeps."""

    def __init__(self, task: Task, fold: Fold, seed: int) -> None:
        self.x, self.y, self.augment = torch.from_numpy(fold.x_train), torch.from_numpy(fold.y_train), task.augment
        self.generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return len(self.x) // BATCH

    def __iter__(self):
        for chunk in torch.randperm(len(self.x), generator=self.generator).split(BATCH)[: len(self)]:
            x = self.augment(self.x[chunk])
            yield x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x, self.y[chunk]


def float_network(task: Task, fold: int, folder: Path) -> torch.nn.Module:
    """The task's trained network, from the folder where it was trained before."""
    path = folder / f"{task.name}-{fold}.pt"
    network = task.network()
    if not path.exists():
        buffer = io.BytesIO()
        torch.save(task.train_float(fold, seed=fold).state_dict(), buffer)
        write_atomically(path, buffer.getvalue())
    network.load_state_dict(torch.load(path, weights_only=True))
    # A third less time than channels first, on a CPU.
    return network.eval().to(memory_format=torch.channels_last)


def do(job: Job, data: Path | None, folder: Path) -> None:
    """Does a job unless its file is there."""
    path = folder / f"{job.key}.json"
    if path.exists():
        return
    torch.set_num_threads(1)
    task = TASKS[job.task].read(data)
    fold = task.fold(job.fold)
    network = float_network(task, job.fold, folder)
    if job.method == "float":
        outcome = {"val": _share(_float_answers(network, fold.x_val), fold.y_val), "float_bytes": 4 * _count(network)}
        right = _float_answers(network, fold.x_test) == fold.y_test
    else:
        start = 4 * DENSE_SHARE * _count(network)
        result = compress(
            network,
            Batches(task, fold, job.fold),
            (fold.x_val, fold.y_val),
            target=job.target / 1000,
            method=method_for(job.method, start, job.target),
            calibration=fold.x_train[:256],
            seed=job.fold,
        )
        program, answers = _device(network, fold)
        board = load_board("msp430fr5994")
        layers = [
            {"name": r.name, "nonzero": r.nonzero, "filters": r.filters, "bytes": r.nbytes} for r in result.layers
        ]
        outcome = {
            "val": result.validation,
            "bytes": sum(constant_bytes(program)),
            "cycles_estimated": sum(step_cycles(program, step, board) for step in program.steps),
            "layers": layers,
        }
        right = answers == fold.y_test
    outcome |= {"cluster": fold.cluster.tolist()}
    outcome |= {"test": float(right.mean()), "right": np.packbits(right).tobytes().hex(), "count": len(right)}
    outcome |= {"job": vars(job), "seconds": round(os.times().user, 1)}
    write_atomically(path, json.dumps(outcome).encode())


def _device(network: torch.nn.Module, fold: Fold) -> tuple:
    """The program that a device would run, and its answers to the test samples by the integer reference."""
    graph = trace(network, torch.from_numpy(fold.x_test[:1]))
    loaded = LoadedModel(graph, (Wire(),), (fold.x_train[:256],), None, None, "0" * 64, "module")
    prepared = prepare(loaded, Request())
    answers = []
    for i in range(0, len(fold.x_test), CHUNK):
        values = run(prepared.program, prepared.data((fold.x_test[i : i + CHUNK],)).wire).values[0]
        answers.append(values.reshape(len(values), -1).argmax(axis=1))
    return prepared.program, np.concatenate(answers)


@torch.no_grad()
def _float_answers(network: torch.nn.Module, x: np.ndarray) -> np.ndarray:
    return torch.cat([network(chunk).argmax(1) for chunk in torch.from_numpy(x).split(CHUNK)]).numpy()


def _share(answers: np.ndarray, labels: np.ndarray) -> float:
    return float((answers == labels).mean())


def _count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def read(job: Job, folder: Path) -> dict | None:
    """A job's outcome with ``right`` as an array of bool; None where it is not done."""
    path = folder / f"{job.key}.json"
    if not path.exists():
        return None
    outcome = json.loads(path.read_text())
    bits = np.frombuffer(bytes.fromhex(outcome["right"]), np.uint8)
    return outcome | {"right": np.unpackbits(bits, count=outcome["count"]).astype(bool)}

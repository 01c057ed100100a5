"""One job of the early-exit benchmark: a fold's network, heads of both kinds at every budget, and the published head.

Answers, bytes and cycles are those of the converted network: its integer reference, its encoded constants, its plan.
"""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import sparsecomp
from sparsecomp.boards import load_board
from sparsecomp.compression.feeding import Feed, as_loader
from sparsecomp.compression.layers import trace
from sparsecomp.compression.running import seeded
from sparsecomp.early_exit.adding import SIZES
from sparsecomp.early_exit.costs import program_costs
from sparsecomp.early_exit.features import collect
from sparsecomp.early_exit.heads import KINDS, Head
from sparsecomp.early_exit.network import EarlyExitNetwork
from sparsecomp.early_exit.points import chosen
from sparsecomp.early_exit.search import Search, make_head
from sparsecomp.early_exit.temperature import fit_temperature
from sparsecomp.early_exit.training import PUBLISHED, fit
from sparsecomp.frontend import LoadedModel
from sparsecomp.frontend.saving import write_atomically
from sparsecomp.prepare import Request, prepare
from sparsecomp.wire import Wire
from sparsecomp_tools.benchmarks.compressing import CHUNK, Batches
from sparsecomp_tools.benchmarks.early_exit_networks import backbone
from sparsecomp_tools.benchmarks.tasks import TASKS
from sparsecomp_tools.benchmarks.training import Fold

BUDGETS = (500, 1000, 2000, 4000)  # bytes that all exits together add
WIDTHS = (0, 16, 32)
# Behind every pooling.
EXITS = {"mnist": ("2", "5"), "fashion": ("2", "5"), "har": ("2", "5", "8"), "digits": ("2", "5", "8")}
PASSES = {"mnist": 1, "fashion": 2, "har": 2, "digits": 1}  # over the changed training samples
POOLING = "max"
PUBLISHED_POOLING = 2, "max"
CALIBRATION = 256
KEPT = {"fashion": ("gnet", 2000), "digits": ("gnet", 2000)}  # networks that are saved whole, of fold 0


@dataclass(frozen=True)
class Job:
    """A fold of a task."""

    task: str
    fold: int

    @property
    def key(self) -> str:
        """A file name."""
        return f"exits-{self.task}-{self.fold}"


def do(job: Job, data: Path | None, folder: Path, models: Path | None) -> None:
    """Does a job unless its file is there. ``models`` is where whole networks are saved."""
    path = folder / f"{job.key}.json"
    if path.exists():
        return
    torch.set_num_threads(1)
    task = TASKS[job.task].read(data)
    fold, network = task.fold(job.fold), backbone(task, job.fold, folder)
    started = os.times().user
    search = _search(job, Batches(task, fold, job.fold), fold, network)
    rows = []
    for kind in KINDS:
        for budget in BUDGETS:
            found = search.best(kind, budget)
            rows.append(_row(kind, budget, found.head, found.accuracy, search, fold))
            if models is not None and job.fold == 0 and KEPT.get(job.task) == (kind, budget):
                _save(models / f"{job.task}-{kind}-{budget}.pt", found.head, search, fold)
    head = _published(search)
    found = search.found(head, search.data(PUBLISHED_POOLING))
    rows.append(_row("published", found.nbytes, found.head, found.accuracy, search, fold))
    outcome = {"job": vars(job), "rows": rows, "backbone": search.base, "cluster": fold.cluster.tolist()}
    outcome |= {"count": len(fold.y_test), "seconds": round(os.times().user - started, 1)}
    write_atomically(path, json.dumps(outcome).encode())


def _search(job: Job, batches: Batches, fold: Fold, network: torch.nn.Module) -> Search:
    points = chosen(network, torch.from_numpy(fold.x_train[:1]), EXITS[job.task])
    poolings = [(size, POOLING) for size in SIZES[len(points[0].shape) - 1]]
    val = as_loader((fold.x_val, fold.y_val), "validation", shuffle=False, seed=0)
    feeds = [Feed(loader, torch.device("cpu")) for loader in (batches, val)]
    with seeded(job.fold):
        features = [collect(network, f, points, poolings, n) for f, n in zip(feeds, (PASSES[job.task], 1), strict=True)]
    kept = tuple(key for key in poolings if key in features[0].pooled)
    return Search(network, points, *features, fold.x_train[:CALIBRATION], kept, WIDTHS, seed=job.fold)


def _published(search: Search) -> Head:
    """Maps pooled to 2 x 2, one linear layer over all of them, one exit drawn for each batch; int8, not pruned."""
    data = search.data(PUBLISHED_POOLING)
    head = make_head("gnet", data, PUBLISHED_POOLING, 0, search.seed)
    return fit(head, data.train, data.labels, data.logits, PUBLISHED, search.seed)


def _with_exits(head: Head, search: Search) -> EarlyExitNetwork:
    network = EarlyExitNetwork(search.network, [point.path for point in search.points], head).eval()
    logits = (*head.scores(search.val.pooled[head.pooled, head.pooling]), search.val.logits)
    labels = search.val.labels.numpy()
    network.temperatures = tuple(fit_temperature(answer.detach().numpy(), labels) for answer in logits)
    return network


def _row(kind: str, budget: int, head: Head, accuracy: tuple, search: Search, fold: Fold) -> dict[str, Any]:
    """What one head gives on the test samples, as a device would compute it."""
    network = _with_exits(head, search)
    graph = trace(network, torch.from_numpy(fold.x_test[:1]))
    loaded = LoadedModel(graph, (Wire(),), (search.calibration,), None, None, "0" * 64, "module")
    prepared = prepare(replace(loaded, exits=network.exit_records()), Request(weights="int8"))
    spent = program_costs(prepared.program, load_board("msp430fr5994"))
    right: list[list[np.ndarray]] = [[] for _ in network.temperatures]
    for i in range(0, len(fold.x_test), CHUNK):
        scores = prepared.values(prepared.data((fold.x_test[i : i + CHUNK],)))
        for answers, values in zip(right, scores, strict=True):
            answers.append(values.argmax(axis=1) == fold.y_test[i : i + CHUNK])
    whole = [np.concatenate(parts) for parts in right]
    return {
        "kind": kind,
        "budget": budget,
        "pooled": head.pooled,
        "hidden": head.hidden,
        "distill": 0.0 if kind == "published" else search.training(kind).distill,
        "val": [float(a) for a in accuracy],
        "bytes": spent.nbytes,
        "head_bytes": spent.nbytes - search.base,
        "cycles": spent.cycles,
        "alone": spent.alone,
        "temperatures": network.temperatures,
        "test": [float(r.mean()) for r in whole],
        "right": [np.packbits(r).tobytes().hex() for r in whole],
    }


def _save(path: Path, head: Head, search: Search, fold: Fold) -> None:
    """The whole network with the fold's test samples, for other benchmarks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    given = {"calibration": search.calibration, "samples": fold.x_test, "labels": fold.y_test}
    sparsecomp.save(_with_exits(head, search), path, fold.x_train[:1], **given)


def read(job: Job, folder: Path) -> dict | None:
    """A job's outcome with ``right`` as arrays of bool; None where it is not done."""
    path = folder / f"{job.key}.json"
    if not path.exists():
        return None
    outcome = json.loads(path.read_text())
    for row in outcome["rows"]:
        packed = [np.frombuffer(bytes.fromhex(text), np.uint8) for text in row["right"]]
        row["right"] = [np.unpackbits(bits, count=outcome["count"]).astype(bool) for bits in packed]
    return outcome

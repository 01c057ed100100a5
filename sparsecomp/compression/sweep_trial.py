"""One trial of a sweep: choices are drawn, a fresh copy of the network is compressed, and stopped where it is vain."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from torch.utils.data import DataLoader, TensorDataset

from sparsecomp import __version__
from sparsecomp.boards import Board
from sparsecomp.builder import Options
from sparsecomp.compression import CompressionResult, Method, StepRecord, compress
from sparsecomp.compression.layers import trace
from sparsecomp.compression.measures import KB, EncodedBytes, Lowering
from sparsecomp.compression.method import CHOICES
from sparsecomp.datasets import check_classes, check_labels, load_arrays
from sparsecomp.errors import InputError
from sparsecomp.frontend import LoadedModel, save, to_module
from sparsecomp.graph import Graph
from sparsecomp.metrics import fitting, top1
from sparsecomp.prepare import as_raw
from sparsecomp.quantize import calibrate

CALIBRATION = 256  # training samples, where the model brings none
BATCH = 64
MARGIN = 0.05  # of accuracy: what a trial may be behind another that is as small, before it is stopped
SHARES = (0.3, 0.8)  # of the epochs, in which the size falls


@dataclass(frozen=True)
class Rival:
    """A finished trial: its bytes, and (bytes, accuracy) after each of its steps."""

    nbytes: float
    steps: Sequence[Sequence[float]]

    def at(self, size: float) -> float:
        """Its best accuracy while it was no larger than ``size``."""
        return max((metric for nbytes, metric in self.steps if nbytes <= size), default=-math.inf)


class Watch:
    """Is told of each step, and stops a trial that is behind by a clear margin.

    That is: another one ended no larger than this one will, and was better at this size or below on its way there.
    Both are compared on the way, since fine-tuning improves both. Cycles are not known before the end.
    """

    def __init__(self, target: float, rivals: Sequence[Rival]) -> None:
        self._rivals = [rival for rival in rivals if rival.nbytes <= target]
        self.steps: list[tuple[float, float]] = []

    def __call__(self, record: StepRecord) -> None:
        if record.rolled_back:
            return
        self.steps.append((record.size, record.metric))
        if any(rival.at(record.size) >= record.metric + MARGIN for rival in self._rivals):
            raise optuna.TrialPruned


@dataclass(frozen=True)
class Outcome:
    """A compressed network with what it costs, and (bytes, accuracy) after each step."""

    result: CompressionResult
    cycles: int
    steps: list[tuple[float, float]]

    @property
    def values(self) -> tuple[float, float, float]:
        """Accuracy, bytes, cycles."""
        return self.result.validation, float(self.result.nbytes), float(self.cycles)


class Task:
    """What all trials share: the network, its data, the board that cycles are counted for, epochs and bounds in KB.

    Raises InputError where the data are no classes of the network's inputs.
    """

    def __init__(
        self, loaded: LoadedModel, data: str | Path, board: Board, epochs: int, seed: int,
        low: float | None = None, high: float | None = None,
    ) -> None:  # fmt: skip
        self.loaded, self.board, self.epochs, self.seed = loaded, board, epochs, seed
        graph, name = loaded.graph, Path(data).name
        columns, labels = load_arrays(data, train=True)
        if labels is None:
            raise InputError(f"{name} holds no labels (y or y_train)", "np.savez('data.npz', x=inputs, y=labels)")
        self._raw = as_raw(columns, graph, loaded.wires, name)
        shape = graph.shapes[graph.outputs[0]]
        if fitting(top1, labels, shape) is not top1:
            raise InputError(f"the labels in {name} are no classes", "a sweep goes by accuracy: compress instead")
        self._labels = check_labels(self._raw[0], labels, name)
        check_classes(self._labels, math.prod(shape), name)
        every = max(1, len(self._labels) // CALIBRATION)
        self._calibration = loaded.calibration or tuple(x[::every][:CALIBRATION] for x in self._raw)
        whole = EncodedBytes(self._lowering(graph)).dense(graph) / KB
        self.low, self.high = low or _rounded(whole / 50), high or _rounded(whole / 2)
        if not self.low < self.high:
            raise InputError(f"no size is between {self.low:g} and {self.high:g} KB", "give --min-kb and --max-kb")

    def mark(self) -> dict[str, Any]:
        """What makes trials comparable; held-out data follow from the seed."""
        digest = hashlib.sha256()
        for array in (*self._raw, self._labels):
            digest.update(f"{array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
        return {
            "model": self.loaded.sha256,
            "data": digest.hexdigest(),
            "board": self.board.name,
            "seed": self.seed,
            "release of sparsecomp": __version__,
        }

    def first(self) -> list[dict[str, Any]]:
        """The default method at a middle, the largest and the smallest size: what all others have to beat."""
        keys = ("density", "score", "price", "distill", "temperature", "learning_rate", "factorize")
        default = {key: getattr(Method(), key) for key in keys} | {"pruning": 0.6}
        return [{"kb": kb} | default for kb in (math.sqrt(self.low * self.high), self.high, self.low)]

    def draw(self, trial: optuna.Trial) -> tuple[float, Method]:
        """A target in KB and a method. All trials train for as many epochs, so that none is better for its patience."""
        kb = trial.suggest_float("kb", self.low, self.high, log=True)
        steps = max(1, round(self.epochs * trial.suggest_float("pruning", *SHARES)))
        return kb, Method(
            density=trial.suggest_float("density", 0.2, 1.0),
            score=trial.suggest_categorical("score", CHOICES["score"]),
            price=trial.suggest_categorical("price", CHOICES["price"]),
            distill=trial.suggest_float("distill", 0.0, 0.9),
            temperature=trial.suggest_float("temperature", 1.0, 8.0, log=True),
            learning_rate=trial.suggest_float("learning_rate", 5e-4, 1e-2, log=True),
            factorize=trial.suggest_categorical("factorize", [False, True]),
            steps=steps,
            finetune=self.epochs - steps,
        )

    def run(self, trial: optuna.Trial, rivals: Sequence[Rival]) -> Outcome:
        """Raises TrialPruned where it is stopped; InputError, DoesNotFitError, ConversionError as compress does."""
        kb, method = self.draw(trial)
        watch = Watch(kb * KB, rivals)
        result = compress(
            to_module(self.loaded.graph, self.loaded.exits),
            self._loader(),
            target=kb,
            method=method,
            preprocess=self.loaded.wires,
            calibration=tuple(self._real(self._calibration)),
            seed=self.seed,
            watch=watch,
        )
        graph = trace(result.model, self._example())
        return Outcome(result, round(self._lowering(graph).cycles(graph, self.board)), watch.steps)

    def save(self, outcome: Outcome, path: Path, **provenance: str | float) -> None:
        """Writes the network with its calibration and the samples that the given one carries. Raises ToolError."""
        result, given = outcome.result, self.loaded
        numbers = {"validation": result.validation, "nbytes": result.nbytes, "cycles": outcome.cycles}
        save(
            result.model, path, self._example(), self._calibration, given.samples, given.labels, given.wires,
            provenance={"sparsecomp": __version__, "from": given.sha256, "seed": self.seed} | numbers | provenance,
        )  # fmt: skip

    def _example(self) -> tuple[torch.Tensor, ...]:
        return tuple(torch.zeros(1, *self.loaded.graph.shapes[name]) for name in self.loaded.graph.inputs)

    def _lowering(self, graph: Graph) -> Lowering:
        """As deploying would lower it."""
        fractions = calibrate(graph, self._real(self._calibration))
        exits = tuple((leaving.name, leaving.temperature) for leaving in self.loaded.exits)
        return Lowering(self.loaded.wires, fractions, Options("int8", "auto", 8, False, exits=exits))

    def _loader(self) -> DataLoader:
        inputs = [torch.from_numpy(np.asarray(x, np.float32)) for x in self._real(self._raw)]
        data = TensorDataset(*inputs, torch.from_numpy(self._labels))
        return DataLoader(data, BATCH, shuffle=True, generator=torch.Generator().manual_seed(self.seed))

    def _real(self, raw: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [wire.to_float(x) for wire, x in zip(self.loaded.wires, raw, strict=True)]


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")

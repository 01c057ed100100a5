"""The head with the best answers within a byte budget: pooled sizes and hidden widths are tried, then compressed.

Training a head for each architecture is cheap and happens once, whatever the budget. Whether heads are to follow the
whole network's logits is looked at before: on new people or speakers that may hurt. Compression takes longer: of the
architectures that would just fit uncompressed, that need half and that need a quarter, the best one each is compressed;
and the best one without a hidden layer, which loses least where much has to go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from sparsecomp.compression.loop import BelowFloorError
from sparsecomp.early_exit.costs import nbytes
from sparsecomp.early_exit.features import Features, Pooling
from sparsecomp.early_exit.heads import KINDS, Head
from sparsecomp.early_exit.network import EarlyExitNetwork
from sparsecomp.early_exit.points import Point
from sparsecomp.early_exit.shrinking import METHOD, Data, data_for, shrunk, widened
from sparsecomp.early_exit.training import Training, accuracies, fit
from sparsecomp.errors import DoesNotFitError
from sparsecomp.wire import Wire

BANDS = (1.1, 2.2, 5.0)  # bytes of a head's dense weights over the budget
TRAININGS = (Training(), Training(distill=0.0))
ATTEMPTS = 4  # at meeting the budget with what a head really adds


@dataclass(frozen=True, eq=False)
class Found:
    """A head within its budget: ``nbytes`` encoded bytes that it adds; ``accuracy`` of each exit on validation data."""

    head: Head
    nbytes: int
    accuracy: tuple[float, ...]

    @property
    def score(self) -> float:
        """Mean accuracy over the exits: the answer is wanted at each of them alike."""
        return float(np.mean(self.accuracy))


@dataclass(eq=False)
class Search:
    """Heads for the exits ``points`` of ``network``. ``poolings`` and ``widths`` (hidden units) are what is tried.

    ``how`` is the training; None takes the better one of ``TRAININGS`` on validation data, for each kind.
    ``calibration`` (N, *shape) float32 and ``wire`` are those that the device's integers are chosen with.
    """

    network: nn.Module
    points: tuple[Point, ...]
    train: Features
    val: Features
    calibration: np.ndarray
    poolings: Sequence[Pooling]
    widths: Sequence[int]
    how: Training | None = None
    wire: Wire = field(default_factory=Wire)
    seed: int = 0

    def __post_init__(self) -> None:
        self.base = nbytes(self.network, self.calibration, self.wire)
        self._data: dict[Pooling, Data] = {}
        self._dense: dict[tuple[str, Pooling, int], tuple[Head, float]] = {}
        self._trainings: dict[str, Training] = {}

    def data(self, pooling: Pooling) -> Data:
        """The maps at one pooling."""
        if pooling not in self._data:
            self._data[pooling] = data_for(self.train, self.val, pooling)
        return self._data[pooling]

    def dense(self, kind: str, pooling: Pooling, hidden: int) -> tuple[Head, float]:
        """A head trained without any limit, on the channels that live, and its mean validation accuracy."""
        key = kind, pooling, hidden
        if key not in self._dense:
            self._dense[key] = self._fitted(kind, pooling, hidden, self.training(kind))
        return self._dense[key]

    def training(self, kind: str) -> Training:
        """How heads of a kind are trained: as asked for, or as suits the simplest of them best."""
        if self.how is not None:
            return self.how
        if kind not in self._trainings:
            tried = [(self._fitted(kind, self.poolings[-1], self.widths[0], how)[1], how) for how in TRAININGS]
            self._trainings[kind] = max(tried, key=lambda item: item[0])[1]
        return self._trainings[kind]

    def _fitted(self, kind: str, pooling: Pooling, hidden: int, how: Training) -> tuple[Head, float]:
        data = self.data(pooling)
        head = make_head(kind, data, pooling, hidden, self.seed)
        fit(head, data.train, data.labels, data.logits, how, self.seed)
        return head, float(np.mean(accuracies(head, data.val, data.val_labels)))

    def best(self, kind: str, budget: int) -> Found:
        """The best head of a kind within ``budget`` bytes. Raises DoesNotFitError where there is none."""
        found, floors = [], []
        for pooling, hidden in self._shortlist(kind, budget):
            try:
                found.append(self.within(kind, pooling, hidden, budget))
            except BelowFloorError as refusal:
                floors.append(refusal.least)
        if not found:
            raise DoesNotFitError(
                f"no head for {len(self.points)} exit(s) fits {budget:,} bytes: the smallest takes about "
                f"{min(floors):,.0f}",
                f"give {min(floors):.0f} bytes or more (head_bytes=, --head-bytes), or fewer exits",
            )
        return max(found, key=lambda f: (f.score, -f.nbytes))

    def within(self, kind: str, pooling: Pooling, hidden: int, budget: int) -> Found:
        """The head of one architecture, compressed to ``budget`` bytes. Raises BelowFloorError."""
        head, _ = self.dense(kind, pooling, hidden)
        data, target = self.data(pooling), budget
        for _ in range(ATTEMPTS):
            small = shrunk(head, data, target, self.training(kind).balance, self.seed, METHOD)
            found = self.found(small, data)
            if found.nbytes <= budget:
                return found
            # Beside its weights a head has pools and sums, which are known only once it is part of the network.
            target -= found.nbytes - budget
        raise BelowFloorError(found.nbytes, f"no head fits {budget:,} bytes", "give more bytes")

    def found(self, head: Head, data: Data) -> Found:
        """A head on the channels that live, as one for the whole network, and what it comes to there."""
        wide = widened(head, [point.shape for point in self.points], data.live)
        network = EarlyExitNetwork(self.network, [point.path for point in self.points], wide)
        added = nbytes(network, self.calibration, self.wire) - self.base
        return Found(wide, added, accuracies(head, data.val, data.val_labels))

    def _shortlist(self, kind: str, budget: int) -> list[tuple[Pooling, int]]:
        """The best architecture of each band, and without a hidden layer; the smallest where all are larger."""
        sized = sorted(
            (dense_bytes(kind, self.data(pooling), hidden), pooling, hidden)
            for pooling in self.poolings
            for hidden in self.widths
        )
        chosen, low = [], 0.0
        for limit in BANDS:
            band = [(p, h) for size, p, h in sized if low * budget < size <= limit * budget]
            if band:
                chosen.append(max(band, key=lambda item: self.dense(kind, *item)[1]))
            low = limit
        simple = [(p, h) for size, p, h in sized if size <= BANDS[-1] * budget and h == 0]
        if simple:
            chosen.append(max(simple, key=lambda item: self.dense(kind, *item)[1]))
        return list(dict.fromkeys(chosen)) or [sized[0][1:]]


def make_head(kind: str, data: Data, pooling: Pooling, hidden: int, seed: int) -> Head:
    """An untrained head for maps that are pooled already."""
    size, how = pooling
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return KINDS[kind](data.shapes, data.logits.shape[1], size, hidden, how)


def dense_bytes(kind: str, data: Data, hidden: int) -> int:
    """About what a head takes with int8 weights, all stored; what the exits of gNet share is stored once."""
    classes, heads = data.logits.shape[1], 1 if kind == "gnet" else len(data.shapes)
    inputs = sum(int(np.prod(shape)) for shape in data.shapes)
    last = (hidden + 1) * classes if hidden else 0
    return inputs * (hidden or classes) + heads * (last + (hidden or classes))

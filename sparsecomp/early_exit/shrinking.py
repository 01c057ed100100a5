"""A trained head brought within a byte budget by the same compression as any network, on the maps that are kept."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sparsecomp.compression import Method, compress
from sparsecomp.early_exit.features import Features, Pooling
from sparsecomp.early_exit.heads import KINDS, Head
from sparsecomp.early_exit.training import class_weights

BATCH = 128
CALIBRATION = 256
# Maps are cheap, so that a few epochs a step cost seconds; the head is trained already.
METHOD = Method(steps=5, epochs=1, finetune=7, accuracy_aware=False, distill=0.5, temperature=2.0, learning_rate=4e-3)


@dataclass(frozen=True, eq=False)
class Data:
    """Pooled maps of the channels that live, one tensor an exit, and the classes: what one head is trained on."""

    train: tuple[Tensor, ...]
    labels: Tensor
    logits: Tensor
    val: tuple[Tensor, ...]
    val_labels: Tensor
    live: tuple[Tensor, ...]

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Of one sample's maps."""
        return [tuple(maps.shape[1:]) for maps in self.train]


def data_for(train: Features, val: Features, pooling: Pooling) -> Data:
    """The maps at one pooling. A channel that a pruned filter left dead is no input of a head."""
    live = train.live(pooling)
    return Data(
        train.narrow(pooling, live), train.labels, train.logits, val.narrow(pooling, live), val.labels, live
    )  # fmt: skip


def shrunk(head: Head, data: Data, nbytes: int, balance: bool = True, seed: int = 0, method: Method = METHOD) -> Head:
    """A copy of ``head`` within ``nbytes`` encoded bytes, with the values that the device will have.

    Raises DoesNotFitError where no compression reaches that.
    """
    module = _OnMaps(copy.deepcopy(head))
    weight = class_weights(data.labels, head.classes) if balance else None
    compress(
        module,
        _Batches(data, seed),
        [(*data.val, data.val_labels)],
        target=nbytes / 1000,
        method=method,
        criterion=nn.CrossEntropyLoss(weight=weight),
        calibration=tuple(maps[:CALIBRATION].numpy() for maps in data.train),
        seed=seed,
    )
    return module.head.eval()


@torch.no_grad()
def widened(head: Head, shapes: Sequence[tuple[int, ...]], live: Sequence[Tensor]) -> Head:
    """``head``, which reads the channels ``live`` alone, as one that reads whole maps of ``shapes``: by zeros."""
    wide = KINDS[head.kind](shapes, head.classes, head.pooled, head.hidden, head.pooling)
    values = head.state_dict()
    for name, module in wide.named_modules():
        if isinstance(module, nn.Linear):
            narrow = values[f"{name}.weight"]
            if narrow.shape != module.weight.shape:
                alive = live[_exit_of(name)]
                columns = alive.repeat_interleave(module.in_features // len(alive))
                values[f"{name}.weight"] = torch.zeros_like(module.weight)
                values[f"{name}.weight"][:, columns] = narrow
    wide.load_state_dict(values)
    return wide.eval()


def _exit_of(name: str) -> int:
    """The exit whose maps a layer reads: the number in "slots.1" or "layers.1.0"."""
    return int(name.split(".")[1])


class _OnMaps(nn.Module):
    """A head as a network whose inputs are pooled maps."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.head = head

    def forward(self, *pooled: Tensor) -> tuple[Tensor, ...]:
        return self.head.scores(pooled)


class _Batches:
    """Batches (maps of every exit, labels) in a new order each time; its generator is its own."""

    def __init__(self, data: Data, seed: int) -> None:
        self.data, self.generator = data, torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return max(1, len(self.data.labels) // BATCH)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        order = torch.randperm(len(self.data.labels), generator=self.generator)
        for chunk in order.split(BATCH)[: len(self)]:
            yield (*(maps[chunk] for maps in self.data.train), self.data.labels[chunk])

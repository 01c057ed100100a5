"""What heads are trained on: the pooled maps of a frozen network, computed once and kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sparsecomp.compression.feeding import Feed
from sparsecomp.early_exit.heads import pooling_to
from sparsecomp.early_exit.network import watching
from sparsecomp.early_exit.points import Point, answer_of
from sparsecomp.errors import InputError
from sparsecomp.frontend.evaluating import evaluating

Pooling = tuple[int, str]  # size along each axis, "avg" or "max"


@dataclass(frozen=True, eq=False)
class Features:
    """``pooled`` maps of each exit by their pooling, (N, C, ...) float32; the whole network's ``logits`` (N, classes)
    and the ``labels`` (N,) of the same samples.
    """

    pooled: dict[Pooling, tuple[Tensor, ...]]
    logits: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def at(self, points: Sequence[int]) -> Features:
        """The same with only the exits numbered ``points``."""
        kept = {key: tuple(maps[i] for i in points) for key, maps in self.pooled.items()}
        return Features(kept, self.logits, self.labels)

    def live(self, pooling: Pooling) -> tuple[Tensor, ...]:
        """Of each exit, the channels that are not zero for every sample (C,): a pruned filter leaves a map of zeros."""
        found = []
        for maps in self.pooled[pooling]:
            alive = maps.flatten(2).abs().amax((0, 2)) > 0 if maps.dim() > 2 else maps.abs().amax(0) > 0
            found.append(alive if alive.any() else torch.ones_like(alive))
        return tuple(found)

    def narrow(self, pooling: Pooling, live: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The pooled maps with the channels ``live`` alone."""
        return tuple(maps[:, alive] for maps, alive in zip(self.pooled[pooling], live, strict=True))


@torch.no_grad()
def collect(
    network: nn.Module, feed: Feed, points: Sequence[Point], poolings: Iterable[Pooling], passes: int = 1
) -> Features:
    """Runs ``network`` in eval mode over ``feed``, ``passes`` times (for a loader that changes its samples at random).

    A pooling that is larger than the smallest of the maps is left out. Parameters and statistics stay as they are.
    """
    pools = {}
    for size, kind in poolings:
        if all(min(point.shape[1:], default=size) >= size for point in points):
            pools[size, kind] = [pooling_to(point.shape, size, kind) for point in points]
    kept: dict[Pooling, list[list[Tensor]]] = {key: [[] for _ in points] for key in pools}
    logits: list[Tensor] = []
    labels: list[Tensor] = []

    def look(index: int, output: Tensor) -> None:
        for key, modules in pools.items():
            kept[key][index].append(modules[index](output).cpu())

    with evaluating(network), watching(network, [point.path for point in points], look):
        for _ in range(passes):
            for inputs, wanted in feed:
                logits.append(answer_of(network, inputs).cpu())
                labels.append(wanted.cpu())
    if not labels:
        raise InputError("the data are empty", "give at least one batch")
    return Features(
        {key: tuple(torch.cat(column).contiguous() for column in columns) for key, columns in kept.items()},
        torch.cat(logits),
        _classes(torch.cat(labels)),
    )


def _classes(labels: Tensor) -> Tensor:
    if labels.dim() != 1 or labels.is_floating_point():
        raise InputError(
            f"labels of type {labels.dtype} and shape {tuple(labels.shape)} are no classes",
            "exits need whole numbers (N,)",
        )
    return labels.long()

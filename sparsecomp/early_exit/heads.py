"""What turns maps into answers: gNet, one head for all exits, and individual heads, one for each.

Both pool a map first, then score the pooled values; scoring takes the exits in order and hands a state on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sparsecomp.errors import InputError

POOLINGS = ("avg", "max")
Shape = tuple[int, ...]


class Head(nn.Module):
    """Pools the map of each exit to ``pooled`` along every axis, and scores it.

    ``shapes`` are those of the maps without batch, (C, H, W), (C, L) or (F,); a vector (F,) is not pooled. ``hidden``
    units stand before the answers, 0 for none. Raises InputError where a map is smaller than ``pooled``.
    """

    kind = ""

    def __init__(
        self, shapes: Sequence[Shape], classes: int, pooled: int = 2, hidden: int = 0, pooling: str = "avg"
    ) -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise InputError(f"unknown pooling '{pooling}'", "use one of " + ", ".join(POOLINGS))
        if not shapes or pooled < 1 or hidden < 0 or classes < 2:
            raise InputError(
                f"no head for {len(shapes)} map(s) pooled to {pooled}, {hidden} hidden units, {classes} classes",
                "one map or more, pooled 1 or more, hidden 0 or more, classes 2 or more",
            )
        self.shapes = tuple(tuple(int(n) for n in shape) for shape in shapes)
        self.classes, self.pooled, self.hidden, self.pooling = classes, pooled, hidden, pooling
        self.pools = nn.ModuleList(pooling_to(shape, pooled, pooling) for shape in self.shapes)
        self.widths = tuple(math.prod((s[0], *[pooled] * (len(s) - 1))) for s in self.shapes)

    def pool(self, index: int, features: Tensor) -> Tensor:
        """The map of exit ``index`` (N, *shape), pooled."""
        return self.pools[index](features)

    def score(self, index: int, pooled: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Logits (N, classes) of exit ``index`` from its pooled map and what the exit before handed on (None for the
        first); and what is handed on to the next.
        """
        raise NotImplementedError

    def scores(self, pooled: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Logits of every exit, from the pooled maps of all."""
        state, found = None, []
        for index, features in enumerate(pooled):
            logits, state = self.score(index, features, state)
            found.append(logits)
        return tuple(found)


class GlobalHead(Head):
    """gNet (arXiv 2405.10426): one head over the concatenated maps of all exits, those not computed yet being zero.

    A zero map adds nothing to the first layer's sums. So each exit adds its own columns' products to the sums of the
    exit before: the same function, and no product is computed twice.
    """

    kind = "gnet"

    def __init__(self, shapes: Sequence[Shape], classes: int, *options: Any, **more: Any) -> None:
        super().__init__(shapes, classes, *options, **more)
        # One bias, which the first exit brings.
        self.slots = nn.ModuleList(
            nn.Linear(width, self.hidden or classes, bias=index == 0) for index, width in enumerate(self.widths)
        )
        self.out = nn.Linear(self.hidden, classes) if self.hidden else None
        with torch.no_grad():
            bound = 1 / math.sqrt(sum(self.widths))
            for slot in self.slots:
                nn.init.uniform_(slot.weight, -bound, bound)

    def score(self, index: int, pooled: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor | None]:
        sums = self.slots[index](pooled.flatten(1))
        if state is not None:
            sums = state + sums
        return (sums if self.out is None else self.out(torch.relu(sums))), sums

    def concatenated(self, pooled: Sequence[Tensor]) -> Tensor:
        """Logits as the paper writes them, from the pooled maps of all exits with zeros where there are none yet."""
        weight = torch.cat([slot.weight for slot in self.slots], 1)
        sums = nn.functional.linear(torch.cat([p.flatten(1) for p in pooled], 1), weight, self.slots[0].bias)
        return sums if self.out is None else self.out(torch.relu(sums))


class IndividualHeads(Head):
    """A head of its own for each exit, which sees that exit's map alone."""

    kind = "heads"

    def __init__(self, shapes: Sequence[Shape], classes: int, *options: Any, **more: Any) -> None:
        super().__init__(shapes, classes, *options, **more)
        self.layers = nn.ModuleList(self._layers(width) for width in self.widths)

    def _layers(self, width: int) -> nn.Sequential:
        if not self.hidden:
            return nn.Sequential(nn.Linear(width, self.classes))
        return nn.Sequential(nn.Linear(width, self.hidden), nn.ReLU(), nn.Linear(self.hidden, self.classes))

    def score(self, index: int, pooled: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return self.layers[index](pooled.flatten(1)), None


KINDS: dict[str, type[Head]] = {head.kind: head for head in (GlobalHead, IndividualHeads)}


def pooling_to(shape: Shape, pooled: int, pooling: str) -> nn.Module:
    """What takes a map of ``shape`` to ``pooled`` along each axis."""
    space = shape[1:]
    if len(space) > 2:
        raise InputError(f"a map of shape {shape} has {len(space)} axes beside its channels", "at most two are pooled")
    if not space:
        return nn.Identity()
    if min(space) < pooled:
        raise InputError(
            f"a map of shape {shape} cannot be pooled to {pooled}", f"take pooled={min(space)} or less, or another exit"
        )
    if all(n == pooled for n in space):
        return nn.Identity()
    if pooling == "avg":
        return (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)[len(space) - 1](pooled)
    # Windows as wide as it takes to cover the map.
    stride = tuple(n // pooled for n in space)
    window = tuple(n - (pooled - 1) * s for n, s in zip(space, stride, strict=True))
    return nn.MaxPool1d(window[0], stride[0]) if len(space) == 1 else nn.MaxPool2d(window, stride)

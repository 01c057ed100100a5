"""How many weights each layer may keep, so that the network meets a budget: exactly, by asking what it would cost."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from sparsecomp.compression.network import Network, Snapshot
from sparsecomp.compression.projection import keep_largest
from sparsecomp.graph import Graph

Cost = Callable[[Graph], float]


class OutOfReachError(Exception):
    """Nothing that the layers could still lose meets the budget; ``least`` is what they come to."""

    def __init__(self, least: float) -> None:
        super().__init__(least)
        self.least = least


def by_score(
    network: Network, scores: dict[str, Tensor], cost: Cost, budget: float, fixed: frozenset[str] = frozenset()
) -> dict[str, Tensor]:
    """Masks that keep the highest scores over all layers, as many as the budget allows; each layer keeps one weight.

    Layers in ``fixed`` stay as they are. Raises OutOfReachError.
    """
    snapshot = network.structure()
    free = [layer.name for layer in network.layers if layer.name not in fixed]
    masks = network.masks()
    if not free:
        return _fitting(masks, snapshot, cost, budget)
    flat = torch.cat([_allowed(scores[name], network.supports[name].allowed) for name in free])
    order = flat.argsort(descending=True, stable=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)  # of equal scores the first come first
    ranks = dict(zip(free, rank.split([scores[n].numel() for n in free]), strict=True))
    most = sum(int(network.supports[n].allowed.sum()) for n in free)

    def chosen(count: int) -> dict[str, Tensor]:
        found = dict(masks)
        for name, places in ranks.items():
            mask = (places < count) & network.supports[name].allowed.flatten()
            if not mask.any():
                mask[places.argmin()] = True
            found[name] = mask.view_as(scores[name])
        return found

    return chosen(_largest(most, lambda count: cost(snapshot.graph(chosen(count))), budget))


def by_size(
    network: Network, cost: Cost, sizes: dict[str, float], budget: float, fixed: frozenset[str] = frozenset()
) -> tuple[dict[str, Tensor], list[str]]:
    """Masks in which the largest layers (by ``sizes``) lose their smallest weights, one layer after the other, until
    the budget is met; and the layers that lost some. Raises OutOfReachError.
    """
    snapshot, masks = network.structure(), network.masks()
    touched: list[str] = []
    weights = dict(zip((layer.name for layer in network.layers), network.weights(), strict=True))
    for name in sorted((n for n in sizes if n not in fixed), key=lambda n: -sizes[n]):
        support, weight = network.supports[name], weights[name].detach()

        def pruned(count: int, name=name, support=support, weight=weight, masks=masks) -> dict[str, Tensor]:
            return masks | {name: keep_largest(weight, count, support.allowed)}

        touched.append(name)
        try:
            count = _largest(support.count, lambda n, pruned=pruned: cost(snapshot.graph(pruned(n))), budget)
            return pruned(count), touched
        except OutOfReachError:
            masks = pruned(1)
    raise OutOfReachError(cost(snapshot.graph(masks)))


def floor(network: Network, scores: dict[str, Tensor], cost: Cost) -> float:
    """What the network costs with one weight a layer: no budget below can be met."""
    snapshot = network.structure()
    return cost(
        snapshot.graph({name: keep_largest(score, 1, network.supports[name].allowed) for name, score in scores.items()})
    )


def _allowed(score: Tensor, allowed: Tensor) -> Tensor:
    return score.double().masked_fill(~allowed, -1.0).flatten()


def _fitting(masks: dict[str, Tensor], snapshot: Snapshot, cost: Cost, budget: float) -> dict[str, Tensor]:
    size = cost(snapshot.graph(masks))
    if size > budget:
        raise OutOfReachError(size)
    return masks


def _largest(most: int, size: Callable[[int], float], budget: float) -> int:
    """The largest count of weights, of ``most``, whose size is within the budget; sizes grow with the count, but for
    a few bytes where an encoding changes, so the count found is checked, not assumed. Raises OutOfReachError.
    """
    if size(most) <= budget:
        return most
    least = size(1)
    if least > budget:
        raise OutOfReachError(least)
    low, high = 1, most
    while high - low > 1:
        middle = (low + high) // 2
        if size(middle) <= budget:
            low = middle
        else:
            high = middle
    return low

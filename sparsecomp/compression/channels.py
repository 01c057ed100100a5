"""Structure: which filters a network can do without, so that what is left is narrow enough to be stored densely."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from sparsecomp.compression.network import Network, Snapshot
from sparsecomp.graph import Graph

ROUND = 0.1  # of what is over the limit is taken away between two looks at what filters cost
Cost = Callable[[Graph], float]


def removable(network: Network, cost: Cost) -> set[str]:
    """Layers of which a filter can go: those whose loss makes the network cheaper for others as well.

    A layer whose output others need at its full width (the network's answers, both ends of a sum that something else
    also feeds) only loses weights, and keeps its filters.
    """
    snapshot, masks = network.structure(), _allowed(network)
    whole = cost(snapshot.graph(masks))
    found = set()
    for layer in network.layers:
        weight = network.weight(layer)
        if len(weight) > 1 and len(layer.nodes) == 1:
            without = np.ones(len(weight), bool)
            without[-1] = False
            if cost(snapshot.graph(masks, {layer.name: without})) < whole:
                found.add(layer.name)
    return found


def narrow(
    network: Network, sensitivities: dict[str, Tensor], names: set[str], cost: Cost, price: Cost | None, limit: float
) -> None:
    """Removes filters of the layers ``names`` until ``cost`` is at most ``limit``, or each has one left.

    Filters are compared as LAMP compares weights: by their share of the sensitivity of what is left of their layer,
    so that no layer becomes a bottleneck while another stays wide. With a ``price``, by that share for each unit that
    their removal saves. ``sensitivities`` are those of single weights, by layer.
    """
    snapshot, masks = network.structure(), _allowed(network)
    filters = {name: _filters(network, name) for name in names}
    values = {name: sensitivities[name].flatten(1).sum(1).double().cpu().numpy() for name in names}
    while (size := cost(snapshot.graph(masks, filters))) > limit:
        costs = _savings(snapshot, masks, filters, values, cost)
        saved = costs if price is None else _savings(snapshot, masks, filters, values, price)
        order = sorted(
            (worth if price is None else worth / saved[name], name, i)
            for name in saved
            if saved[name] > 0
            for i, worth in _relative(values[name], filters[name])
        )
        wanted, taken = ROUND * (size - limit), 0.0
        for _, name, i in order:
            if filters[name].sum() > 1:
                filters[name][i] = False
                taken += costs[name]
                if taken >= wanted:
                    break
        if taken == 0:
            break
    _apply(network, filters)


def _allowed(network: Network) -> dict[str, Tensor]:
    return {name: support.allowed for name, support in network.supports.items()}


def _filters(network: Network, name: str) -> np.ndarray:
    """Filters of a layer that may have weights; at least one."""
    alive = network.supports[name].allowed.flatten(1).any(1).cpu().numpy()
    if not alive.any():
        alive[0] = True
    return alive


def _relative(values: np.ndarray, alive: np.ndarray) -> list[tuple[int, float]]:
    """Of each filter left: its value over the sum of all of its layer that are not smaller, as in LAMP."""
    order = sorted(np.flatnonzero(alive), key=lambda i: values[i])
    rest = np.cumsum(values[order][::-1])[::-1]
    tiny = np.finfo(float).tiny
    return [(int(i), float(values[i] / max(total, tiny))) for i, total in zip(order, rest, strict=True)]


def _savings(
    snapshot: Snapshot, masks: dict[str, Tensor], filters: dict[str, np.ndarray], values: dict, price: Cost
) -> dict[str, float]:
    """What removing its least filter saves, for each layer that has more than one."""
    whole = price(snapshot.graph(masks, filters))
    saved = {}
    for name, alive in filters.items():
        if alive.sum() > 1:
            without = alive.copy()
            without[min(np.flatnonzero(alive), key=lambda i: values[name][i])] = False
            saved[name] = whole - price(snapshot.graph(masks, filters | {name: without}))
    return saved


def _apply(network: Network, filters: dict[str, np.ndarray]) -> None:
    for name, alive in filters.items():
        if alive.all():
            continue
        support = network.supports[name]
        kept = torch.from_numpy(alive).to(support.allowed.device)
        support.filters = kept
        restrict(support, support.allowed & kept.reshape(-1, *[1] * (support.allowed.dim() - 1)))


def restrict(support, allowed: Tensor) -> None:
    """Fewer places for a layer's weights."""
    support.allowed = allowed
    support.count = min(support.count, int(allowed.sum()))
    support.mask = support.mask & allowed


def forget_unreached(network: Network, squares: dict[str, Tensor]) -> None:
    """Takes away the places that no gradient has reached: they are read by nobody, or read what is always zero."""
    for layer in network.layers:
        support = network.supports[layer.name]
        reached = squares[layer.name] > 0
        if math.prod(reached.shape) > int(reached.sum()) > 0:
            restrict(support, support.allowed & reached)

"""Exits chosen by what small heads reach there: accuracy for the cycles that they take."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from sparsecomp.boards import Board
from sparsecomp.compression.feeding import Feed
from sparsecomp.compression.running import seeded
from sparsecomp.early_exit.choice import Candidate, best_set
from sparsecomp.early_exit.costs import costs
from sparsecomp.early_exit.features import Features, collect
from sparsecomp.early_exit.network import EarlyExitNetwork
from sparsecomp.early_exit.points import Point, candidates
from sparsecomp.early_exit.search import Search
from sparsecomp.early_exit.training import Training
from sparsecomp.wire import Wire

SIZES = {1: (1, 2, 4, 8), 2: (1, 2, 3, 4)}  # pooled sizes tried along each of so many axes
ROOM = 2.2  # bytes of a probe's dense weights over the budget: compression brings that down without losing much


def search_points(
    network: nn.Module,
    feeds: Sequence[Feed],
    samples: torch.Tensor,
    floats: np.ndarray,
    wire: Wire,
    board: Board,
    most: int,
    head_bytes: int,
    seed: int,
) -> tuple[tuple[Point, ...], str]:
    """The points with the best accuracy for their cycles, by linear heads at all of them, and what was seen. Raises
    InputError where there is none.
    """
    found = candidates(network, samples[:1])
    rows: dict[str, list[Candidate]] = {point.path: [] for point in found}
    whole, right = 0, 0.0
    for size in sorted({size for point in found for size in SIZES.get(len(point.shape) - 1, (1,))}):
        points = tuple(p for p in found if min(p.shape[1:], default=1) >= size)
        if not points:
            continue
        with seeded(seed):
            features = [collect(network, feed, points, [(size, "max")]) for feed in feeds]
        search = Search(network, points, *features, floats, [(size, "max")], [0], Training(), wire, seed)
        head, _ = search.dense("heads", (size, "max"), 0)
        probe = search.found(head, search.data((size, "max")))
        spent = costs(EarlyExitNetwork(network, [p.path for p in points], probe.head), floats, wire, board)
        whole, right = spent.alone[-1], full_accuracy(features[1])
        for i, (point, shape) in enumerate(zip(points, search.data((size, "max")).shapes, strict=True)):
            nbytes = math.prod(shape) * head.classes
            if nbytes <= ROOM * head_bytes or not rows[point.path]:
                own = spent.alone[i] - spent.shared[i]
                rows[point.path].append(Candidate(point.path, spent.shared[i], own, probe.accuracy[i]))
    best = [max(tried, key=lambda c: (c.accuracy, -c.head_cycles)) for tried in rows.values() if tried]
    taken = {c.path for c in best_set(best, whole, right, most)}
    seen = ", ".join(
        f"{c.path} {c.accuracy:.3f} at {c.cycles / whole:.0%}{' (taken)' if c.path in taken else ''}" for c in best
    )
    points = tuple(p for p in found if p.path in taken)
    return points, f"exits looked at, validation and share of the cycles: {seen}"


def full_accuracy(features: Features) -> float:
    """Share of right answers of the whole network."""
    return float((features.logits.argmax(1) == features.labels).float().mean())

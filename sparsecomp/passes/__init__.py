"""Graph rewrites before quantization, one a file: ``run`` takes a Graph, and gives another and notes for the user."""

from __future__ import annotations

from collections.abc import Callable

from sparsecomp.graph import Graph
from sparsecomp.passes import (
    drop_dead_channels,
    drop_identity,
    drop_softmax,
    fold_batch_norm,
    fold_padding,
    fold_zeros,
    share_equal,
)

Pass = Callable[[Graph], tuple[Graph, list[str]]]
PASSES: tuple[Pass, ...] = (
    drop_identity.run,
    drop_softmax.run,
    fold_zeros.run,
    share_equal.run,
    fold_padding.run,
    fold_batch_norm.run,
    drop_dead_channels.run,
)


def simplify(graph: Graph, *, same_shapes: bool = False) -> tuple[Graph, tuple[str, ...]]:
    """The network as it is converted, and notes for the report. ``same_shapes`` leaves dead channels in it."""
    notes: list[str] = []
    for rewrite in PASSES[:-1] if same_shapes else PASSES:
        graph, said = rewrite(graph)
        notes += said
    return graph, tuple(notes)

"""Graph rewrites before quantization, one a file: each takes a Graph and returns another and what it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sparsecomp.graph import Graph, Node

Pass = Callable[[Graph], tuple[Graph, list[str]]]


def bypass(graph: Graph, node: Node) -> Graph:
    """``graph`` without ``node``: whoever read its output reads its first input."""
    old, new = node.output, node.inputs[0]
    nodes = tuple(
        replace(n, inputs=tuple(new if t == old else t for t in n.inputs)) for n in graph.nodes if n is not node
    )
    return graph.with_nodes(nodes, outputs=tuple(new if t == old else t for t in graph.outputs))


def simplify(graph: Graph) -> tuple[Graph, tuple[str, ...]]:
    """The network as it is converted, and notes for the report."""
    from sparsecomp.passes import drop_identity, drop_softmax, fold_batch_norm, fold_padding

    passes: tuple[Pass, ...] = (drop_identity.run, drop_softmax.run, fold_padding.run, fold_batch_norm.run)
    notes: list[str] = []
    for rewrite in passes:
        graph, said = rewrite(graph)
        notes += said
    return graph, tuple(notes)

"""Drops a final softmax: it changes no decision, and the scores before it are what a device compares."""

from sparsecomp.errors import ConversionError
from sparsecomp.graph import Graph


def run(graph: Graph) -> tuple[Graph, list[str]]:
    notes = []
    for node in graph.nodes:
        if node.op not in ("softmax", "log_softmax"):
            continue
        if graph.consumers(node.output):
            raise ConversionError(
                f"{node.describe()} is not the last operator", "only a final softmax is supported; it is dropped"
            )
        graph = graph.without(node)
        notes.append(f"final {node.describe()} dropped: the outputs are the scores before it, in the same order")
    return graph, notes

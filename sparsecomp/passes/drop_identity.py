"""Drops what changes nothing at inference: dropout, and reshapes to the shape that is already there."""

from sparsecomp.graph import Graph
from sparsecomp.passes import bypass


def run(graph: Graph) -> tuple[Graph, list[str]]:
    for name in [n.name for n in graph.nodes]:
        node = next(n for n in graph.nodes if n.name == name)
        same = node.op == "reshape" and graph.shapes[node.inputs[0]] == graph.shapes[node.output]
        if node.op == "dropout" or same:
            graph = bypass(graph, node)
    return graph, []

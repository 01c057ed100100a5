"""Drops what changes nothing at inference: dropout, and reshapes to the shape that is already there."""

from sparsecomp.graph import Graph


def run(graph: Graph) -> tuple[Graph, list[str]]:
    for name in [n.name for n in graph.nodes]:
        node = graph.node(name)
        same = node.op == "reshape" and graph.shapes[node.inputs[0]] == graph.shapes[node.output]
        if node.op == "dropout" or same:
            graph = graph.without(node)
    return graph, []

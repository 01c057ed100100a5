"""Computes once what two operators compute from the same inputs with the same parameters."""

from dataclasses import replace

from sparsecomp.graph import Graph


def run(graph: Graph) -> tuple[Graph, list[str]]:
    renamed: dict[str, str] = {}
    first: dict[tuple, str] = {}
    nodes = []
    for node in graph.nodes:
        inputs = tuple(renamed.get(name, name) for name in node.inputs)
        key = (node.op, inputs, tuple(sorted(node.attrs.items())), tuple(sorted(node.params.items())))
        twin = first.setdefault(key, node.output)
        if twin != node.output and node.output not in graph.outputs:
            renamed[node.output] = twin
        else:
            nodes.append(replace(node, inputs=inputs) if inputs != node.inputs else node)
    return (graph.with_nodes(tuple(nodes)), []) if renamed else (graph, [])

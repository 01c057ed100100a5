"""Brings the operators of a network with early exits into the order in which a device reaches the exits."""

from __future__ import annotations

from sparsecomp.errors import ConversionError
from sparsecomp.graph import Graph


def in_order(graph: Graph) -> Graph:
    """The network with each exit's operators before those that only later exits need. Raises ConversionError where
    two exits have the same scores, or are no classifiers of the same classes, or cannot be reached in their order.
    """
    shapes = {graph.shapes[name] for name in graph.outputs}
    if len(set(graph.outputs)) != len(graph.outputs) or len(shapes) != 1:
        raise ConversionError(
            f"exits with scores of the shapes {', '.join(map(str, sorted(shapes)))}",
            "every exit gives scores of its own, for the same classes",
        )
    (shape,) = shapes
    if len(shape) != 1 or shape[0] < 2:
        raise ConversionError(
            f"an exit gives {shape}, not the scores of two classes or more",
            "flatten its output" if len(shape) != 1 else "one number is no answer: give two classes a score each",
        )
    nodes, done = [], set()
    for output in graph.outputs:
        needed = {output}
        for node in reversed(graph.nodes):
            if node.output in needed:
                needed |= set(node.inputs)
        for node in graph.nodes:
            if node.output in needed and node.name not in done:
                nodes.append(node)
                done.add(node.name)
    reached = [node.output for node in nodes if node.output in graph.outputs]
    if reached != list(graph.outputs):
        raise ConversionError(
            "an exit's scores are the network's input, or need those of a later exit",
            "name exits in the order in which they are computed, the whole network last",
        )
    nodes += [node for node in graph.nodes if node.name not in done]
    return graph.with_nodes(tuple(nodes))

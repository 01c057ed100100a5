"""Follows maps of zeros: what keeps zero zero need not be computed."""

from dataclasses import replace

from sparsecomp.graph import Graph

KEEPING = (
    "max_pool", "max_pool_channels", "avg_pool", "adaptive_avg_pool", "mean", "relu", "leaky_relu", "hardswish", "tanh",
    "reshape", "upsample", "add", "concat", "dropout",
)  # fmt: skip


def run(graph: Graph) -> tuple[Graph, list[str]]:
    zero = {node.output for node in graph.nodes if node.op == "zeros"}
    if not zero:
        return graph, []
    nodes = []
    for node in graph.nodes:
        if node.op in KEEPING and set(node.inputs) <= zero:
            zero.add(node.output)
            node = replace(node, op="zeros", inputs=(), attrs={"shape": graph.shapes[node.output]}, params={})
        nodes.append(node)
    read = {name for node in nodes for name in node.inputs} | set(graph.outputs)
    return graph.with_nodes(tuple(n for n in nodes if n.op != "zeros" or n.output in read)), []

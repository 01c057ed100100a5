"""Folds a spatial zero padding into the convolutions that read it."""

from dataclasses import replace

from sparsecomp.graph import Graph


def run(graph: Graph) -> tuple[Graph, list[str]]:
    for pad in [n for n in graph.nodes if n.op == "pad"]:
        readers = graph.consumers(pad.output)
        spatial = pad.attrs["pads"][0] == (0, 0) and pad.attrs["value"] == 0
        if not spatial or pad.output in graph.outputs or not readers or any(n.op != "conv" for n in readers):
            continue
        names = {n.name for n in readers}
        nodes = tuple(_padded(n, pad.attrs["pads"][1:]) if n.name in names else n for n in graph.nodes)
        # The convolution's own rule checks shapes, so its padding and its input change in one step.
        source = pad.inputs[0]
        nodes = tuple(replace(n, inputs=(source,)) if n.name in names else n for n in nodes if n.name != pad.name)
        graph = graph.with_nodes(nodes)
    return graph, []


def _padded(node, pads):
    padding = tuple((a + lo, b + hi) for (a, b), (lo, hi) in zip(node.attrs["padding"], pads, strict=True))
    return replace(node, attrs={**node.attrs, "padding": padding})

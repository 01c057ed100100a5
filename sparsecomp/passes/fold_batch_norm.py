"""Folds batch-norm into a neighbouring convolution or linear layer where that is exact.

Exact: behind a convolution or linear layer (also with a max-pool between them where no gain is negative), and before
one that has no zero padding (a padded zero would need to be the batch-norm's own zero). Elsewhere it stays a
per-channel affine operator.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sparsecomp.graph import Graph, Node
from sparsecomp.ops.batch_norm import gain_and_offset

LAYERS = ("conv", "linear")


def run(graph: Graph) -> tuple[Graph, list[str]]:
    notes = []
    for name in [n.name for n in graph.nodes if n.op == "batch_norm"]:
        node = graph.node(name)
        folded = _into_producer(graph, node) or _into_consumer(graph, node)
        if folded is None:
            notes.append(f"{node.describe()} is not folded: it stays a per-channel affine operator")
        graph = folded or graph
    return graph, notes


def _alone(graph: Graph, tensor: str) -> bool:
    return len(graph.consumers(tensor)) == 1 and tensor not in graph.outputs


def _with_params(graph: Graph, layer: Node, weight: np.ndarray, bias: np.ndarray) -> Graph:
    """``layer`` with parameters of its own; shared ones keep serving the others."""
    keys = {"weight": f"{layer.name}.folded_weight", "bias": f"{layer.name}.folded_bias"}
    values = {keys["weight"]: weight.astype(np.float32), keys["bias"]: bias.astype(np.float32)}
    nodes = tuple(replace(n, params=keys) if n is layer else n for n in graph.nodes)
    return graph.with_nodes(nodes, params={**graph.params, **values})


def _bias(graph: Graph, layer: Node) -> np.ndarray:
    bias = graph.param(layer, "bias")
    return np.zeros(len(graph.param(layer, "weight"))) if bias is None else bias.astype(np.float64)


def _into_producer(graph: Graph, node: Node) -> Graph | None:
    gain, offset = gain_and_offset(node, graph.params)
    layer = graph.producer(node.inputs[0])
    if layer is not None and layer.op == "max_pool" and (gain >= 0).all() and _alone(graph, layer.output):
        between, layer = layer, graph.producer(layer.inputs[0])
        if not _alone(graph, between.inputs[0]):
            return None
    if layer is None or layer.op not in LAYERS or not _alone(graph, layer.output):
        return None
    weight = graph.param(layer, "weight").astype(np.float64)
    scaled = weight * gain.reshape(-1, *[1] * (weight.ndim - 1))
    return _with_params(graph, layer, scaled, _bias(graph, layer) * gain + offset).without(node)


def _into_consumer(graph: Graph, node: Node) -> Graph | None:
    gain, offset = gain_and_offset(node, graph.params)
    if not _alone(graph, node.output):
        return None
    layer = graph.consumers(node.output)[0]
    spread = 1  # elements that one channel becomes
    if layer.op == "reshape" and len(graph.shapes[layer.output]) == 1 and _alone(graph, layer.output):
        spread = int(np.prod(graph.shapes[node.output][1:]))
        layer = graph.consumers(layer.output)[0]
        if layer.op != "linear":
            return None
    if layer.op not in LAYERS or any(pair != (0, 0) for pair in layer.attrs.get("padding", ())):
        return None
    weight = graph.param(layer, "weight").astype(np.float64)
    gain, offset = np.repeat(gain, spread), np.repeat(offset, spread)
    groups = layer.attrs.get("groups", 1)
    # Input channel of each weight: filters of group g read channels g * (I / groups) and on.
    filters = np.arange(len(weight)) * groups // len(weight)
    channels = filters[:, None] * weight.shape[1] + np.arange(weight.shape[1])[None, :]
    tail = [1] * (weight.ndim - 2)
    scaled = weight * gain[channels].reshape(*channels.shape, *tail)
    moved = (weight * offset[channels].reshape(*channels.shape, *tail)).reshape(len(weight), -1).sum(axis=1)
    return _with_params(graph, layer, scaled, _bias(graph, layer) + moved).without(node)

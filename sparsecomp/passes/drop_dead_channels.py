"""Drops channels that are constant or that nobody reads, so that pruned filters leave no map behind.

A filter without a non-zero weight gives its bias everywhere. Such a constant passes through what works channel by
channel, and a layer that reads it takes it into its own bias; one with zero padding takes only zero, since its border
windows see less of any other constant. Then a channel stays only if something that must not change depends on it. The
network computes the same function for every input, up to float rounding; its inputs and outputs keep their shape.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sparsecomp.graph import Graph, Node
from sparsecomp.ops import operator

LAYERS = ("conv", "linear")
POINTWISE = ("relu", "clip", "leaky_relu", "sigmoid", "tanh", "hardswish", "batch_norm", "dropout")
AVERAGES = ("avg_pool", "adaptive_avg_pool", "mean")
PER_CHANNEL = (*POINTWISE, *AVERAGES, "max_pool", "add")
Channels = dict[str, np.ndarray]  # one entry a channel (the first dimension), by tensor


@dataclass(frozen=True)
class Layer:
    """A convolution or linear layer with its constant inputs moved into the bias.

    ``reads`` (filters, inputs of a group) says where a weight is left; ``moved`` (filters,) float64 is what the bias
    gains, None where nothing was moved.
    """

    reads: np.ndarray
    moved: np.ndarray | None


class Tie(NamedTuple):
    """Channel i of ``narrow`` stays or goes together with ``repeat`` channels of ``wide``, from start + i * repeat."""

    narrow: str
    wide: str
    start: int = 0
    repeat: int = 1

    def spread(self, chosen: Channels) -> None:
        """What is chosen on one side is chosen on the other."""
        narrow = chosen[self.narrow]
        end = self.start + narrow.size * self.repeat
        wide = chosen[self.wide][self.start : end].reshape(narrow.size, self.repeat)
        narrow |= wide.any(axis=1)
        wide |= narrow[:, None]


class Need(NamedTuple):
    """Filter o of ``output`` needs the channels i of ``source`` where ``reads`` (filters, channels) is set."""

    source: str
    output: str
    reads: np.ndarray

    def spread(self, chosen: Channels) -> None:
        """What chosen filters need is chosen."""
        chosen[self.source] |= self.reads[chosen[self.output]].any(axis=0)


def run(graph: Graph) -> tuple[Graph, list[str]]:
    """The same object where nothing changes."""
    before, after = None, graph
    while after is not before:  # twice where a depthwise convolution with one input left is none any more
        before, after = after, _pruned(after)
    notes = []
    for node in graph.nodes:
        count, left = (g.shapes[node.output][0] for g in (graph, after))
        if node.op in LAYERS and left < count:
            notes.append(f"{node.describe()}: {count - left} of {count} channels dropped, constant or never read")
    return after, notes


def _pruned(graph: Graph) -> Graph:
    users = Counter(key for node in graph.nodes for key in set(node.params.values()))
    # A parameter that several operators use would have to lose the same channels in all of them.
    frozen = {node.name for node in graph.nodes if any(users[key] > 1 for key in node.params.values())}
    layers = _layers(graph, frozen)
    live, ties = _live(graph, frozen, layers)
    kept = _kept(graph, live, ties)
    nodes, params = [], {}
    for node in graph.nodes:
        new, values = _narrowed(graph, node, kept, live[node.output], layers.get(node.name))
        nodes.append(new)
        params.update(values)
    if all(new is old for new, old in zip(nodes, graph.nodes, strict=True)):
        return graph
    shapes = {name: (int(kept[name].sum()), *shape[1:]) for name, shape in graph.shapes.items()}
    return graph.with_nodes(tuple(nodes), shapes=shapes, params={**graph.params, **params})


def _taps(weight: np.ndarray) -> np.ndarray:
    """(filters, inputs, taps) of a convolution's weight."""
    return weight.reshape(*weight.shape[:2], -1)


def _layers(graph: Graph, frozen: set[str]) -> dict[str, Layer]:
    """Every layer by its operator's name, with constants followed through the network."""
    # The value of a channel that is the same everywhere for every input, NaN of others: arithmetic keeps it.
    values = {name: np.full(graph.shapes[name][0], np.nan, np.float32) for name in graph.inputs}
    layers = {}
    for node in graph.nodes:
        inputs = [values[name] for name in node.inputs]
        if node.op in LAYERS:
            value, layer = _through_layer(graph, node, inputs[0])
            layers[node.name] = replace(layer, moved=None) if node.name in frozen else layer
        else:
            value = _through(graph, node, inputs)
        values[node.output] = value
    return layers


def _through_layer(graph: Graph, node: Node, value: np.ndarray) -> tuple[np.ndarray, Layer]:
    weight = graph.param(node, "weight")
    present = weight != 0 if weight.ndim == 2 else _taps(weight).any(axis=2)
    padded = any(pair != (0, 0) for pair in node.attrs.get("padding", ()))
    movable = value == 0 if padded else np.isfinite(value)
    bias = graph.param(node, "bias")
    total = np.zeros(len(weight)) if bias is None else bias.astype(np.float64)
    moved, reads = None, present
    if movable.any():
        inputs = _inputs_of(node, weight)
        reads = present & ~movable[inputs]
        if (present != reads).any():
            sums = weight if weight.ndim == 2 else _taps(weight).sum(axis=2, dtype=np.float64)
            moved = (sums * np.where(movable, value, 0).astype(np.float64)[inputs]).sum(axis=1)
            total = total + moved
    return np.where(reads.any(axis=1), np.nan, total).astype(np.float32), Layer(reads, moved)


def _inputs_of(node: Node, weight: np.ndarray) -> np.ndarray:
    """The input channel of each weight, (filters or 1, inputs of a group)."""
    filters, inputs = weight.shape[:2]
    groups = node.attrs.get("groups", 1)
    first = np.zeros(1, int) if groups == 1 else np.arange(filters) * groups // filters * inputs
    return first[:, None] + np.arange(inputs)


def _through(graph: Graph, node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    """Constants behind an operator without filters."""
    if not inputs:
        return np.full(graph.shapes[node.output][0], np.nan, np.float32)
    value, nan = inputs[0], np.float32(np.nan)
    ties = _ties(graph, node)
    if node.op in POINTWISE or node.op == "add":
        return operator(node.op).run(node, [x[None] for x in inputs], graph.params)[0]
    if node.op == "max_pool" or (node.op in AVERAGES and np.isnan(value).all()):  # in max_pool padding never wins
        return value
    if node.op in AVERAGES:
        ones = np.ones((1, 1, *graph.shapes[node.inputs[0]][1:]), np.float32)
        share = operator(node.op).run(node, [ones], graph.params)
        # Where padding is counted, windows at the border give less of any constant but zero.
        return value * share.flat[0] if share.min() == share.max() else np.where(value == 0, value, nan)
    if node.op == "pad" and ties:
        return np.where(value == np.float32(node.attrs["value"]), value, nan)
    if node.op == "concat" and ties:
        return np.concatenate(inputs)
    if node.op == "reshape" and ties:
        return np.repeat(value, ties[0].repeat)
    return np.full(graph.shapes[node.output][0], nan)


def _ties(graph: Graph, node: Node) -> list[Tie] | None:
    """How the channels that ``node`` reads and writes hang together; None where none of them can go."""
    if not node.inputs:
        return None
    source, out = node.inputs[0], node.output
    if node.op in PER_CHANNEL or (node.op == "pad" and node.attrs["pads"][0] == (0, 0)):
        return [Tie(name, out) for name in node.inputs]
    if node.op == "concat" and node.attrs["dim"] == 0:
        starts = np.cumsum([0, *(graph.shapes[name][0] for name in node.inputs)])
        return [Tie(name, out, int(start)) for name, start in zip(node.inputs, starts, strict=False)]
    if node.op == "reshape":
        before, after = (math.prod(graph.shapes[name][1:]) for name in (source, out))
        return [Tie(source, out, 0, before // after)] if before % after == 0 else None
    if node.op in LAYERS and (groups := node.attrs.get("groups", 1)) > 1:
        filters, inputs = graph.param(node, "weight").shape[:2]
        return [Tie(source, out, 0, filters // groups)] if inputs == 1 else None
    return [] if node.op in LAYERS else None


def _live(graph: Graph, frozen: set[str], layers: dict[str, Layer]) -> tuple[Channels, list[Tie]]:
    """The channels that the outputs, or an operator that cannot lose channels, depend on; and all ties."""
    live = {name: np.zeros(shape[0], bool) for name, shape in graph.shapes.items()}
    rules: list[Tie | Need] = []
    pinned = [*graph.inputs, *graph.outputs]
    for node in reversed(graph.nodes):
        ties = None if node.name in frozen else _ties(graph, node)
        if ties is None:
            pinned += [*node.inputs, node.output]
        elif ties:
            rules += ties
        else:
            rules.append(Need(node.inputs[0], node.output, layers[node.name].reads))
    for name in pinned:
        live[name][:] = True
    _spread(live, rules)
    return live, [rule for rule in rules if isinstance(rule, Tie)]


def _spread(chosen: Channels, rules: Sequence[Tie | Need]) -> None:
    """Chooses more channels until every rule is met."""
    before, count = -1, 0
    while before != count:
        for rule in rules:
            rule.spread(chosen)
        before, count = count, sum(int(x.sum()) for x in chosen.values())


def _kept(graph: Graph, live: Channels, ties: list[Tie]) -> Channels:
    """The live channels; and one, whose value then matters to nobody, of each tensor that has none."""
    kept = {name: x.copy() for name, x in live.items()}
    for name in graph.shapes:
        if not kept[name].any():
            kept[name][0] = True
            _spread(kept, ties)
    return kept


def _narrowed(
    graph: Graph, node: Node, kept: Channels, live: np.ndarray, layer: Layer | None
) -> tuple[Node, dict[str, np.ndarray]]:
    """``node`` for the channels that are kept, and its new parameters; the same object where nothing changes."""
    rows = kept[node.output]
    if node.op == "reshape" and not rows.all():
        return replace(node, attrs={"shape": (int(rows.sum()), *node.attrs["shape"][1:])}), {}
    if node.op == "batch_norm" and not rows.all():
        return replace(node), {key: graph.params[key][rows] for key in node.params.values()}
    if layer is None:
        return node, {}
    columns = kept[node.inputs[0]]
    idle = rows & ~live & layer.reads.any(axis=1)  # kept only because a tensor needs a channel
    if rows.all() and columns.all() and layer.moved is None and not idle.any():
        return node, {}
    weight, bias = graph.param(node, "weight"), graph.param(node, "bias")
    reads = layer.reads & ~idle[:, None]
    if layer.moved is not None or idle.any():
        weight = np.where(reads.reshape(*reads.shape, *[1] * (weight.ndim - 2)), weight, np.float32(0))
    if layer.moved is not None and (bias is not None or layer.moved.any()):
        bias = (layer.moved if bias is None else bias + layer.moved).astype(np.float32)
    weight, keys, attrs = weight[rows], dict(node.params), dict(node.attrs)
    if attrs.get("groups", 1) == 1:
        weight = weight[:, columns]
    elif weight.shape[1] == 1:  # depthwise; other groups keep all channels
        attrs["groups"] = int(columns.sum())
    values = {keys["weight"]: np.ascontiguousarray(weight)}
    if bias is not None:
        keys.setdefault("bias", f"{node.name}.folded_bias")
        values[keys["bias"]] = bias[rows]
    return replace(node, attrs=attrs, params=keys), values

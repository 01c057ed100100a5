"""Float networks with random, pruned weights, for measurements of time: no training, and no torch.

Without wait states a device's time depends on where weights are zero and hardly on their values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sparsecomp.frontend.loading import LoadedModel
from sparsecomp.graph import Graph, Node
from sparsecomp.ops import operator
from sparsecomp.prepare import Prepared, Request, prepare
from sparsecomp.wire import Wire

CALIBRATION = 16  # random inputs


@dataclass
class Sketch:
    """A network under construction, layer behind layer; weights are uniform as torch's, the ``kept`` largest stay."""

    shape: tuple[int, ...]
    seed: int
    nodes: list[Node] = field(default_factory=list)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    params: dict[str, np.ndarray] = field(default_factory=dict)
    last: str = "x"

    def __post_init__(self) -> None:
        self.shapes["x"] = self.shape
        self.rng = np.random.default_rng(self.seed)

    def add(self, op: str, params: dict[str, np.ndarray] | None = None, **attrs: Any) -> Sketch:
        """Any operator with one input."""
        name = f"{op}{len(self.nodes)}"
        keys = {role: f"{name}.{role}" for role in params or {}}
        self.params |= {keys[role]: value.astype(np.float32) for role, value in (params or {}).items()}
        node = Node(op, name, (self.last,), f"{name}_out", attrs, keys)
        self.shapes[node.output] = tuple(operator(op).shape(node, [self.shapes[self.last]], self.params))
        self.nodes.append(node)
        self.last = node.output
        return self

    def conv(
        self, filters: int, kernel: tuple[int, ...], *, kept: float = 1, empty: int = 0, bias: bool = True, stride=1,
        pad=0, groups=1,
    ) -> Sketch:  # fmt: skip
        """A convolution; its first ``empty`` filters have no weights."""
        rank = len(kernel)
        weight = self._weight((filters, self.shapes[self.last][0] // groups, *kernel), kept, empty)
        options = {"stride": (stride,) * rank, "padding": ((pad, pad),) * rank, "dilation": (1,) * rank}
        return self.add("conv", self._params(weight, bias), groups=groups, **options)

    def linear(self, outputs: int, *, kept: float = 1, bias: bool = True) -> Sketch:
        """A linear layer, with what flattens its input."""
        if len(self.shapes[self.last]) > 1:
            self.add("reshape", shape=(math.prod(self.shapes[self.last]),))
        return self.add("linear", self._params(self._weight((outputs, *self.shapes[self.last]), kept), bias))

    def relu(self) -> Sketch:
        """max(x, 0)."""
        return self.add("relu")

    def pool(self) -> Sketch:
        """The largest of 2 x 2."""
        pads = ((0, 0), (0, 0))
        return self.add("max_pool", kernel=(2, 2), stride=(2, 2), padding=pads, dilation=(1, 1), ceil_mode=False)

    def _weight(self, shape: tuple[int, ...], kept: float, empty: int = 0) -> np.ndarray:
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        weight = self.rng.uniform(-bound, bound, shape)
        weight[:empty] = 0
        size = np.sort(np.abs(weight), axis=None)
        weight[np.abs(weight) < size[-max(1, round(kept * size.size))]] = 0
        return weight

    def _params(self, weight: np.ndarray, bias: bool) -> dict[str, np.ndarray]:
        bound = 1 / math.sqrt(math.prod(weight.shape[1:]))
        return {"weight": weight} | ({"bias": self.rng.uniform(-bound, bound, len(weight))} if bias else {})

    def network(self, wire: Wire) -> Network:
        """The finished network, which reads ``wire``."""
        graph = Graph(tuple(self.nodes), self.shapes, self.params, ("x",), (self.last,))
        return Network(graph, self.shape, wire)


@dataclass(frozen=True)
class Network:
    """A float network, the shape of one input, and what comes over the wire."""

    graph: Graph
    shape: tuple[int, ...]
    wire: Wire

    def samples(self, count: int, seed: int) -> np.ndarray:
        """Random raw inputs (count, *shape)."""
        limits = np.iinfo(self.wire.numpy_dtype)
        rng = np.random.default_rng(seed)
        return rng.integers(limits.min, limits.max + 1, (count, *self.shape)).astype(self.wire.numpy_dtype)

    def prepared(self, **request: str) -> Prepared:
        """Calibrated on random inputs and lowered; ``request`` as Request, weights of 8 bits unless it says else."""
        calibration = (self.samples(CALIBRATION, 1),)
        loaded = LoadedModel(self.graph, (self.wire,), calibration, None, None, "0" * 64, "module")
        return prepare(loaded, Request(**{"weights": "int8", **request}))

    def without_zeros(self) -> Network:
        """The same network before it was pruned, as far as time and bytes go: every weight is something."""
        rng = np.random.default_rng(0)
        params = {
            key: np.where(value == 0, np.float32(rng.choice([-1, 1], value.shape) * np.abs(value).max() / 4), value)
            for key, value in self.graph.params.items()
        }
        return replace(self, graph=replace(self.graph, params=params))

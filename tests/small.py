"""Float graphs built by hand and what follows from them, for tests that need neither torch nor a model file."""

from __future__ import annotations

import numpy as np

from sparsecomp.frontend.loading import LoadedModel
from sparsecomp.graph import Graph, Node
from sparsecomp.lower import Options, lower
from sparsecomp.ops import operator
from sparsecomp.passes import simplify
from sparsecomp.program import Program
from sparsecomp.quantize import calibrate
from sparsecomp.wire import Wire


class Net:
    """A graph under construction; every method returns the name of the tensor that it computes."""

    def __init__(self, *shapes: tuple[int, ...], seed: int = 0) -> None:
        self.inputs = ("x",) if len(shapes) == 1 else tuple(f"x{i}" for i in range(len(shapes)))
        self.shapes = dict(zip(self.inputs, shapes, strict=True))
        self.params: dict[str, np.ndarray] = {}
        self.nodes: list[Node] = []
        self.rng = np.random.default_rng(seed)

    def add(self, op: str, *inputs: str, name: str = "", params: dict | None = None, **attrs) -> str:
        """Any operator; ``params`` are arrays by role, or keys of arrays that are there already."""
        name = name or f"{op}_{len(self.nodes)}"
        keys = {}
        for role, value in (params or {}).items():
            keys[role] = value if isinstance(value, str) else f"{name}.{role}"
            if not isinstance(value, str):
                self.params[keys[role]] = np.asarray(value, np.float32)
        node = Node(op, name, inputs, f"{name}_out", attrs, keys, f"net.py:{len(self.nodes) + 1}")
        self.shapes[node.output] = tuple(operator(op).shape(node, [self.shapes[t] for t in inputs], self.params))
        self.nodes.append(node)
        return node.output

    def conv(self, x: str, filters: int, kernel: int = 3, pad: int = 0, weight=None, bias=None, **options) -> str:
        """A convolution with random weights; ``bias`` None is random as well, False is none."""
        rank = len(self.shapes[x]) - 1
        groups = options.pop("groups", 1)
        shape = (filters, self.shapes[x][0] // groups, *[kernel] * rank)
        params = {"weight": self.rng.normal(size=shape) if weight is None else weight}
        if bias is not False:
            params["bias"] = self.rng.normal(size=filters) if bias is None else bias
        attrs = {"stride": (1,) * rank, "padding": ((pad, pad),) * rank, "dilation": (1,) * rank, "groups": groups}
        name = options.pop("name", "")
        return self.add("conv", x, name=name, params=params, **{**attrs, **options})

    def linear(self, x: str, outputs: int, weight=None, bias=None, name: str = "") -> str:
        """A linear layer with random weights; ``bias`` as for conv."""
        params = {"weight": self.rng.normal(size=(outputs, *self.shapes[x])) if weight is None else weight}
        if bias is not False:
            params["bias"] = self.rng.normal(size=outputs) if bias is None else bias
        return self.add("linear", x, name=name, params=params)

    def pool(self, x: str, kernel: int = 2, name: str = "") -> str:
        """Max-pooling in two dimensions."""
        pair = (kernel, kernel)
        return self.add(
            "max_pool", x, name=name, kernel=pair, stride=pair, padding=((0, 0), (0, 0)), dilation=(1, 1),
            ceil_mode=False,
        )  # fmt: skip

    def batch_norm(self, x: str, gain=None, name: str = "") -> str:
        """Batch-norm with random statistics; ``gain`` is its weight."""
        channels = self.shapes[x][0]
        params = {
            "weight": self.rng.uniform(0.3, 2, channels) if gain is None else gain,
            "bias": self.rng.normal(size=channels),
            "running_mean": self.rng.normal(size=channels),
            "running_var": self.rng.uniform(0.3, 2, channels),
        }
        return self.add("batch_norm", x, name=name, params=params, eps=1e-5, momentum=0.1)

    def flatten(self, x: str, name: str = "") -> str:
        """All elements in torch's order."""
        return self.add("reshape", x, name=name, shape=(int(np.prod(self.shapes[x])),))

    def graph(self, *outputs: str) -> Graph:
        """The finished network."""
        return Graph(tuple(self.nodes), self.shapes, self.params, self.inputs, outputs)


def samples(graph: Graph, count: int = 8, seed: int = 1) -> list[np.ndarray]:
    """Random float inputs (N, *shape)."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(count, *graph.shapes[name])).astype(np.float32) for name in graph.inputs]


def program(graph: Graph, data: list[np.ndarray] | None = None, **options) -> Program:
    """The graph in integers, calibrated on ``data`` or on random inputs."""
    graph, notes = simplify(graph)
    wires = (Wire(),) * len(graph.inputs)
    return lower(graph, wires, calibrate(graph, data or samples(graph)), Options(**options), notes)


def loaded(graph: Graph, data: list[np.ndarray] | None = None, labels: np.ndarray | None = None) -> LoadedModel:
    """The graph as if it came from a file, with its calibration data as samples."""
    data = tuple(data or samples(graph))
    return LoadedModel(graph, (Wire(),) * len(graph.inputs), data, data, labels, "0" * 64, "pt2")


def chain() -> Graph:
    """Convolution, rectifier, pooling, linear layer for (2, 8, 8)."""
    net = Net((2, 8, 8))
    x = net.pool(net.add("relu", net.conv("x", 4, pad=1)))
    return net.graph(net.linear(net.flatten(x), 5))


def residual() -> Graph:
    """Two branches that meet in a sum and in a concatenation, for (2, 6, 6)."""
    net = Net((2, 6, 6))
    a = net.conv("x", 4, pad=1)
    b = net.add("add", a, net.conv(a, 4, pad=1))
    c = net.add("concat", a, net.conv(b, 2, kernel=1), dim=0)
    return net.graph(net.linear(net.flatten(net.add("relu", c)), 3))

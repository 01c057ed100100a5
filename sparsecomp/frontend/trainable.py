"""Graph -> a network of torch.nn layers that can be trained again (a loaded export program cannot)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sparsecomp.errors import ConversionError
from sparsecomp.frontend.extra import Exit
from sparsecomp.graph import Graph, Node

_STATISTICS = ("running_mean", "running_var")


def to_module(graph: Graph, exits: Sequence[Exit] = ()) -> Any:
    """A torch.nn.Module that computes ``graph`` on tensors (N, *shape); several outputs come as a tuple, those of
    ``exits`` where these are given.

    Batch-norm keeps its statistics and momentum, dropout its probability, shared weights are one Parameter. Layers are
    attributes under the nodes' names; ``read_back`` takes trained values back. Raises ConversionError where torch has
    no such layer.
    """
    import torch

    class Rebuilt(torch.nn.Module):
        """The network of a Graph, layer by layer."""

        def __init__(self) -> None:
            super().__init__()
            self._exits = tuple(exits)
            # Plain values only, so that the network can be copied.
            self._steps: list[tuple[str, tuple[str, ...], str, Any, Any]] = []
            shared: dict[str, Any] = {}
            for node in graph.nodes:
                layer = _layer(torch, graph, node)
                if isinstance(layer, torch.nn.Module):
                    _load(torch, graph, node, layer, shared)
                    self.add_module(node.name, layer)
                pads = node.attrs["padding"] if node.op == "conv" and _asymmetric(node) else None
                function = None if isinstance(layer, torch.nn.Module) else layer
                self._steps.append((node.name, node.inputs, node.output, pads, function))

        def forward(self, *inputs: Any) -> Any:
            values = dict(zip(graph.inputs, inputs, strict=True))
            for name, sources, output, pads, function in self._steps:
                arguments = [values[source] for source in sources] or [inputs[0]]  # one that reads none: the batch
                if pads is not None:
                    arguments = [_pad(torch, arguments[0], pads)]
                values[output] = (function or self.get_submodule(name))(*arguments)
            outputs = tuple(values[name] for name in graph.outputs)
            return outputs[0] if len(outputs) == 1 else outputs

        def exit_records(self) -> tuple[Exit, ...]:
            """Names and temperatures of the exits, as an archive keeps them."""
            return self._exits

        @property
        def temperatures(self) -> tuple[float, ...]:
            return tuple(leaving.temperature for leaving in self._exits)

        @temperatures.setter
        def temperatures(self, values: Sequence[float | None]) -> None:
            pairs = zip(self._exits, values, strict=bool(self._exits))
            self._exits = tuple(replace(leaving, temperature=t or leaving.temperature) for leaving, t in pairs)

    return Rebuilt()


def read_back(graph: Graph, module: Any) -> Graph:
    """``graph`` with the parameters and statistics that ``module`` (from ``to_module``) has now."""
    params: dict[str, np.ndarray] = dict(graph.params)
    for node in graph.nodes:
        if node.params:
            layer = module.get_submodule(node.name)
            for role, key in node.params.items():
                params[key] = getattr(layer, role).detach().cpu().numpy().astype(np.float32).copy()
    return replace(graph, params=params)


def _load(torch: Any, graph: Graph, node: Node, layer: Any, shared: dict[str, Any]) -> None:
    for role, key in node.params.items():
        if key not in shared:
            value = torch.from_numpy(np.array(graph.params[key], np.float32))
            shared[key] = value if role in _STATISTICS else torch.nn.Parameter(value)
        if role in _STATISTICS:
            layer.register_buffer(role, shared[key])
        else:
            layer.register_parameter(role, shared[key])


def _asymmetric(node: Node) -> bool:
    return any(low != high for low, high in node.attrs["padding"])


def _pad(torch: Any, x: Any, pads: Any, value: float = 0.0) -> Any:
    flat = [n for pair in reversed(tuple(pads)) for n in pair]  # torch counts from the last dimension
    return torch.nn.functional.pad(x, flat, value=value)


def _sizes(node: Node) -> tuple[int, ...]:
    if _asymmetric(node):
        raise ConversionError(
            f"{node.describe()} pads its two sides differently, which torch's pooling cannot",
            "put a constant pad in front of it",
        )
    return tuple(low for low, _ in node.attrs["padding"])


def _layer(torch: Any, graph: Graph, node: Node) -> Any:
    """A torch.nn layer (its parameters still to be loaded), or a function where torch has no layer."""
    nn, a = torch.nn, node.attrs
    shape = graph.shapes[node.inputs[0] if node.inputs else node.output]
    rank = len(shape) - 1
    if node.op == "conv":
        weight = graph.params[node.params["weight"]]
        padding = 0 if _asymmetric(node) else tuple(low for low, _ in a["padding"])
        return (nn.Conv1d, nn.Conv2d)[rank - 1](
            weight.shape[1] * a["groups"],
            weight.shape[0],
            weight.shape[2:],
            a["stride"],
            padding,
            a["dilation"],
            a["groups"],
            bias="bias" in node.params,
        )
    if node.op == "linear":
        rows, columns = graph.params[node.params["weight"]].shape
        return nn.Linear(columns, rows, bias="bias" in node.params)
    if node.op == "batch_norm":
        layer = (nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d)[rank]
        return layer(shape[0], a["eps"], a["momentum"], affine="weight" in node.params)
    if node.op == "max_pool":
        layer = (nn.MaxPool1d, nn.MaxPool2d)[rank - 1]
        return layer(*_plain(a["kernel"], a["stride"], _sizes(node), a["dilation"]), ceil_mode=a["ceil_mode"])
    if node.op == "avg_pool":
        arguments = _plain(a["kernel"], a["stride"], _sizes(node))
        if rank == 2:
            return nn.AvgPool2d(*arguments, a["ceil_mode"], a["count_include_pad"], a["divisor"])
        return nn.AvgPool1d(*arguments, a["ceil_mode"], a["count_include_pad"])
    if node.op == "adaptive_avg_pool":
        return (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)[rank - 1](*_plain(a["output_size"]))
    simple: Mapping[str, Any] = {
        "relu": nn.ReLU,
        "sigmoid": nn.Sigmoid,
        "tanh": nn.Tanh,
        "hardswish": nn.Hardswish,
        "leaky_relu": lambda: nn.LeakyReLU(a["negative_slope"]),
        "softmax": lambda: nn.Softmax(a["dim"] + 1),
        "log_softmax": lambda: nn.LogSoftmax(a["dim"] + 1),
        "dropout": lambda: nn.Dropout(a["p"]),
    }
    if node.op in simple:
        return simple[node.op]()
    functions: Mapping[str, Any] = {
        "clip": lambda x: torch.clamp(x, a["min"], a["max"]),
        "mean": lambda x: x.mean(dim=[d + 1 for d in a["dims"]], keepdim=a["keepdim"]),
        "reshape": lambda x: x.reshape(x.shape[0], *a["shape"]),
        "add": lambda x, y: x + y,
        "concat": lambda *xs: torch.cat(xs, dim=a["dim"] + 1),
        "pad": lambda x: _pad(torch, x, a["pads"], a["value"]),
        "upsample": lambda x: torch.nn.functional.interpolate(x, scale_factor=[float(s) for s in a["scale"]]),
        "zeros": lambda x: x.new_zeros(len(x), *a["shape"]),
        "max_pool_channels": lambda x: _pool_channels(torch, x, a),
    }
    if node.op not in functions:
        raise ConversionError(f"{node.describe()} has no torch.nn layer", "train before this operator is introduced")
    return functions[node.op]


def _pool_channels(torch: Any, x: Any, attrs: Mapping[str, Any]) -> Any:
    """Channels become the last dimension of what max_pool1d reads."""
    flat = x.reshape(*x.shape[:2], -1).transpose(1, 2)
    found = torch.nn.functional.max_pool1d(flat, *(attrs[k] for k in ("kernel", "stride", "padding", "dilation")),
                                           ceil_mode=attrs["ceil_mode"])  # fmt: skip
    return found.transpose(1, 2).reshape(len(x), -1, *x.shape[2:])


def _plain(*values: tuple[int, ...]) -> list[Any]:
    """Tuples of length one as plain numbers, the way torch's 1-D layers like them."""
    return [value[0] if len(value) == 1 else value for value in values]

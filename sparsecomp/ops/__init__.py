"""The operators of the float graph, one module each; a new operator is one new file here.

A module gives ``ATTRS`` (the attribute names), ``shape(node, shapes, params)`` (batchless output shape from those of
the inputs; raises ConversionError), ``run(node, inputs, params)`` (float32 arrays with a batch axis) and
``lower(node, build)`` (its tensors and steps, on a ``sparsecomp.builder.Builder``), which only what the passes drop can
do without. Where it multiplies it gives ``macs(node, shapes, params)``, where the operator before can compute it as a
clamp ``bounds(node)``, where it reads around its input ``halo(node)``. Modules with an underscore are what several
operators share.

==================  ==================================================================================
operator            attributes (``shape`` and ``dim`` without batch) and parameters
==================  ==================================================================================
conv                stride, padding ((low, high) a spatial dim), dilation, groups; weight, bias
linear              weight, bias
max_pool            kernel, stride, padding, dilation, ceil_mode
avg_pool            kernel, stride, padding, ceil_mode, count_include_pad, divisor
adaptive_avg_pool   output_size
mean                dims, keepdim
batch_norm          eps, momentum; weight, bias, running_mean, running_var
relu, sigmoid, tanh, hardswish
clip                min, max
leaky_relu          negative_slope
softmax, log_softmax  dim
dropout             p
reshape             shape
add                 two tensors of one shape
concat              dim
pad                 pads ((low, high) a dim), value
upsample            scale (a whole factor a spatial dim)
max_pool_channels   kernel, stride, padding, dilation (numbers), ceil_mode
zeros               shape; no input
==================  ==================================================================================
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from sparsecomp.errors import ConversionError

if TYPE_CHECKING:
    from sparsecomp.graph import Graph, Node

SUPPORTED = tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")))


def operator(name: str) -> ModuleType:
    """The module of one operator; ConversionError names what is supported."""
    if name not in SUPPORTED:
        raise ConversionError(f"operator '{name}' is not supported", "supported: " + ", ".join(SUPPORTED))
    return importlib.import_module(f"sparsecomp.ops.{name}")


def check_shapes(graph: Graph) -> None:
    """Holds every declared shape against the operator's own rule."""
    for node in graph.nodes:
        module = operator(node.op)
        if set(node.attrs) != set(module.ATTRS):
            raise ConversionError(
                f"{node.describe()} has attributes {sorted(node.attrs)}, wants {sorted(module.ATTRS)}"
            )
        shape = module.shape(node, [graph.shapes[t] for t in node.inputs], graph.params)
        if tuple(shape) != tuple(graph.shapes[node.output]):
            raise ConversionError(f"{node.describe()} gives {tuple(shape)}, not {graph.shapes[node.output]}")


def macs(graph: Graph, node: Node) -> int:
    """Multiply-accumulates of one inference, as if all weights were there."""
    count = getattr(operator(node.op), "macs", None)
    return int(count(node, graph.shapes, graph.params)) if count else 0


def run_float(graph: Graph, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Every tensor of the float network for a batch: ``inputs`` are float32 arrays (N, *shape), one an input."""
    values = {
        name: np.asarray(x, np.float32).reshape(len(x), *graph.shapes[name])
        for name, x in zip(graph.inputs, inputs, strict=True)
    }
    for node in graph.nodes:
        found = operator(node.op).run(node, [values[t] for t in node.inputs], graph.params)
        values[node.output] = found if node.inputs else np.repeat(found, len(inputs[0]), axis=0)
    return values

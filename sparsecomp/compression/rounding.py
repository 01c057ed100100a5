"""int8 in the loop: weights as the device will have them, during training and for good at its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from sparsecomp.arithmetic import round_half_up
from sparsecomp.compression.layers import Layer, tensors_of
from sparsecomp.compression.measures import Lowering
from sparsecomp.graph import Graph
from sparsecomp.lower import lower
from sparsecomp.passes import simplify

LEVELS = 127


def gain(layer: Layer, tensors: dict[str, Tensor]) -> Tensor | None:
    """What folding the batch-norm behind ``layer`` multiplies its filters by, (filters,); None without one."""
    if layer.norm is None:
        return None
    scale = (tensors[layer.norm.variance] + layer.norm.eps).rsqrt()
    return scale if layer.norm.weight is None else scale * tensors[layer.norm.weight]


def rounded(weight: Tensor, gain: Tensor | None = None) -> Tensor:
    """``weight`` (filters, ...) at the nearest of 255 steps of one scale for the layer, its batch-norm folded in."""
    factor = 1.0 if gain is None else gain.reshape(-1, *[1] * (weight.dim() - 1))
    folded = weight * factor
    step = folded.abs().max() / LEVELS
    safe = torch.where(step > 0, step, torch.ones_like(step))
    rounded = (folded / safe).round() * safe
    if gain is None:
        return rounded
    return torch.where(factor.abs() > 0, rounded / torch.where(factor == 0, 1.0, factor), weight)


@contextmanager
def rounded_weights(model: torch.nn.Module, layers: Sequence[Layer]) -> Iterator[None]:
    """Within, the network has rounded weights. Gradients then are those of the rounded weights, and are applied to the
    exact ones: the straight-through estimator (Bengio et al., 2013).
    """
    tensors = tensors_of(model)
    exact = []
    with torch.no_grad():
        for layer in layers:
            weight = tensors[layer.weight]
            exact.append(weight.clone())
            weight.copy_(rounded(weight, gain(layer, tensors)))
    try:
        yield
    finally:
        with torch.no_grad():
            for layer, value in zip(layers, exact, strict=True):
                tensors[layer.weight].copy_(value)


@torch.no_grad()
def settle(model: torch.nn.Module, graph: Graph, layers: Sequence[Layer], lowering: Lowering) -> None:
    """Moves weights and biases, in place, to the very values that the device will have: lowering finds them again.

    ``lowering`` is narrow: one multiplier a layer, one byte a bias. Where a batch-norm was folded in, weights are taken
    back through its gain and the bias through its offset.
    """
    unpruned, _ = simplify(graph, same_shapes=True)
    program = lower(unpruned, lowering.wires, lowering.fractions, lowering.options)
    steps = {step.source.split("+")[0]: step for step in program.steps if step.kernel == "mac"}
    tensors = tensors_of(model)
    for layer in layers:
        node, step = unpruned.node(layer.nodes[0]), steps[layer.nodes[0]]
        fraction_in = program.tensors[step.inputs[0]].fraction
        fraction_out = program.tensors[step.output].fraction
        scale = step.attrs["multiplier"].astype(np.float64) * 2.0 ** (fraction_in - fraction_out - step.attrs["shift"])
        _settle_layer(layer, tensors, unpruned, node, float(scale[0]), _bias(step, scale * 2.0**-fraction_in))


def _bias(step, unit: np.ndarray) -> np.ndarray:
    """Biases in float as the device will have them, (filters,)."""
    bias = step.attrs["bias"]
    count = len(step.attrs["matrix"])
    return np.zeros(count) if bias is None else bias.astype(np.float64) * 2.0 ** step.attrs["bias_shift"] * unit


def _settle_layer(layer: Layer, tensors, graph: Graph, node, scale: float, bias: np.ndarray) -> None:
    weight = tensors[layer.weight]
    folded = graph.param(node, "weight").astype(np.float64)
    values = np.clip(round_half_up(folded / scale), -LEVELS, LEVELS) * scale
    factor = gain(layer, tensors)
    own = node.params["weight"] == layer.weight
    if factor is not None and not own:
        back = factor.double().cpu().numpy().reshape(-1, *[1] * (values.ndim - 1))
        values = np.divide(values, back, out=weight.double().cpu().numpy().copy(), where=back != 0)
    elif not own:
        return  # folded in a way that has no way back: stays as trained
    weight.copy_(torch.from_numpy(values).to(weight))
    if own and layer.bias is not None:
        tensors[layer.bias].copy_(torch.from_numpy(bias).to(weight))
    elif factor is not None and layer.norm is not None and layer.norm.bias is not None:
        shift = -tensors[layer.norm.mean] if layer.bias is None else tensors[layer.bias] - tensors[layer.norm.mean]
        offset = torch.from_numpy(bias).to(weight) - shift * factor
        tensors[layer.norm.bias].copy_(offset)

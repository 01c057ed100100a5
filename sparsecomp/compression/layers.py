"""The layers of a network that can be compressed, found in its traced graph, so that none is too deeply nested."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import torch

from sparsecomp.errors import InputError
from sparsecomp.frontend.aten import to_graph
from sparsecomp.frontend.capture import capture, cumulative
from sparsecomp.frontend.pt2 import read_program
from sparsecomp.graph import Graph

COMPRESSIBLE = ("conv", "linear")


@dataclass(frozen=True)
class Norm:
    """The batch-norm behind a layer: names of its gain, offset, mean and variance in the network; its epsilon."""

    weight: str | None
    bias: str | None
    mean: str
    variance: str
    eps: float


@dataclass(frozen=True)
class Layer:
    """A convolution or linear layer: the ``nodes`` that compute it (several where it is shared), its parameters' names
    in the network, and the batch-norm that reads it alone.
    """

    name: str
    nodes: tuple[str, ...]
    weight: str
    bias: str | None
    norm: Norm | None


def trace(model: torch.nn.Module, example: tuple[torch.Tensor, ...] | torch.Tensor) -> Graph:
    """The float graph of a network; its parameters are named as in ``state_dict``."""
    if any(p.device.type != "cpu" for p in model.parameters()):
        model, example = copy.deepcopy(model).to("cpu"), tuple(x.cpu() for x in example)
    return to_graph(read_program(capture(model, example)), cumulative(model))


def find_layers(graph: Graph, model: torch.nn.Module) -> tuple[Layer, ...]:
    """Every convolution and linear layer whose weight is a parameter of ``model``, each weight once.

    Raises InputError where there is none.
    """
    tensors = tensors_of(model)
    found: dict[str, Layer] = {}
    for node in graph.nodes:
        key = node.params.get("weight")
        if node.op not in COMPRESSIBLE or key not in tensors:
            continue
        if key in found:
            first = found[key]
            found[key] = Layer(first.name, (*first.nodes, node.name), key, first.bias, None)
        else:
            found[key] = Layer(node.name, (node.name,), key, node.params.get("bias"), _norm(graph, node))
    if not found:
        raise InputError("the network has no convolution or linear layer to compress", "give a trained network")
    return tuple(found.values())


def tensors_of(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and buffers of a network by every name that they have."""
    return dict(model.named_parameters(remove_duplicate=False)) | dict(model.named_buffers(remove_duplicate=False))


def _norm(graph: Graph, node) -> Norm | None:
    readers = graph.consumers(node.output)
    if len(readers) != 1 or readers[0].op != "batch_norm" or node.output in graph.outputs:
        return None
    p = readers[0].params
    shared = [n for n in graph.nodes if n.op == "batch_norm" and n.params["running_mean"] == p["running_mean"]]
    if len(shared) != 1:
        return None
    return Norm(p.get("weight"), p.get("bias"), p["running_mean"], p["running_var"], readers[0].attrs["eps"])


def current(graph: Graph, model: torch.nn.Module) -> Graph:
    """``graph`` with the values that the network's parameters have now."""
    tensors = tensors_of(model)
    missing = [key for key in graph.params if key not in tensors]
    if missing:
        raise InputError(f"the network no longer has the parameter '{missing[0]}'", "do not change it meanwhile")
    return replace(graph, params={key: tensors[key].detach().cpu().numpy() for key in graph.params})

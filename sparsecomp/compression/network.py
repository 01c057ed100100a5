"""A network under compression: the user's module, its graph, and where each layer may have weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from sparsecomp.compression.layers import Layer, find_layers, tensors_of, trace
from sparsecomp.compression.projection import Support
from sparsecomp.graph import Graph

Masks = Mapping[str, Tensor]  # by the layer's name, as its weight


class Network:
    """The module with its layers. ``supports`` says where each layer's weights may be; a filter of which nothing is
    allowed is removed: its bias and the batch-norm behind it stay at zero.
    """

    def __init__(self, model: torch.nn.Module, example: object) -> None:
        self.model, self.example = model, example
        self.retrace()
        self.supports = {layer.name: Support.full(self.weight(layer)) for layer in self.layers}

    def retrace(self) -> None:
        """Looks at the module again after its layers were replaced."""
        self.graph: Graph = trace(self.model, self.example)
        self.layers: tuple[Layer, ...] = find_layers(self.graph, self.model)
        self.supports: dict[str, Support] = {}

    def weight(self, layer: Layer) -> Tensor:
        """The layer's weight, (filters, ...)."""
        return tensors_of(self.model)[layer.weight]

    def weights(self) -> list[Tensor]:
        """The weights of all layers, in order."""
        tensors = tensors_of(self.model)
        return [tensors[layer.weight] for layer in self.layers]

    def masks(self) -> dict[str, Tensor]:
        """Where each layer has weights now."""
        return {name: support.mask for name, support in self.supports.items()}

    def project(self, frozen: bool) -> None:
        """Zeroes, in place, all that the supports do not hold."""
        tensors = tensors_of(self.model)
        with torch.no_grad():
            for layer in self.layers:
                support = self.supports[layer.name]
                support.project(tensors[layer.weight], frozen)
                alive = support.filters
                if alive is not None:
                    for key in belongings(layer):
                        tensors[key].mul_(alive)

    def current(self, masks: Masks | None = None) -> Graph:
        """The graph with the module's values now, pruned to ``masks`` (default: the supports' own)."""
        return self.snapshot().graph(masks or self.masks())

    def snapshot(self) -> Snapshot:
        """The module's values now, from which many pruned graphs are made."""
        tensors = tensors_of(self.model)
        params = {key: tensors[key].detach().cpu().numpy().copy() for key in self.graph.params}
        return Snapshot(replace(self.graph, params=params), self.layers)

    def structure(self) -> Snapshot:
        """The same with a weight at every place, to ask what the places would cost that supports allow."""
        params = dict(self.graph.params)
        for layer in self.layers:
            params[layer.weight] = np.ones_like(params[layer.weight])
        return Snapshot(replace(self.graph, params=params), self.layers)


class Snapshot:
    """A network's values at one moment, to ask what it would cost with some of them pruned."""

    def __init__(self, graph: Graph, layers: tuple[Layer, ...]) -> None:
        self._graph, self._layers = graph, layers

    def graph(self, masks: Masks, filters: Mapping[str, np.ndarray] | None = None) -> Graph:
        """The graph pruned to ``masks``, and without the filters that ``filters`` (layer: (filters,) bool) leaves."""
        params = dict(self._graph.params)
        for layer in self._layers:
            mask = masks[layer.name].cpu().numpy()
            params[layer.weight] = params[layer.weight] * mask
            alive = None if filters is None else filters.get(layer.name)
            if alive is not None:
                params[layer.weight] *= alive.reshape(-1, *[1] * (mask.ndim - 1))
                for key in belongings(layer):
                    params[key] = params[key] * alive
        return replace(self._graph, params=params)


def belongings(layer: Layer) -> list[str]:
    """Names of the parameters that go with a filter when it is removed."""
    norm = (layer.norm.weight, layer.norm.bias) if layer.norm else ()
    return [key for key in (layer.bias, *norm) if key is not None]

"""The float intermediate representation: tensors, operators, graph. Frozen, and validated when it is built.

Shapes are torch's without the batch: ``(C, H, W)``, ``(C, L)`` or ``(F,)``. Parameters are float32 arrays in torch's
layout. Operators are named in torch's terms; ``sparsecomp.ops`` holds one module for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from sparsecomp.errors import ConversionError, InputError
from sparsecomp.ops import check_shapes


@dataclass(frozen=True)
class Node:
    """One operator.

    ``params`` maps a role ("weight") to a key of ``Graph.params``, so that shared weights stay shared. ``where`` is
    the user's source line (``net.py:12``) or module path, for messages only.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    output: str
    attrs: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    where: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "attrs", MappingProxyType(dict(self.attrs)))
        object.__setattr__(self, "params", MappingProxyType(dict(self.params)))

    def describe(self) -> str:
        """The operator with its name and source line, as messages show it."""
        return f"{self.op} '{self.name}'" + (f" ({self.where})" if self.where else "")


@dataclass(frozen=True)
class Graph:
    """A network in execution order.

    ``shapes`` gives the shape of every tensor; ``inputs`` and ``outputs`` are tensor names. Raises ConversionError
    where the parts do not agree, InputError where a parameter is not finite.
    """

    nodes: tuple[Node, ...]
    shapes: Mapping[str, tuple[int, ...]]
    params: Mapping[str, np.ndarray]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in ("shapes", "params"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        self._check_wiring()
        self._check_params()
        check_shapes(self)

    def _check_wiring(self) -> None:
        if not self.inputs or not self.outputs:
            raise ConversionError("the network has no input or no output")
        known = set(self.inputs)
        names: set[str] = set()
        for node in self.nodes:
            missing = [t for t in node.inputs if t not in known]
            if missing:
                raise ConversionError(f"{node.describe()} reads '{missing[0]}' before anything has computed it")
            if node.output in known:
                raise ConversionError(f"{node.describe()} writes '{node.output}' a second time")
            if node.name in names:
                raise ConversionError(f"two operators are named '{node.name}'")
            known.add(node.output)
            names.add(node.name)
        for tensor in self.outputs:
            if tensor not in known:
                raise ConversionError(f"the output '{tensor}' is never computed")
        for tensor in known:
            shape = self.shapes.get(tensor)
            if shape is None or not all(isinstance(n, int) and n > 0 for n in shape):
                raise ConversionError(f"tensor '{tensor}' has no usable shape: {shape}")

    def _check_params(self) -> None:
        for node in self.nodes:
            for role, key in node.params.items():
                if key not in self.params:
                    raise ConversionError(f"{node.describe()} has no parameter '{key}' for its {role}")
        for key, value in self.params.items():
            if not np.isfinite(value).all():
                bad = int(value.size - np.isfinite(value).sum())
                raise InputError(
                    f"parameter '{key}' holds {bad} value(s) that are NaN or infinite",
                    "the training has diverged: train again with a lower learning rate, or load an earlier checkpoint",
                )

    def consumers(self, tensor: str) -> tuple[Node, ...]:
        """The operators that read ``tensor``."""
        return tuple(node for node in self.nodes if tensor in node.inputs)

    def node(self, name: str) -> Node:
        """The operator of that name."""
        return next(node for node in self.nodes if node.name == name)

    def producer(self, tensor: str) -> Node | None:
        """The operator that computes ``tensor``; None for an input of the network."""
        return next((node for node in self.nodes if node.output == tensor), None)

    def param(self, node: Node, role: str) -> np.ndarray | None:
        """The parameter in ``role``, or None where the operator has none (a layer without bias)."""
        key = node.params.get(role)
        return None if key is None else self.params[key]

    def without(self, node: Node) -> Graph:
        """The same network without ``node``: whoever read its output reads its first input."""
        old, new = node.output, node.inputs[0]
        kept = (n for n in self.nodes if n.name != node.name)
        nodes = tuple(replace(n, inputs=tuple(new if t == old else t for t in n.inputs)) for n in kept)
        return self.with_nodes(nodes, outputs=tuple(new if t == old else t for t in self.outputs))

    def with_nodes(self, nodes: tuple[Node, ...], **changes: Any) -> Graph:
        """The same network with other operators; shapes of vanished tensors are dropped."""
        kept = set(self.inputs) | {node.output for node in nodes}
        shapes = {name: shape for name, shape in {**self.shapes, **changes.pop("shapes", {})}.items() if name in kept}
        return replace(self, nodes=nodes, shapes=shapes, **changes)

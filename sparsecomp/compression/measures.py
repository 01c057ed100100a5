"""What a network costs, as a number that compression brings below a target.

Each measure is a function of the float graph with its pruned weights at zero. Bytes are those of the device's FRAM:
the graph is simplified, lowered and encoded as deploying it would, so there is no second size accounting to drift.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sparsecomp.boards import Board
from sparsecomp.builder import Options
from sparsecomp.graph import Graph
from sparsecomp.lower import lower
from sparsecomp.passes import simplify
from sparsecomp.plan.buffers import live_buffers, live_words
from sparsecomp.plan.planner import fixed_bytes
from sparsecomp.plan.sizes import constant_bytes
from sparsecomp.plan.units import step_cycles
from sparsecomp.program import Program
from sparsecomp.wire import Wire

KB = 1000  # as published


def named_exits(network: Any, outputs: int) -> tuple[tuple[str, float], ...]:
    """The exits of a network of so many outputs, for ``Options``; none where it says of none (``exit_records``)."""
    records = getattr(network, "exit_records", None)
    found = records() if callable(records) and outputs > 1 else ()
    return tuple((leaving.name, leaving.temperature) for leaving in found)


@dataclass(frozen=True)
class Lowering:
    """How a graph becomes a program: wires of the inputs, exponents of all tensors, options."""

    wires: tuple[Wire, ...]
    fractions: Mapping[str, int]
    options: Options

    def program(self, graph: Graph) -> Program:
        """The integer program of a float graph."""
        simple, _ = simplify(graph)
        return lower(simple, self.wires, self.fractions, self.options)

    def cycles(self, graph: Graph, board: Board) -> float:
        """Estimated CPU cycles of an inference."""
        program = self.program(graph)
        return float(sum(step_cycles(program, step, board) for step in program.steps))


@dataclass(frozen=True)
class EncodedBytes:
    """Bytes of values, indices, pointers, scales and biases under the encoding that deploying chooses."""

    lowering: Lowering
    unit = "bytes"

    def __call__(self, graph: Graph) -> float:
        return float(sum(constant_bytes(self.lowering.program(graph))))

    def dense(self, graph: Graph) -> float:
        """The same with every weight of the remaining filters stored."""
        options = replace(self.lowering.options, encoding="dense")
        return EncodedBytes(replace(self.lowering, options=options))(graph)


@dataclass(frozen=True)
class BoardBytes:
    """Bytes of the board's FRAM: constants, feature maps alive at once, input and progress, code as estimated."""

    lowering: Lowering
    board: Board
    volatile_input: bool = False
    unit = "bytes of the board's FRAM"

    def __call__(self, graph: Graph) -> float:
        program = self.lowering.program(graph)
        return float(sum(constant_bytes(program)) + self._others(program))

    def dense(self, graph: Graph) -> float:
        """The same with every weight of the remaining filters stored."""
        options = replace(self.lowering.options, encoding="dense")
        return BoardBytes(replace(self.lowering, options=options), self.board, self.volatile_input)(graph)

    def _others(self, program: Program) -> int:
        buffers, _, words = live_buffers(program, self.volatile_input)
        return 2 * live_words(buffers)[0] + fixed_bytes(program, self.board, words, self.volatile_input)


@dataclass(frozen=True)
class Nonzeros:
    """Non-zero weights of the layers that are compressed (names of their parameters), for a target in sparsity."""

    weights: tuple[str, ...]
    unit = "non-zero weights"

    def __call__(self, graph: Graph) -> float:
        return float(sum(np.count_nonzero(graph.params[key]) for key in self.weights))

    def dense(self, graph: Graph) -> float:
        """Weights of filters that are not empty."""
        rows = (graph.params[key].reshape(len(graph.params[key]), -1) for key in self.weights)
        return float(sum(r.any(axis=1).sum() * r.shape[1] for r in rows))


@dataclass(frozen=True)
class OriginBytes:
    """The published accounting: 8 bytes a float non-zero, at most 4 a weight; pointers of sparse layers; all buffers.

    ``layers`` are (weight, bias or None) by name in the network; ``others`` the bytes of everything else.
    """

    layers: tuple[tuple[str, str | None], ...]
    others: int
    unit = "bytes (published accounting)"

    def __call__(self, graph: Graph) -> float:
        return float(self.others + sum(origin_layer_bytes(graph, *layer) for layer in self.layers))

    def dense(self, graph: Graph) -> float:
        """Four bytes for each weight of filters that are not empty."""
        rows = (graph.params[key].reshape(len(graph.params[key]), -1) for key, _ in self.layers)
        return float(self.others + sum(4 * r.any(axis=1).sum() * r.shape[1] for r in rows))


def origin_layer_bytes(graph: Graph, weight: str, bias: str | None) -> int:
    """Bytes of one layer in the published accounting."""
    values = graph.params[weight]
    density = np.count_nonzero(values) / values.size
    size = values.size * 4 * min(1.0, 2 * density)
    size += 0 if bias is None else 4 * graph.params[bias].size
    if density <= 0.5:
        size += 4 * (len(values) if values.ndim > 2 else values.shape[1] + 1)
    return int(size)


Measure = EncodedBytes | BoardBytes | Nonzeros | OriginBytes

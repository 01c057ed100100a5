"""What is to be reached: a target with its measure, and the exponents that bytes are counted with."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sparsecomp.boards import Board
from sparsecomp.builder import Options
from sparsecomp.compression.channels import Cost
from sparsecomp.compression.feeding import Feed
from sparsecomp.compression.layers import tensors_of
from sparsecomp.compression.measures import (
    BoardBytes,
    EncodedBytes,
    Lowering,
    Measure,
    Nonzeros,
    OriginBytes,
    origin_layer_bytes,
)
from sparsecomp.compression.method import Method
from sparsecomp.compression.network import Network
from sparsecomp.errors import InputError
from sparsecomp.plan.planner import make_plan
from sparsecomp.plan.sizes import constant_bytes
from sparsecomp.quantize import MAX_SAMPLES, calibrate
from sparsecomp.wire import Wire


@dataclass(frozen=True)
class Goal:
    """``target`` in the unit of ``kind``: encoded bytes, bytes of a board's FRAM, non-zero weights, published bytes.

    ``board`` is for 'board', and tells what cycles cost. ``fast``: all steps at once, then one training. ``exits`` as
    in ``Options`` of the Builder.
    """

    kind: str
    target: float
    wires: tuple[Wire, ...]
    board: Board
    encoding: str = "auto"
    narrow: bool = True
    fast: bool = False
    volatile_input: bool = False
    exits: tuple[tuple[str, float], ...] = ()

    def fractions(self, network: Network, train: Feed) -> dict[str, int]:
        """Exponents of all tensors from training samples, as deploying would choose them."""
        return calibrate(network.current(), calibration(train))

    def lowering(self, fractions: dict[str, int], *, exact: bool = False) -> Lowering:
        """With the numbers that training aims at, or ``exact`` as deploying does it."""
        options = Options("int8", self.encoding, 8, self.narrow and not exact, exits=self.exits)
        return Lowering(self.wires, fractions, options)

    def measure(self, network: Network, fractions: dict[str, int], *, exact: bool = False) -> Measure:
        """The measure, as a function of the pruned graph; ``exact`` as in ``lowering``."""
        if self.kind == "sparsity":
            return Nonzeros(tuple(layer.weight for layer in network.layers))
        if self.kind == "origin":
            return self._origin(network)
        lowering = self.lowering(fractions, exact=exact)
        if self.kind == "board":
            return BoardBytes(lowering, self.board, self.volatile_input)
        return EncodedBytes(lowering)

    def final(self, network: Network, train: Feed) -> float:
        """The same of the final weights, lowered as deploying does it; a board's plan is really made."""
        fractions = self.fractions(network, train)
        if self.kind in ("sparsity", "origin"):
            return self.measure(network, fractions)(network.current())
        lowering = self.lowering(fractions, exact=True)
        if self.kind == "bytes":
            return EncodedBytes(lowering)(network.current())
        program = lowering.program(network.current())
        return float(make_plan(program, self.board, volatile_input=self.volatile_input).fram_bytes)

    def nbytes(self, network: Network, train: Feed) -> tuple[int, dict[str, int]]:
        """Encoded bytes of the final weights, in all and by layer."""
        program = self.lowering(self.fractions(network, train), exact=True).program(network.current())
        sizes = constant_bytes(program)
        by_node: dict[str, int] = {}
        for step, size in zip(program.steps, sizes, strict=True):
            if step.kernel == "mac":
                name = step.source.split("+")[0]
                by_node[name] = by_node.get(name, 0) + size
        return sum(sizes), {layer.name: sum(by_node.get(n, 0) for n in layer.nodes) for layer in network.layers}

    def price(self, measure: Measure, method: Method) -> Cost | None:
        """What a removed filter is weighed by, None for nothing."""
        if method.price == "none":
            return None
        if method.price == "bytes":
            return measure.dense
        if not isinstance(measure, EncodedBytes | BoardBytes):
            raise InputError("price='cycles' needs a target in bytes", "give target= or board=")
        dense = replace(measure.lowering, options=replace(measure.lowering.options, encoding="dense"))
        return lambda graph: dense.cycles(graph, self.board)

    def layer_sizes(self, network: Network) -> dict[str, float]:
        """Bytes of each layer at four a weight or eight a non-zero one, for picking the largest (as published)."""
        graph = network.current()
        return {layer.name: float(origin_layer_bytes(graph, layer.weight, layer.bias)) for layer in network.layers}

    def _origin(self, network: Network) -> OriginBytes:
        layers = tuple((layer.weight, layer.bias) for layer in network.layers)
        named = {key for pair in layers for key in pair if key}
        seen, others = set(), 0
        for key, tensor in tensors_of(network.model).items():
            if key not in named and id(tensor) not in seen:
                seen.add(id(tensor))
                others += tensor.numel() * tensor.element_size()
        return OriginBytes(layers, others)


def calibration(train: Feed) -> list[np.ndarray]:
    """Training samples that exponents are chosen on, float32, one array an input."""
    return [x.detach().cpu().numpy().astype(np.float32) for x in train.fixed(MAX_SAMPLES)]

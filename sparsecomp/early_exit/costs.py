"""What a network with exits costs on a board: encoded bytes, and estimated cycles up to each answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from sparsecomp.boards import Board
from sparsecomp.builder import Options
from sparsecomp.compression.layers import trace
from sparsecomp.compression.measures import Lowering, named_exits
from sparsecomp.plan.planner import make_plan
from sparsecomp.plan.sizes import constant_bytes
from sparsecomp.plan.units import layer_cycles
from sparsecomp.program import Program
from sparsecomp.quantize import calibrate
from sparsecomp.wire import Wire


@dataclass(frozen=True)
class Costs:
    """Encoded bytes of the whole; and for each answer the estimated cycles until it is there: with every answer before
    it given as well, alone, and the part of those alone that the whole network needs anyway.
    """

    nbytes: int
    cycles: tuple[int, ...]
    alone: tuple[int, ...]
    shared: tuple[int, ...]


def program_of(network: nn.Module, calibration: np.ndarray, wire: Wire) -> Program:
    """The integer program of a network, exponents chosen on ``calibration`` (N, *shape) float32."""
    graph = trace(network, torch.from_numpy(calibration[:1]))
    options = Options(exits=named_exits(network, len(graph.outputs)))
    return Lowering((wire,), calibrate(graph, [calibration]), options).program(graph)


def nbytes(network: nn.Module, calibration: np.ndarray, wire: Wire) -> int:
    """Encoded bytes of a network's constants."""
    return sum(constant_bytes(program_of(network, calibration, wire)))


def costs(network: nn.Module, calibration: np.ndarray, wire: Wire, board: Board) -> Costs:
    """See ``Costs``. Raises DoesNotFitError where the board has no room."""
    return program_costs(program_of(network, calibration, wire), board)


def program_costs(program: Program, board: Board) -> Costs:
    """The same of a program."""
    plan = make_plan(program, board)
    spent = [int(layer_cycles(plan, index)) for index in range(len(program.steps))]
    answers = [leaving.tensor for leaving in program.exits] or [port.tensor for port in program.outputs]
    decisions = [{i} for i, step in enumerate(program.steps) if step.kernel == "exit"] or [set()] * len(answers)
    alone = [needed(program, [name]) | decision for name, decision in zip(answers, decisions, strict=True)]
    upto = [set().union(*alone[: i + 1]) for i in range(len(answers))]
    return Costs(
        sum(plan.weight_bytes),
        tuple(sum(spent[i] for i in steps) for steps in upto),
        tuple(sum(spent[i] for i in steps) for steps in alone),
        tuple(sum(spent[i] for i in steps & alone[-1]) for steps in alone),
    )


def needed(program: Program, tensors: Sequence[str]) -> set[int]:
    """Indices of the steps that ``tensors`` depend on."""
    wanted = {program.base(name) for name in tensors}
    found = set()
    for index in reversed(range(len(program.steps))):
        step = program.steps[index]
        if program.base(step.output) in wanted:
            found.add(index)
            wanted |= {program.base(name) for name in step.inputs}
    return found

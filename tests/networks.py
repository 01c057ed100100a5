"""The networks that are proved on every level: three small ones of different form, and the demo's.

Each small one has at least three layers, thirty restart units of four or more writes, and a thousand FRAM writes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from small import Net

from sparsecomp.boards import load_board
from sparsecomp.graph import Graph
from sparsecomp.lower import Options, lower
from sparsecomp.passes import simplify
from sparsecomp.plan import Plan
from sparsecomp.plan.planner import make_plan
from sparsecomp.program import Program
from sparsecomp.quantize import calibrate
from sparsecomp.reference import run, to_wire, wire_words
from sparsecomp.render import Vector, render
from sparsecomp.wire import Wire

CALIBRATION = 24
IMAGE = Wire("u8", 1 / 255)
SENSOR = Wire("i16", 1 / 8192, 0.25)


@dataclass(frozen=True)
class Network:
    """A float network, and what comes over the wire to it."""

    graph: Graph
    wire: Wire

    def samples(self, count: int, seed: int) -> np.ndarray:
        """Random raw inputs (count, *shape)."""
        rng = np.random.default_rng(seed)
        shape = (count, *self.graph.shapes[self.graph.inputs[0]])
        if self.wire.dtype == "f32":
            return rng.uniform(-1, 1, shape).astype(np.float32)
        limits = np.iinfo(self.wire.numpy_dtype)
        return rng.integers(limits.min, limits.max + 1, shape).astype(self.wire.numpy_dtype)


def chain() -> Network:
    """Two padded convolutions with pooling, then a linear layer; bytes come in."""
    net = Net((1, 12, 12), seed=1)
    x = net.pool(net.add("relu", net.conv("x", 4, pad=1)))
    x = net.add("relu", net.conv(x, 6, pad=1, weight=_sparse(net, 6, 4, 3, 3, share=0.1)))
    return Network(net.graph(net.linear(net.flatten(x), 5)), IMAGE)


def residual() -> Network:
    """A block that adds its input to what it computed, then an average; words come in."""
    net = Net((2, 8, 8), seed=2)
    x = net.add("relu", net.conv("x", 4, pad=1))
    y = net.conv(net.add("relu", net.conv(x, 4, pad=1)), 4, pad=1, weight=_sparse(net, 4, 4, 3, 3))
    x = net.add("relu", net.add("add", x, y))
    x = net.add("avg_pool", x, kernel=(3, 3), stride=(2, 2), padding=((1, 1), (1, 1)), ceil_mode=False,
                count_include_pad=False, divisor=None)  # fmt: skip
    return Network(net.graph(net.linear(net.flatten(x), 4)), SENSOR)


def branching() -> Network:
    """A depthwise convolution and a pooled branch side by side, with curves; floats come in."""
    net = Net((3, 6, 6), seed=3)
    x = net.add("leaky_relu", net.conv("x", 6, kernel=1), negative_slope=0.1)
    deep = net.add("sigmoid", net.conv(x, 6, pad=1, groups=6))
    flat = net.add("max_pool", x, kernel=(3, 3), stride=(1, 1), padding=((1, 1), (1, 1)), dilation=(1, 1),
                   ceil_mode=False)  # fmt: skip
    x = net.conv(net.add("concat", deep, flat, dim=0), 4, stride=(2, 2), weight=_sparse(net, 4, 12, 3, 3) / 2)
    return Network(net.graph(net.linear(net.flatten(net.add("tanh", x)), 3)), Wire())


def demo() -> Network:
    """The demo's architecture with random weights."""
    net = Net((1, 28, 28), seed=4)
    x = net.pool(net.add("relu", net.conv("x", 6, kernel=5)))
    x = net.pool(net.add("relu", net.conv(x, 12, weight=_sparse(net, 12, 6, 3, 3))))
    x = net.add("relu", net.linear(net.flatten(x), 32, weight=_sparse(net, 32, 300, share=0.1)))
    return Network(net.graph(net.linear(x, 10)), IMAGE)


def _sparse(net: Net, *shape: int, share: float = 0.2) -> np.ndarray:
    """Weights of which ``share`` is not zero: stored as masks at a fifth, as 8-bit steps at a tenth."""
    return net.rng.normal(size=shape) * (net.rng.random(shape) < share)


SMALL: dict[str, Callable[[], Network]] = {"chain": chain, "residual": residual, "branching": branching}


@dataclass(frozen=True)
class Project:
    """A network down to its generated directory, with inputs: ``wire`` (N, elements), ``words`` as delivered, and the
    reference's ``answers``, one array an output for each input.
    """

    program: Program
    plan: Plan
    wire: list[np.ndarray]
    words: np.ndarray
    answers: list[list[np.ndarray]]
    directory: Path


def generate(
    network: Network,
    directory: Path,
    *,
    count: int = 2,
    seed: int = 5,
    board: str = "host",
    numeric: str = "int8",
    encoding: str = "auto",
    change: Callable[[Program], Program] = lambda program: program,
    cut: Callable[[Plan], Plan] = lambda plan: plan,
) -> Project:
    """Calibrates, lowers, plans and renders a network into ``directory``, for ``count`` random inputs; ``change`` is
    made to the program before it is planned, ``cut`` to the plan.
    """
    graph, notes = simplify(network.graph)
    ranges = calibrate(graph, [network.wire.to_float(network.samples(CALIBRATION, seed + 1))])
    program = lower(graph, (network.wire,), ranges, Options(numeric=numeric, encoding=encoding), notes)
    program = change(program)
    wire = [to_wire(program.inputs[0], network.wire, network.samples(count, seed))]
    plan = cut(make_plan(program, load_board(board)))
    reference, words = run(program, wire), wire_words(program, wire)
    answers = [reference.words(i) for i in range(count)]
    for name, data in render(plan, Vector(words[0], np.concatenate(answers[0])), "0" * 64, "0").items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(data)
    return Project(program, plan, wire, words, answers, directory)


def rendered(project: Project, plan: Plan, directory: Path) -> Path:
    """The project of a plan that no checker has seen."""
    vector = Vector(project.words[0], np.concatenate(project.answers[0]))
    for name, data in render(plan, vector, "0" * 64, "0").items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(data)
    return directory

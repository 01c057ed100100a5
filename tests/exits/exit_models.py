"""Small networks with early exits, built by hand, and what follows from them down to a generated project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from small import Net, loaded, samples

from sparsecomp.boards import load_board
from sparsecomp.exits import NEVER, Policy, confidence
from sparsecomp.frontend.extra import Exit
from sparsecomp.frontend.loading import LoadedModel
from sparsecomp.pipeline import generate, planned
from sparsecomp.plan import Plan
from sparsecomp.prepare import Data, Prepared, Request, prepare
from sparsecomp.project import write_files
from sparsecomp.reference import exit_elements, run, wire_words
from sparsecomp.report import layer_rows

SAMPLES = 24


def with_exits(net: Net, *outputs: str, temperatures: Sequence[float] = ()) -> LoadedModel:
    """The network as if it came from a file, with labels; the last output is the whole network's."""
    graph = net.graph(*outputs)
    temperatures = tuple(temperatures) or (1.0,) * len(outputs)
    names = [*"abcdefgh"[: len(outputs) - 1], "full"]
    labels = np.arange(SAMPLES) % graph.shapes[outputs[-1]][0]
    exits = tuple(Exit(name, value) for name, value in zip(names, temperatures, strict=True))
    return replace(loaded(graph, samples(graph, SAMPLES), labels), exits=exits)


def two_convolutions(temperatures: Sequence[float] = (1.5, 0.75, 2.0)) -> LoadedModel:
    """Two padded convolutions with an exit behind each, then the whole network's own scores."""
    net = Net((1, 6, 6), seed=1)
    x = net.add("relu", net.conv("x", 2, pad=1))
    first = net.linear(net.flatten(net.pool(x, 3)), 3)
    x = net.add("relu", net.conv(x, 2, pad=1))
    second = net.linear(net.flatten(net.pool(x, 2)), 3)
    return with_exits(net, first, second, net.linear(net.flatten(x), 3), temperatures=temperatures)


def one_head() -> LoadedModel:
    """The same two maps, but one head for both exits, which reads zeros for the map that is not computed yet."""
    net = Net((1, 6, 6), seed=2)
    a = net.add("relu", net.conv("x", 2, pad=1))
    b = net.add("relu", net.conv(a, 3, pad=1))
    weights = {"weight": net.rng.normal(size=(3, 20)), "bias": net.rng.normal(size=3)}
    answers = []
    for known in (1, 2):
        maps = [a, b if known == 2 else net.add("zeros", shape=(3, 6, 6))]
        flat = net.flatten(net.add("concat", *(net.pool(m, 3) for m in maps), dim=0))
        answers.append(net.add("linear", flat, name=f"head{known}", params=weights))
        weights = {role: f"head1.{role}" for role in weights}
    return with_exits(net, *answers, net.linear(net.flatten(b), 3))


def minute() -> LoadedModel:
    """One early exit, and so small that every crash state can be visited."""
    net = Net((1, 4, 4), seed=7)
    x = net.add("relu", net.conv("x", 1, kernel=3))
    x = net.flatten(x)
    return with_exits(net, net.linear(x, 2), net.linear(net.add("relu", net.linear(x, 3)), 2))


@dataclass(frozen=True)
class Made:
    """A project with its samples: ``words`` as delivered, ``answers`` the reference's and ``exits`` where they left."""

    prepared: Prepared
    plan: Plan
    data: Data
    directory: Path
    words: np.ndarray
    answers: list[list[np.ndarray]]
    exits: np.ndarray

    def pair(self) -> list[int]:
        """A sample that leaves at the first exit, and one that does not."""
        return [int(np.flatnonzero(self.exits == 0)[0]), int(np.flatnonzero(self.exits > 0)[0])]


def halves(prepared: Prepared, level: int = 0) -> Policy:
    """A policy under which half of the calibration samples leave at each early exit."""
    scores = exit_elements(prepared.program, prepared.data(prepared.calibration).wire)[:-1]
    margins = tuple(int(np.median(confidence(s))) for s in scores)
    return Policy(len(margins), margins, (level,) * len(margins), "halves")


def fixed(prepared: Prepared, number: int) -> Policy:
    """Always that exit."""
    early = len(prepared.program.exits) - 1
    return Policy(number, (NEVER,) * early, (0,) * early, f"fixed:{number}")


def with_policy(prepared: Prepared, policy: Policy) -> Prepared:
    return replace(prepared, program=replace(prepared.program, policy=policy))


def made(prepared: Prepared, directory: Path, *, board: str = "host", request: Request | None = None) -> Made:
    """Generates a project."""
    request = request or Request()
    plan = planned(prepared, request, load_board(board))
    write_files(directory, generate(prepared, plan, layer_rows(plan)))
    data = prepared.data(prepared.calibration, prepared.loaded.labels)
    found = run(prepared.program, data.wire)
    answers = [found.words(i) for i in range(len(data))]
    exits = found.values[1].ravel().astype(int)
    return Made(prepared, plan, data, directory, wire_words(prepared.program, data.wire), answers, exits)


def halved(model: LoadedModel, **request) -> Prepared:
    """The model under ``halves``."""
    prepared = prepare(model, Request(**request))
    return with_policy(prepared, halves(prepared))

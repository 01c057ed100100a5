"""One call of ``compress``, from what the user gave to the result."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from sparsecomp.boards import load_board
from sparsecomp.compression import checkpoint, factorizing
from sparsecomp.compression.feeding import Feed, as_loader, hold_out
from sparsecomp.compression.goal import Goal
from sparsecomp.compression.loop import Run, teacher_of
from sparsecomp.compression.measures import KB, named_exits
from sparsecomp.compression.method import Method
from sparsecomp.compression.network import Network
from sparsecomp.compression.outputs import Score
from sparsecomp.compression.result import AnswerRecord, CompressionResult, LayerRecord, StepRecord
from sparsecomp.compression.schedule import budgets
from sparsecomp.compression.training import evaluate_all, outputs_of
from sparsecomp.early_exit.temperature import fit_temperature
from sparsecomp.errors import InputError
from sparsecomp.frontend.evaluating import said
from sparsecomp.metrics import Metric
from sparsecomp.wire import Wire

COST_BOARD = "msp430fr5994"  # whose cycles a filter is weighed by, where no board is named
SIZE_MODELS = ("encoded", "origin")


@dataclass(frozen=True)
class Options:
    """What ``compress`` was asked for, besides network, data and method."""

    target: float | None
    board: str | None
    sparsity: float | None
    spare: float
    size_model: str
    encoding: str
    volatile_input: bool
    metric: Metric
    criterion: Callable[[Any, Any], Any] | None
    prepare_inputs: Callable[[Any], Any] | None
    preprocess: Any
    calibration: Any
    device: str
    seed: int
    fast: bool
    checkpoint: str | Path | None
    resume: bool
    progress: Callable[[str, int, int], None]
    log: Callable[[str], None]
    watch: Callable[[StepRecord], None]
    max_drop: float | None

    def __post_init__(self) -> None:
        given = [name for name in ("target", "board", "sparsity") if getattr(self, name) is not None]
        if len(given) != 1:
            raise InputError(
                f"{len(given)} targets are given", "give one of target= (KB), board= and sparsity= (fraction of zeros)"
            )
        if self.target is not None and not (self.target > 0 and math.isfinite(self.target)):
            raise InputError(f"a target of {self.target:g} KB cannot be met", "give a size above 0")
        if self.sparsity is not None and not 0 <= self.sparsity < 1:
            raise InputError(f"a sparsity of {self.sparsity:g} is no fraction of zeros", "give 0 or more and below 1")
        if not 0 <= self.spare < 1:
            raise InputError(f"{self.spare:g} is no share to leave free", "give spare=0.1 for 10 %")
        if self.size_model not in SIZE_MODELS:
            raise InputError(f"unknown size_model '{self.size_model}'", "use one of " + ", ".join(SIZE_MODELS))
        if self.size_model == "origin" and self.target is None:
            raise InputError("the published accounting goes with a target in KB", "give target=")
        if self.max_drop is not None and not self.max_drop >= 0:
            raise InputError(f"a max_drop of {self.max_drop:g} cannot be", "give 0 or more, such as 0.01")
        if self.checkpoint is not None and Path(self.checkpoint).exists() and not Path(self.checkpoint).is_dir():
            raise InputError(f"'{self.checkpoint}' is a file", "give a folder for the checkpoints")
        if self.resume and self.checkpoint is None:
            raise InputError("there is nothing to resume from", "give checkpoint=FOLDER")


def run(model: Any, train: Any, val: Any, test: Any, method: Method, options: Options) -> CompressionResult:
    """See ``sparsecomp.compression.compress``."""
    device = device_of(options.device)
    if not isinstance(model, nn.Module):
        raise InputError(f"the model is a {type(model).__name__}, not a torch.nn.Module", "build the network first")
    train = as_loader(train, "training", shuffle=True, seed=options.seed)
    if val is None:
        train, val = hold_out(train, options.seed)
    feeds = [
        Feed(data, device, options.prepare_inputs)
        for data in (train, as_loader(val, "validation", shuffle=False, seed=options.seed))
    ]
    if options.calibration is not None:
        feeds[0].fix(options.calibration)
    tests = test if test is None else as_loader(test, "test", shuffle=False, seed=options.seed)
    test_feed = None if tests is None else Feed(tests, device, options.prepare_inputs)
    training, frozen = model.training, [p for p in model.parameters() if not p.requires_grad]
    model.to(device)
    try:
        with seeded(options.seed):
            return _run(model, feeds[0], feeds[1], test_feed, method, options)
    finally:
        model.train(training)
        for parameter in frozen:
            parameter.requires_grad_(False)


def _run(
    model: nn.Module, train: Feed, val: Feed, test: Feed | None, method: Method, options: Options
) -> CompressionResult:
    example = tuple(x[:1] for x in train.fixed(256))
    network = Network(model, example)
    float_bytes = 4 * sum(p.numel() for p in model.parameters())
    teacher = teacher_of(model)
    folder = None if options.checkpoint is None else Path(options.checkpoint)
    mark = checkpoint.fingerprint(model, method, **_target(options))
    saved = checkpoint.read(folder, mark, device_of(options.device)) if folder and options.resume else None
    goal = _goal(network, options, method)
    context = Run(
        network, teacher, train, val, goal, method, options.metric, options.criterion, options.progress, options.log,
        options.watch, options.max_drop, folder, mark,
    )  # fmt: skip
    before = _first_look(context, val, options.metric)
    context.last = context.first = before.metric
    ranks: dict[str, tuple[int, ...]] = {}
    if saved is not None:
        ranks = {name: tuple(value) for name, value in saved["ranks"].items()}
        factorizing.repeat(context, ranks)
    elif method.factorize:
        ranks = factorizing.factorize(context)
    if saved is None:
        start = context.measure.dense(network.current())
        whole = min(start, context.measure(network.current())) if goal.kind != "board" else start
        steps = context.steps(whole)
    else:
        context.resume(saved)
        steps = budgets(method, context.start, goal.target)
    for number, budget in enumerate(steps, 1):
        if number <= context.done:
            continue
        context.step(number, budget, len(steps), 0 if options.fast else method.epochs)
        context.save(ranks)
    return _conclude(context, len(steps), test, float_bytes, before, ranks)


def _first_look(context: Run, val: Feed, metric: Metric) -> Score:
    """How good the network is as it is given. Raises InputError where network and data do not go together."""
    try:
        return context.trainer.evaluate(val, metric, rounded=False)
    except (
        IndexError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:  # torch and the user raise any of them
        raise InputError(
            f"the network cannot be evaluated on the validation data: {said(error)}",
            "labels are classes from 0 for cross-entropy; for anything else give criterion= and metric=",
        ) from error


def _conclude(
    context: Run, steps: int, test: Feed | None, float_bytes: int, before: Score, ranks: dict[str, tuple[int, ...]]
) -> CompressionResult:
    network, goal, metric = context.network, context.goal, context.metric
    size, after = context.conclude(steps)
    tests: list[tuple[float, ...]] = [(), ()]
    if test is not None:  # read once, when everything is decided
        both = evaluate_all([context.teacher, network.model], test, metric, context.trainer.criterion)
        tests = [score.each for score in both]
    nbytes, by_layer = goal.nbytes(network, context.train)
    layers = []
    for layer, weight in zip(network.layers, network.weights(), strict=True):
        filters = int((weight.detach() != 0).flatten(1).any(1).sum())
        nonzero = int(weight.detach().count_nonzero())
        rank = next((r for path, r in ranks.items() if layer.weight.startswith(path + ".")), ())
        layers.append(
            LayerRecord(layer.name, layer.weight, tuple(weight.shape), nonzero, filters, by_layer[layer.name], rank)
        )
    return CompressionResult(
        network.model, tuple(context.history), tuple(layers), context.asked, size, context.measure.unit, nbytes,
        float_bytes, before.each[-1], after.each[-1], *(each[-1] if each else None for each in tests),
        size <= context.asked, tuple(context.notes), _answers(context, before.each, after.each, *tests),
    )  # fmt: skip


def _answers(context: Run, *scores: tuple[float, ...]) -> tuple[AnswerRecord, ...]:
    """What became of each answer of a network with exits, which are calibrated again; ``scores`` by answer: validation
    before and after, test before and after (empty without test data).
    """
    count = len(scores[0])
    if count == 1:
        return ()
    temperatures: tuple[float | None, ...] = (None,) * count
    found, labels = outputs_of(context.network.model, context.val)
    if labels.dtype.kind in "iu" and labels.ndim == 1 and found[0].ndim == 2:
        temperatures = tuple(fit_temperature(logits, labels) for logits in found)
        if hasattr(context.network.model, "temperatures"):
            context.network.model.temperatures = temperatures
    columns = [each or (None,) * count for each in scores]
    return tuple(AnswerRecord(*row) for row in zip(*columns, temperatures, strict=True))


def _goal(network: Network, options: Options, method: Method) -> Goal:
    board = load_board(options.board or COST_BOARD)
    count = len(network.graph.inputs)
    given = options.preprocess
    wires = (Wire(),) * count if given is None else tuple(given) if isinstance(given, tuple | list) else (given,)
    if len(wires) != count or not all(isinstance(w, Wire) for w in wires):
        raise InputError(f"preprocess is not a Wire for each of {count} input(s)", "Wire('u8', scale=1/255)")
    narrow = method.quantize and method.bias
    exits = named_exits(network.model, len(network.graph.outputs))
    goal = Goal("bytes", 0.0, wires, board, options.encoding, narrow, options.fast, options.volatile_input, exits)
    if options.target is not None:
        kind = "origin" if options.size_model == "origin" else "bytes"
        return replace(goal, kind=kind, target=float(int(options.target * KB + 1e-6)))
    if options.sparsity is not None:
        total = sum(w.numel() for w in network.weights())
        return replace(goal, kind="sparsity", target=float(int(total * (1 - options.sparsity))))
    if board.is_host:
        raise InputError("the host has room for everything", "give target=KB, or a board such as msp430fr5994")
    capacity = sum(
        {start: size for use in ("weights", "arena", "code") for _, start, size in board.spans(use)}.values()
    )
    return replace(goal, kind="board", target=float(int(capacity * (1 - options.spare))))


def device_of(name: str) -> torch.device:
    """The torch device of that name. Raises InputError where this machine has none."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except Exception as error:  # torch raises any class here
        hint = "use device='cpu', or install a torch with CUDA on a machine with a GPU"
        raise InputError(f"device '{name}' is not there: {str(error).splitlines()[0]}", hint) from error
    return device


def _target(options: Options) -> dict[str, Any]:
    keys = ("target", "board", "sparsity", "spare", "size_model", "encoding", "seed", "fast", "max_drop")
    return {key: getattr(options, key) for key in keys}


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Every source of random numbers starts from ``seed`` within, and goes on as before after."""
    states = np.random.get_state(), random.getstate()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)
        random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(states[0])
            random.setstate(states[1])

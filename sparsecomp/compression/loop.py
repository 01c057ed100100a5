"""The algorithm: step by step a smaller budget, fewer filters and weights, training under these constraints."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparsecomp.compression import checkpoint
from sparsecomp.compression.allocation import OutOfReachError, by_score, by_size, floor
from sparsecomp.compression.channels import forget_unreached, narrow, removable
from sparsecomp.compression.feeding import Feed
from sparsecomp.compression.goal import Goal
from sparsecomp.compression.measures import EncodedBytes
from sparsecomp.compression.method import Method
from sparsecomp.compression.network import Network
from sparsecomp.compression.outputs import Score
from sparsecomp.compression.result import StepRecord
from sparsecomp.compression.rounding import settle
from sparsecomp.compression.schedule import budgets
from sparsecomp.compression.scores import SCORES, gradient_squares, sensitivity
from sparsecomp.compression.training import Trainer, evaluate
from sparsecomp.errors import DoesNotFitError
from sparsecomp.metrics import Metric

NARROWING = 1 / 3  # of the steps: filters go first, so that what is left trains longest
ATTEMPTS = 8  # at meeting the target exactly once the weights are final
Progress = Callable[[str, int, int], None]


class BelowFloorError(DoesNotFitError):
    """The target is below ``least``, what the network takes with one weight a layer."""

    def __init__(self, least: float, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.least = least


@dataclass
class Run:
    """One compression under way. ``fragile`` layers lost accuracy once and are left alone; ``done`` steps are over."""

    network: Network
    teacher: nn.Module
    train: Feed
    val: Feed
    goal: Goal
    method: Method
    metric: Metric
    criterion: Any
    progress: Progress
    log: Callable[[str], None]
    watch: Callable[[StepRecord], None]
    max_drop: float | None = None
    folder: Path | None = None
    mark: str = ""
    fragile: frozenset[str] = frozenset()
    history: list[StepRecord] = field(default_factory=list)
    done: int = 0
    last: float = 0.0  # the metric after the last step
    first: float = 0.0  # and before any

    def __post_init__(self) -> None:
        self.trainer = Trainer(self.network, self.teacher, self.train, self.method, self.criterion)
        self.randomness = checkpoint.Randomness(self.train.generators())
        self.asked = self.goal.target
        self.start = 0.0
        self.steps_back: list[tuple[float, dict[str, Any]]] = []  # sizes and states that max_drop may go back to
        self.notes: list[str] = []
        self.look_again()

    def look_again(self) -> None:
        """What follows from the network's layers, after these were replaced as well."""
        self.trainer.renew()
        self._count_with(self.goal.fractions(self.network, self.train))
        dense = EncodedBytes(self.goal.lowering(self.fractions)).dense
        self.removable = removable(self.network, dense) if self.method.channels else set()

    def _count_with(self, fractions: dict[str, int]) -> None:
        self.fractions = fractions
        self.measure = self.goal.measure(self.network, fractions)

    # --- one step ---------------------------------------------------------------------------------------------------

    def steps(self, start: float) -> list[float]:
        """The budgets. Raises DoesNotFitError where the target is out of reach."""
        least = self._least()
        if self.goal.target < least:
            raise BelowFloorError(
                least,
                f"no compression reaches {self.goal.target:,.0f} {self.measure.unit}: with one weight a layer the "
                f"network still takes {least:,.0f}",
                f"ask for {least:,.0f} or more, or give a network with fewer or narrower layers",
            )
        self.start = start
        if self.max_drop is not None:
            self.steps_back.append((start, self._state()))
        return budgets(self.method, start, self.goal.target)

    def _least(self) -> float:
        # With biases as wide as they may turn out: constants that are folded into them need not be steps of a byte.
        measure = self.goal.measure(self.network, self.fractions, exact=True)
        magnitudes = {layer.name: w.detach().abs() for layer, w in self._pairs()}
        return min(floor(self.network, magnitudes, measure), measure(self.network.current()))

    def step(self, number: int, budget: float, total: int, epochs: int) -> None:
        """Prunes to ``budget``, trains, and rolls back where that cost too much."""
        aware = self.method.accuracy_aware and self.fragile != frozenset(self.network.supports)
        before = self._state() if aware else None
        touched = self.prune(budget, self._width(number, total))
        position = (number - 1) * self.method.epochs
        for epoch in range(epochs):
            self._epoch(position + epoch, self._length(total), self.method.frozen_support, f"step {number}/{total}")
        self.trainer.estimate_statistics()
        metric, loss, _ = self.trainer.evaluate(self.val, self.metric)
        dropped = aware and epochs > 0 and self.last - metric >= self.method.fragile_drop
        if dropped:
            # Where nothing is left to spare, the rest is forced.
            self.fragile |= frozenset(touched) - self.fragile or frozenset(self.network.supports)
        record = StepRecord(
            number, budget, self.measure(self.network.current()), metric, loss, self.densities(), dropped,
            tuple(sorted(self.fragile)),
        )  # fmt: skip
        self.history.append(record)
        self.log(record.line(total, self.measure.unit))
        self.watch(record)
        if dropped:
            assert before is not None
            self._back(before)
            self.step(number, budget, total, epochs)
            return
        self.last, self.done = metric, number
        if self.max_drop is not None:
            self.steps_back.append((record.size, self._state()))

    def save(self, ranks: dict[str, tuple[int, ...]]) -> None:
        """Writes the checkpoint of the steps done so far."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        more = {
            "ranks": {name: list(value) for name, value in ranks.items()},
            "done": self.done,
            "last": self.last,
            "fragile": sorted(self.fragile),
            "history": [asdict(record) | {"fragile": list(record.fragile)} for record in self.history],
            "steps_back": self.steps_back,
            "fractions": self.fractions,
            "start": self.start,
            "random": self.randomness.get(),
        }
        state = checkpoint.state_of(self.network, self.trainer.optimizer, **more)
        checkpoint.write(self.folder, self.mark, state)

    def resume(self, state: dict[str, Any]) -> None:
        """Everything as it was after the last whole step."""
        self._back(state)
        self.done, self.last, self.fragile = state["done"], state["last"], frozenset(state["fragile"])
        self.history = [StepRecord(**r | {"fragile": tuple(r["fragile"])}) for r in state["history"]]
        self.steps_back = [(size, step) for size, step in state["steps_back"]]
        self._count_with(state["fractions"])
        self.start = state["start"]
        self.randomness.set(state["random"])

    def _width(self, number: int, total: int) -> float:
        """Dense size of the filters that stay in step ``number``: they go in the first steps, weights in all."""
        last = max(1, round(total * NARROWING))
        final = self.goal.target / self.method.density
        return final + max(0.0, self.start - final) * max(0.0, 1 - number / last) ** 3

    def prune(self, budget: float, width: float = 0.0) -> list[str]:
        """Supports for ``budget``, in a network whose dense size is at most ``width``; the layers that lost most.

        A layer that is fragile loses none, unless the budget cannot be met otherwise.
        """
        squares = self._squares()
        before = {name: support.count for name, support in self.network.supports.items()}
        if self.method.channels:
            forget_unreached(self.network, squares)
            names = self.removable - self.fragile
            sensitivities = {
                layer.name: sensitivity(weight.detach(), squares[layer.name]) for layer, weight in self._pairs()
            }
            narrow(
                self.network, sensitivities, names, self.measure.dense, self.goal.price(self.measure, self.method),
                max(width, self.goal.target / self.method.density),
            )  # fmt: skip
            self.network.project(frozen=True)
        try:
            masks = self._masks(budget, squares, self.fragile)
        except OutOfReachError:
            masks = self._forced(budget, squares)
        for name, mask in masks.items():
            support = self.network.supports[name]
            support.mask, support.count = mask, int(mask.sum())
        self.network.project(frozen=True)
        lost = {name: before[name] - support.count for name, support in self.network.supports.items()}
        if self.method.selection == "global" and any(lost.values()):
            # The layer that paid most of this step is the one to spare when it went wrong.
            return [max(lost, key=lambda name: lost[name] / max(before[name], 1))]
        return [name for name, count in lost.items() if count]

    def _forced(self, budget: float, squares: dict[str, Tensor]) -> dict[str, Tensor]:
        """Masks for ``budget`` from all layers, or the nearest there are: the end of the run judges the size."""
        try:
            return self._masks(budget, squares, frozenset())
        except OutOfReachError as refusal:
            return self._masks(refusal.least, squares, frozenset())

    def _masks(self, budget: float, squares: dict[str, Tensor], fixed: frozenset[str]) -> dict[str, Tensor]:
        if self.method.selection == "global":
            score = SCORES[self.method.score]
            scores = {}
            for layer, weight in self._pairs():
                support = self.network.supports[layer.name]
                value = weight.detach() * (support.mask if self.method.frozen_support else support.allowed)
                scores[layer.name] = score(value, squares[layer.name])
            return by_score(self.network, scores, self.measure, budget, fixed)
        masks, _ = by_size(self.network, self.measure, self.goal.layer_sizes(self.network), budget, fixed)
        return masks

    def _squares(self) -> dict[str, Tensor]:
        wanted = self.method.channels or self.method.score == "sensitivity"
        weights = self.network.weights()
        if not wanted:
            return {layer.name: torch.ones_like(w) for layer, w in zip(self.network.layers, weights, strict=True)}
        self.network.model.eval()
        with self.trainer.rounded():
            squares = gradient_squares(self.network.model, weights, self.train, self.trainer.loss)
        return {layer.name: s for layer, s in zip(self.network.layers, squares, strict=True)}

    # --- the end ----------------------------------------------------------------------------------------------------

    def finish(self, total: int) -> None:
        """The last training on a support that no longer moves, its best epoch, and the weights as on the device."""
        best, best_state = None, None
        for epoch in range(self.method.finetune):
            position = total * self.method.epochs * (not self.goal.fast) + epoch
            self._epoch(position, self._length(total), True, "fine-tuning")
            if epoch + 1 >= self.method.finetune - max(2, self.method.finetune // 3):
                self.trainer.estimate_statistics()
                key = self.trainer.evaluate(self.val, self.metric)
                if best is None or (key[0], -key[1]) >= (best[0], -best[1]):
                    best, best_state = key, self._state()
        if best_state is not None:
            self._back(best_state)

    def conclude(self, total: int) -> tuple[float, Score]:
        """Final weights: their size and score. Where they lose more than ``max_drop``, those of an earlier step."""
        self.finish(total)
        size, score = self._settle()
        states = self.steps_back[:-1]
        while self.max_drop is not None and self.first - score.metric > self.max_drop and states:
            self.notes.append(
                f"{size:,.0f} {self.measure.unit} gave {score.metric:.4f} on validation data: a step back"
            )
            self.goal = replace(self.goal, target=states[-1][0])
            self._back(states.pop()[1])
            self.finish(total)
            size, score = self._settle()
        return size, score

    def _settle(self) -> tuple[float, Score]:
        """Final weights, and what they come to. A few bytes over the target are pruned once more."""
        budget = self.goal.target
        for _ in range(ATTEMPTS):
            if self.method.quantize:
                lowering = self.goal.lowering(self.goal.fractions(self.network, self.train))
                settle(self.network.model, self.network.current(), self.network.layers, lowering)
            size = self.goal.final(self.network, self.train)
            if size <= self.goal.target:
                break
            budget -= max(1.0, size - self.goal.target)
            self.prune(budget)
        model, weights = self.network.model, self.method.exit_weights
        return size, evaluate(model, self.val, self.metric, self.trainer.criterion, weights)

    # --- helpers ----------------------------------------------------------------------------------------------------

    def _pairs(self) -> list[tuple[Any, Tensor]]:
        return list(zip(self.network.layers, self.network.weights(), strict=True))

    def densities(self) -> dict[str, float]:
        """Share of weights that each layer keeps."""
        return {name: support.count / support.allowed.numel() for name, support in self.network.supports.items()}

    def _length(self, total: int) -> int:
        steps = 0 if self.goal.fast else total * self.method.epochs
        return max(1, steps + self.method.finetune)

    def _epoch(self, index: int, whole: int, frozen: bool, what: str) -> None:

        def told(done: int, batches: int) -> None:
            self.progress(what, index * batches + done, whole * batches)

        self.trainer.epoch(index / whole, 1 / whole, frozen, told)

    def _state(self) -> dict[str, Any]:
        return checkpoint.state_of(self.network, self.trainer.optimizer)

    def _back(self, state: dict[str, Any]) -> None:
        checkpoint.restore(self.network, self.trainer.optimizer, state)


def teacher_of(model: nn.Module) -> nn.Module:
    """A frozen copy of the network, in eval mode."""
    teacher = copy.deepcopy(model).eval()
    for parameter in teacher.parameters():
        parameter.requires_grad_(False)
    return teacher

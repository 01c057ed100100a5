"""Training under constraints: every optimizer step is followed by a projection onto the sparse set.

Iterative hard thresholding (Blumensath and Davies, 2009) on the weights, with the uncompressed network as teacher and
int8 weights in the forward pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sparsecomp.compression.feeding import Feed
from sparsecomp.compression.method import Method
from sparsecomp.compression.network import Network
from sparsecomp.compression.outputs import Score, answers, weighted
from sparsecomp.compression.rounding import rounded_weights
from sparsecomp.errors import InputError
from sparsecomp.frontend.evaluating import evaluating
from sparsecomp.metrics import Metric

WARM_UP = 0.05  # of the whole run
STATISTICS_BATCHES = 50  # that batch-norm statistics are estimated from again
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
Loss = Callable[[Tensor, Tensor], Tensor]


def learning_rate(method: Method, position: float) -> float:
    """At ``position`` 0 to 1 of the run: a short rise, then a cosine down to zero."""
    rise = min(1.0, 0.02 + position / WARM_UP)
    return method.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * min(position, 1.0)))


class Trainer:
    """Trains the network of ``network`` in place.

    ``criterion`` takes (answers, labels); None is cross-entropy. ``teacher`` is the uncompressed network. Where the
    criterion is for classes the distillation is the usual divergence of softened answers, otherwise a squared error.
    The loss of a network with exits is that of all its answers, each distilled from the teacher's own.
    """

    def __init__(
        self, network: Network, teacher: nn.Module, train: Feed, method: Method, criterion: Loss | None
    ) -> None:
        self.network, self.teacher, self.train, self.method = network, teacher, train, method
        self.criterion = criterion or nn.functional.cross_entropy
        classes = (nn.CrossEntropyLoss, nn.NLLLoss)
        self._soft = criterion is None or isinstance(criterion, classes) or criterion in (
            nn.functional.cross_entropy,
            nn.functional.nll_loss,
        )  # fmt: skip
        self.renew()

    def renew(self) -> None:
        """Starts the optimizer anew, after layers were replaced."""
        parameters = [p.requires_grad_(True) for p in self.network.model.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=self.method.learning_rate)

    def rounded(self) -> Any:
        """A context in which the network has the device's weights, where the method trains with them."""
        if not self.method.quantize:
            return nullcontext()
        return rounded_weights(self.network.model, self.network.layers)

    def epoch(self, start: float, length: float, frozen: bool, told: Callable[[int, int], None]) -> float:
        """One pass over the training data, from position ``start`` of the run on; the mean loss. ``told`` hears of
        each batch.
        """
        model, total, count = self.network.model, 0.0, 0
        batches = len(self.train)
        model.train()
        for count, (inputs, labels) in enumerate(self.train, 1):
            share = (count - 1) / max(batches, count)
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate(self.method, start + length * share)
            with self.rounded():
                loss = self._loss(model(*inputs), inputs, labels)
                self.optimizer.zero_grad()
                loss.backward()
            self.optimizer.step()
            self.network.project(frozen)
            total += float(loss.detach())
            told(count, max(batches, count))
        if count == 0:
            raise InputError("the training data are empty", "give at least one batch")
        if not math.isfinite(total):
            raise InputError(
                "the training diverged: the loss is no longer a number",
                "take a smaller learning rate, or look for NaN in the training data",
            )
        return total / count

    def loss(self, output: Any, labels: Tensor) -> Tensor:
        """The criterion over all answers. Raises InputError where answers and labels do not go together."""
        return weighted([self._criterion(part, labels) for part in answers(output)], self.method.exit_weights)

    def _criterion(self, output: Tensor, labels: Tensor) -> Tensor:
        try:
            return self.criterion(output, labels)
        except (IndexError, RuntimeError, TypeError, ValueError) as error:  # torch and the user raise any of them
            reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise InputError(
                f"the loss cannot be computed from outputs {tuple(output.shape)} and labels: {reason}",
                "labels are classes from 0 for cross-entropy; for anything else give criterion= and metric=",
            ) from error

    def _loss(self, output: Any, inputs: tuple[Tensor, ...], labels: Tensor) -> Tensor:
        m = self.method
        loss = self.loss(output, labels)
        if m.distill:
            with torch.no_grad():
                wanted = answers(self.teacher(*inputs))
            distances = [self._distance(ours, theirs) for ours, theirs in zip(answers(output), wanted, strict=True)]
            loss = (1 - m.distill) * loss + m.distill * weighted(distances, m.exit_weights)
        if m.regularizer:
            loss = loss + m.regularizer * sum(w.square().sum() for w in self.network.weights())
        return loss

    def _distance(self, output: Tensor, wanted: Tensor) -> Tensor:
        if not self._soft:
            return nn.functional.mse_loss(output, wanted)
        t = self.method.temperature
        ours, theirs = (nn.functional.log_softmax(x / t, dim=1) for x in (output, wanted))
        return t * t * nn.functional.kl_div(ours, theirs, reduction="batchmean", log_target=True)

    def estimate_statistics(self) -> None:
        """Batch-norm statistics of the pruned, rounded network, from the first training batches."""
        norms = [m for m in self.network.model.modules() if isinstance(m, NORMS) and m.track_running_stats]
        if not norms:
            return
        momenta = [norm.momentum for norm in norms]
        self.network.model.train()
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean
        with torch.no_grad(), self.rounded():
            for inputs, _ in _some(self.train, STATISTICS_BATCHES):
                self.network.model(*inputs)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum

    def evaluate(self, data: Feed, metric: Metric, *, rounded: bool = True) -> Score:
        """How good the network is on ``data``, in eval mode; with the device's weights unless ``rounded`` is False."""
        with self.rounded() if rounded else nullcontext():
            return evaluate(self.network.model, data, metric, self.criterion, self.method.exit_weights)


def evaluate(
    model: nn.Module, data: Feed, metric: Metric, criterion: Loss, exit_weights: Sequence[float] = ()
) -> Score:
    """How good a network is on ``data``, in eval mode. Raises InputError where there are none."""
    return evaluate_all([model], data, metric, criterion, exit_weights)[0]


@torch.no_grad()
def evaluate_all(
    models: Sequence[nn.Module], data: Feed, metric: Metric, criterion: Loss, exit_weights: Sequence[float] = ()
) -> list[Score]:
    """How good each network is, in one pass over ``data``."""
    labels: list[np.ndarray] = []
    outputs: list[list[list[np.ndarray]]] = [[] for _ in models]  # by network, batch and answer
    losses = [0.0] * len(models)
    with evaluating(*models):
        for inputs, wanted in data:
            labels.append(wanted.cpu().numpy())
            for i, model in enumerate(models):
                found = answers(model(*inputs))
                losses[i] += float(weighted([criterion(part, wanted) for part in found], exit_weights)) * len(wanted)
                outputs[i].append([part.cpu().numpy() for part in found])
    if not labels:
        raise InputError("the validation or test data are empty", "give at least one batch")
    truth = np.concatenate(labels)
    scores = []
    for batches, total in zip(outputs, losses, strict=True):
        each = tuple(float(metric(np.concatenate(column), truth)) for column in zip(*batches, strict=True))
        scores.append(Score(weighted(each, exit_weights), total / len(truth), each))
    return scores


@torch.no_grad()
def outputs_of(model: nn.Module, data: Feed) -> tuple[list[np.ndarray], np.ndarray]:
    """All answers of a network to ``data`` in eval mode, one array (N, ...) each, and the labels."""
    batches, labels = [], []
    with evaluating(model):
        for inputs, wanted in data:
            batches.append([part.cpu().numpy() for part in answers(model(*inputs))])
            labels.append(wanted.cpu().numpy())
    return [np.concatenate(column) for column in zip(*batches, strict=True)], np.concatenate(labels)


def _some(items: Iterable[Any], count: int) -> Iterator[Any]:
    for index, item in enumerate(items):
        if index == count:
            return
        yield item

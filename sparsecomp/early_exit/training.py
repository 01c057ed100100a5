"""Training of heads on maps that are kept: each epoch takes a fraction of a second."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sparsecomp.early_exit.heads import Head
from sparsecomp.errors import InputError

DRAWS = ("all", "sample", "batch")


@dataclass(frozen=True)
class Training:
    """How heads are trained.

    draw: which exits a batch trains: 'all', one drawn for each 'sample', or one for the 'batch' (as published).
    distill, softening: share of the loss that follows the whole network's softened logits (Hinton et al., 2015).
    balance: classes count alike, however many samples each has.
    sgd: plain gradient descent with momentum .9 and a constant ``rate`` (as published); Adam and a cosine otherwise.
    """

    epochs: int = 25
    batch: int = 256
    rate: float = 8e-3
    draw: str = "all"
    distill: float = 0.5
    softening: float = 2.0
    balance: bool = True
    decay: float = 1e-3
    sgd: bool = False

    def __post_init__(self) -> None:
        if self.draw not in DRAWS:
            raise InputError(f"unknown draw '{self.draw}'", "use one of " + ", ".join(DRAWS))
        if self.epochs < 1 or self.batch < 1:
            raise InputError(f"{self.epochs} epochs of batches of {self.batch}", "give 1 or more of each")
        if not 0 <= self.distill <= 1:
            raise InputError(f"distill is {self.distill:g}, which is no share", "give a fraction between 0 and 1")
        if not self.rate > 0 or not self.softening > 0 or not self.decay >= 0:
            raise InputError("rate and softening must be above 0, decay 0 or more", "the defaults are a good start")


PUBLISHED = Training(50, 64, 5e-3, draw="batch", distill=0.0, balance=False, decay=0.0, sgd=True)


def class_weights(labels: Tensor, classes: int) -> Tensor:
    """One weight a class, inverse to its share of ``labels`` (N,), 1 on average over the samples. Raises InputError."""
    if len(labels) == 0 or int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise InputError(f"labels are not classes from 0 to {classes - 1}", "count classes from 0")
    counts = torch.bincount(labels, minlength=classes).float()
    present = counts > 0
    weights = torch.where(present, counts.sum() / (present.sum() * counts.clamp_min(1)), torch.zeros(()))
    return weights


def fit(head: Head, pooled: Sequence[Tensor], labels: Tensor, logits: Tensor, how: Training, seed: int = 0) -> Head:
    """Trains ``head`` in place on ``pooled`` maps, one (N, C, ...) an exit; the same seed gives the same head.

    ``labels`` (N,) are classes, ``logits`` (N, classes) the whole network's own.
    """
    generator = torch.Generator().manual_seed(seed)
    weight = class_weights(labels, head.classes) if how.balance else None
    soft = nn.functional.log_softmax(logits / how.softening, 1)
    parameters = list(head.parameters())
    if how.sgd:
        optimizer = torch.optim.SGD(parameters, how.rate, momentum=0.9)
    else:
        optimizer = torch.optim.AdamW(parameters, how.rate, weight_decay=how.decay)
    steps, step = how.epochs * math.ceil(len(labels) / how.batch), 0
    head.train()
    for _ in range(how.epochs):
        for chunk in torch.randperm(len(labels), generator=generator).split(how.batch):
            if not how.sgd:
                for group in optimizer.param_groups:
                    group["lr"] = how.rate * 0.5 * (1 + math.cos(math.pi * step / steps))
            step += 1
            answers = head.scores([maps[chunk] for maps in pooled])
            shares = _shares(how.draw, len(answers), len(chunk), generator)
            loss = torch.zeros(())
            for share, answer in zip(shares, answers, strict=True):
                if share is not None:
                    loss = loss + (share * _losses(answer, labels[chunk], soft[chunk], weight, how)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return head.eval()


def _shares(draw: str, exits: int, count: int, generator: torch.Generator) -> list[Tensor | None]:
    """Of each exit: what each sample's loss counts for (count,), None for nothing."""
    if draw == "all":
        return [torch.ones(count)] * exits
    if draw == "batch":
        taken = int(torch.randint(exits, (1,), generator=generator))
        return [torch.ones(count) if i == taken else None for i in range(exits)]
    taken = torch.randint(exits, (count,), generator=generator)
    return [exits * (taken == i).float() for i in range(exits)]


def _losses(answer: Tensor, labels: Tensor, soft: Tensor, weight: Tensor | None, how: Training) -> Tensor:
    """The loss of each sample, (N,)."""
    losses = nn.functional.cross_entropy(answer, labels, weight=weight, reduction="none")
    if how.distill:
        t = how.softening
        ours = nn.functional.log_softmax(answer / t, 1)
        distance = t * t * nn.functional.kl_div(ours, soft, reduction="none", log_target=True).sum(1)
        losses = (1 - how.distill) * losses + how.distill * distance
    return losses


@torch.no_grad()
def accuracies(head: Head, pooled: Sequence[Tensor], labels: Tensor) -> tuple[float, ...]:
    """Share of right answers of each exit."""
    head.eval()
    return tuple(float((answer.argmax(1) == labels).float().mean()) for answer in head.scores(pooled))

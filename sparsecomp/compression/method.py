"""How a network is compressed: every choice of the algorithm, with defaults from pilot runs on two image tasks."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sparsecomp.errors import InputError

CHOICES = {
    "selection": ("global", "largest"),
    "score": ("lamp", "magnitude", "sensitivity"),
    "price": ("bytes", "cycles", "none"),
    "schedule": ("cubic", "geometric"),
    "support": ("free", "frozen"),
}
SHARES = ("distill", "density", "fragile_drop", "step", "first_step")


@dataclass(frozen=True)
class Method:
    """The algorithm's parameters. Sizes fall over ``steps`` steps of ``epochs`` epochs; ``finetune`` epochs follow.

    selection: 'global' compares the weights of all layers by ``score``; 'largest' takes the largest layer that is not
        fragile in each step (as published).
    score: 'lamp' (Lee et al., ICLR 2021), 'magnitude', or 'sensitivity' (squared weight times mean squared gradient).
    channels, density: filters are removed, those with the least share of their layer's sensitivity first, until the
        network stored dense takes target / density; what is left is made sparse.
    price: what that share is divided by: 'bytes' or 'cycles' that removing the filter saves, 'none'.
    schedule: 'cubic' (Zhu and Gupta, 2017) takes ``steps`` steps; 'geometric' takes ``step`` (a fraction) of the size
        away in each, ``first_step`` in the first (as published).
    support: 'free' lets pruned weights come back (iterative hard thresholding), 'frozen' does not.
    distill, temperature: share of the loss that follows the uncompressed network, and its softening (Hinton, 2015).
    quantize: the weights are rounded to int8 in each forward pass of the training.
    bias: one byte a bias, where True; as wide as deploying needs otherwise.
    factorize, factorize_drop: layers are factorized where that saves and costs at most this much of the metric.
    accuracy_aware, fragile_drop: a step that loses more of the metric is rolled back; its layers are left alone after.
    regularizer: times the sum of squared weights of the compressed layers, added to the loss.
    exit_weights: of each answer of a network with exits, the whole network's last: their shares in the loss, and in the
        metric that decides. None are equal shares.
    """

    selection: str = "global"
    score: str = "lamp"
    channels: bool = True
    density: float = 0.35
    price: str = "none"
    schedule: str = "cubic"
    steps: int = 12
    epochs: int = 1
    finetune: int = 8
    step: float = 0.1
    first_step: float = 0.1
    support: str = "free"
    distill: float = 0.7
    temperature: float = 4.0
    quantize: bool = True
    bias: bool = True
    factorize: bool = False
    factorize_drop: float = 0.005
    accuracy_aware: bool = True
    fragile_drop: float = 0.05
    regularizer: float = 0.0
    learning_rate: float = 6e-3
    exit_weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise InputError(f"unknown {name} '{getattr(self, name)}'", "use one of " + ", ".join(known))
        for name in ("steps", "epochs", "finetune"):
            if isinstance(getattr(self, name), bool) or not isinstance(getattr(self, name), int):
                raise InputError(f"{name} is {getattr(self, name)!r}", "give a whole number")
        for name in ("factorize_drop", "regularizer", "learning_rate", "temperature"):
            if not math.isfinite(getattr(self, name)):
                raise InputError(f"{name} is {getattr(self, name)}", "give a finite number")
        for name in SHARES:
            value = getattr(self, name)
            if not 0 <= value <= 1 or (name in ("density", "step", "first_step") and value == 0):
                raise InputError(f"{name} is {value:g}, which is no share", "give a fraction between 0 and 1")
        if self.step == 1 or self.first_step == 1:
            raise InputError("a step of 1 takes everything away", "give a fraction below 1, such as 0.1")
        for name in ("steps", "epochs"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}", "give 1 or more")
        if min(self.finetune, self.regularizer, self.factorize_drop) < 0:
            raise InputError("finetune, regularizer and factorize_drop cannot be negative", "give 0 to do without")
        weights = self.exit_weights
        if any(not (math.isfinite(w) and w >= 0) for w in weights) or (weights and not sum(weights)):
            raise InputError(f"exit_weights are {weights}", "give numbers of 0 or more, one of them above 0")
        if not self.learning_rate > 0 or not self.temperature > 0:
            raise InputError("learning_rate and temperature must be above 0", "the defaults are a good start")

    @property
    def frozen_support(self) -> bool:
        """Whether a pruned weight stays away."""
        return self.support == "frozen"

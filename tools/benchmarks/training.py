"""Float training on one core: AdamW, one cycle of the learning rate, smoothed labels, averaged weights."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

RISING = 0.2  # of a cycle, in which the learning rate rises
SHORTEST_CYCLE = 6  # steps: of five, one is rising, and torch divides by one step less

Augment = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Fold:
    """Samples (N, ...) float32 as the network takes them and classes (N,) int64, in three parts that share nothing.

    ``cluster`` (N,) int64 numbers what each test sample comes from (image, subject, speaker): samples of one cluster
    are not independent of each other.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    cluster: np.ndarray


@dataclass(frozen=True)
class Schedule:
    """A training of fixed length. ``rate`` is the peak learning rate, ``decay`` AdamW's decoupled weight decay.

    One cycle: Smith and Topin 2019, arXiv 1708.07120. ``average`` is the share of the past in the exponential moving
    average of the weights, which is what is kept in the end.
    """

    epochs: int
    batch: int = 50
    rate: float = 4e-3
    decay: float = 0.05
    smoothing: float = 0.05
    average: float = 0.99


def fit(network: nn.Module, x: np.ndarray, y: np.ndarray, augment: Augment | None, schedule: Schedule) -> nn.Module:
    """Trains ``network`` in place on samples (N, ...) with classes (N,), and returns it in eval mode.

    Random numbers are torch's own: seed them before. One thread, so that the same seed gives the same network.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        _fit(network.train(), torch.from_numpy(x), torch.from_numpy(y), augment, schedule)
    finally:
        torch.set_num_threads(threads)
    return network.eval()


def _fit(network: nn.Module, x: Tensor, y: Tensor, augment: Augment | None, schedule: Schedule) -> None:
    steps = max(1, len(x) // schedule.batch)
    optimizer = torch.optim.AdamW(network.parameters(), lr=schedule.rate, weight_decay=schedule.decay)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, schedule.rate, total_steps=max(SHORTEST_CYCLE, steps * schedule.epochs), pct_start=RISING
    )
    # Batch-norm's statistics are averaged like the weights; its counters are whole numbers and stay.
    values = [value for value in network.state_dict().values() if value.is_floating_point()]
    average = [value.clone() for value in values]
    for _ in range(schedule.epochs):
        for chunk in torch.randperm(len(x)).split(schedule.batch)[:steps]:
            batch = x[chunk] if augment is None else augment(x[chunk])
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(batch), y[chunk], label_smoothing=schedule.smoothing).backward()
            optimizer.step()
            cycle.step()
            torch._foreach_lerp_(average, values, 1 - schedule.average)
    for value, mean in zip(values, average, strict=True):
        value.copy_(mean)


@torch.no_grad()
def accuracy(network: nn.Module, x: np.ndarray, y: np.ndarray) -> float:
    """Share of samples (N, ...) that a network in eval mode puts into the right class."""
    answers = torch.cat([network(chunk).argmax(1) for chunk in torch.from_numpy(x).split(500)])
    return float((answers.numpy() == y).mean())

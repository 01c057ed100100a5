"""The demo's network and its training."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

CLASSES = 10


def build() -> nn.Sequential:
    """A CNN of 0.16 M multiply-accumulates for images (1, 28, 28) with values from 0 to 1."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 12, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(300, 32),
        nn.ReLU(),
        nn.Linear(32, CLASSES),
    )


def train(
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int,
    seed: int,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> nn.Sequential:
    """The network trained on uint8 images (N, 28, 28), in eval mode. The same seed gives the same network."""
    torch.manual_seed(seed)
    network = build()
    x = torch.from_numpy(images).float().unsqueeze(1) / 255
    y = torch.from_numpy(labels.astype(np.int64))
    batch = 50
    steps = epochs * (len(x) // batch)
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    done = 0
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for chunk in order.split(batch)[: len(x) // batch]:
            # Half of the images are mirrored: clothes look the same from both sides, and 5000 images are few.
            mirrored = torch.where(torch.rand(len(chunk), 1, 1, 1) < 0.5, x[chunk].flip(3), x[chunk])
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(mirrored), y[chunk], label_smoothing=0.05).backward()
            optimizer.step()
            schedule.step()
            done += 1
            progress("training", done, steps)
    return network.eval()


def accuracy(network: nn.Module, images: np.ndarray, labels: np.ndarray) -> float:
    """Share of uint8 images (N, 28, 28) that the network puts into the right class."""
    with torch.no_grad():
        answers = network(torch.from_numpy(images).float().unsqueeze(1) / 255).argmax(1).numpy()
    return float((answers == labels).mean())

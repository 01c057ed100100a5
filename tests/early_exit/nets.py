"""Tiny trained networks with data that can be learnt: bright blobs in one of four corners, waves of three lengths."""

import numpy as np
import torch
from torch import nn

from sparsecomp.early_exit import EarlyExitNetwork, GlobalHead

EXITS = ("3", "6")
SHAPES = ((4, 5, 5), (6, 2, 2))


def images(count, seed=0):
    """(x (count, 1, 12, 12) float32, y (count,) int64 of 4 classes)"""
    random = np.random.default_rng(seed)
    y = np.arange(count) % 4
    x = random.normal(0, 0.6, (count, 1, 12, 12))
    for i, label in enumerate(y):
        row, column = (label // 2) * 6, (label % 2) * 6
        x[i, 0, row : row + 6, column : column + 6] += 0.5
    return x.astype(np.float32), y.astype(np.int64)


def waves(count, seed=0):
    """(x (count, 2, 24) float32, y (count,) int64 of 3 classes)"""
    random = np.random.default_rng(seed)
    y = np.arange(count) % 3
    t = np.arange(24)
    x = np.stack([np.sin(2 * np.pi * t / (4 + 4 * y[:, None]) + random.random((count, 1)) * 6) for _ in range(2)], 1)
    return (x + random.normal(0, 0.6, x.shape)).astype(np.float32), y.astype(np.int64)


def conv2d(seed=0):
    """A network for ``images`` with batch-norm and dropout; maps (4, 5, 5) behind "3" and (6, 2, 2) behind "6"."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(24, 4),
    )


def conv1d(seed=0):
    """A network for ``waves``."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv1d(2, 6, 3), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(6, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3)
    )


def trained(network, x, y, steps=150):
    """``network`` after a short training, in eval mode."""
    torch.manual_seed(1)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    network.train()
    for _ in range(steps):
        chunk = torch.randint(len(x), (64,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x[chunk]), y[chunk]).backward()
        optimizer.step()
    return network.eval()


def with_exits(head=GlobalHead, **options):
    """An untrained network with two exits."""
    torch.manual_seed(2)
    return EarlyExitNetwork(conv2d(), EXITS, head(SHAPES, 4, **options)).eval()

"""Small trained networks and data for the tests of compression."""

import numpy as np
import torch
from torch import nn


def blobs(count: int = 240, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 1, 8, 8) with a bright spot whose place tells the class, and the classes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, count)
    x = rng.normal(0, 0.3, (count, 1, 8, 8)).astype(np.float32)
    for i, label in enumerate(y):
        x[i, 0, 2 * label : 2 * label + 3, 2 * label : 2 * label + 3] += 1
    return x, y


def plain() -> nn.Sequential:
    """Two convolutions and two linear layers, 983 parameters."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 2), nn.ReLU(), nn.Flatten(),
        nn.Linear(32, 20), nn.ReLU(), nn.Linear(20, 3),
    )  # fmt: skip


class Nested(nn.Module):
    """Layers below custom modules, a batch-norm, a residual sum, dropout, and one linear layer used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.ModuleDict({"conv": nn.Conv2d(1, 6, 3, padding=1, bias=False), "norm": nn.BatchNorm2d(6)})
        self.block = nn.ModuleList([nn.Conv2d(6, 6, 3, padding=1)])
        self.pool = nn.MaxPool2d(2)
        self.shared = nn.Linear(24, 24)
        self.head = nn.Sequential(nn.Dropout(0.1), nn.Linear(24, 3))

    def forward(self, x):
        x = torch.relu(self.stem["norm"](self.stem["conv"](x)))
        x = self.pool(torch.relu(x + self.block[0](x)))
        x = nn.functional.max_pool2d(x, 2).flatten(1)
        x = torch.relu(self.shared(x))
        return self.head(torch.relu(self.shared(x)))


def trained(network: nn.Module, x: np.ndarray, y: np.ndarray, epochs: int = 15, seed: int = 0) -> nn.Module:
    """The network after a short training."""
    torch.manual_seed(seed)
    for module in network.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    data, labels = torch.from_numpy(x), torch.from_numpy(y)
    network.train()
    for _ in range(epochs):
        for chunk in torch.randperm(len(x)).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(data[chunk]), labels[chunk]).backward()
            optimizer.step()
    return network.eval()

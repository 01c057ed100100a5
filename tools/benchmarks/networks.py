"""Networks of the cycle and memory benchmarks, with random weights that a seed decides."""

from __future__ import annotations

import torch
from torch import nn

from sparsecomp_tools.benchmarks.tasks import lenet


def demo() -> nn.Sequential:
    """The demo's: two small convolutions, each with its pooling, for images (1, 28, 28)."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 12, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(300, 32), nn.ReLU(), nn.Linear(32, 10),
    )  # fmt: skip


def wide() -> nn.Sequential:
    """Convolutions of 64, 128 and 64 channels for images (3, 32, 32): 144 KB of maps where they all exist."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(64, 128, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(128, 64, 3), nn.ReLU(), nn.Flatten(), nn.Linear(1024, 10),
    )  # fmt: skip


def keyword() -> nn.Sequential:
    """Depthwise-separable, for 49 frames of 10 features (1, 49, 10): half a DS-CNN (Zhang et al., 2017)."""
    layers: list[nn.Module] = [nn.Conv2d(1, 32, (10, 4), stride=2, padding=(5, 1)), nn.ReLU()]
    for _ in range(4):
        layers += [nn.Conv2d(32, 32, 3, padding=1, groups=32), nn.ReLU(), nn.Conv2d(32, 32, 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 12))


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        stride = outputs // inputs
        self.first = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.across = nn.Conv2d(inputs, outputs, 1, stride=stride) if stride > 1 else nn.Identity()

    def forward(self, x):
        return torch.relu(self.second(torch.relu(self.first(x))) + self.across(x))


def residual() -> nn.Sequential:
    """Eight convolutions with shortcuts for images (3, 32, 32): one, three blocks of two (one with a projection)."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), _Block(8, 8), _Block(8, 16), _Block(16, 16),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10),
    )  # fmt: skip


NETWORKS = {
    "lenet": (lambda: lenet(0.0), (1, 28, 28)),
    "demo": (demo, (1, 28, 28)),
    "64-128-64": (wide, (3, 32, 32)),
    "keyword": (keyword, (1, 49, 10)),
    "residual": (residual, (3, 32, 32)),
}


@torch.no_grad()
def thinned(network: nn.Module, density: float, seed: int = 0) -> nn.Module:
    """The same network with a share ``density`` of the weights of each layer, the largest of random scores."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
            flat = module.weight.reshape(len(module.weight), -1)
            scores = torch.rand(flat.shape, generator=generator)
            count = max(1, round(density * flat.shape[1]))
            kept = torch.zeros_like(flat).scatter_(1, scores.topk(count, dim=1).indices, 1.0)
            module.weight.mul_(kept.reshape(module.weight.shape))
    return network


def made(name: str, density: float = 1.0, seed: int = 0) -> tuple[nn.Module, tuple[int, ...]]:
    """A network by its name and the shape of its input, without batch."""
    build, shape = NETWORKS[name]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return thinned(build(), density, seed), shape

"""Random small networks for hypothesis: all forms that a layer to be compressed can have."""

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor, nn


class Drawn(nn.Module):
    """A padded or strided convolution, a block of grouped ones with batch-norm and a residual sum, nested, and linear
    layers of which one is shared; over one or two dimensions.
    """

    def __init__(self, dims: int, pad: int, stride: int, groups: int, norm: bool, residual: bool, shared: bool) -> None:
        super().__init__()
        conv, batch_norm, pool = ((nn.Conv1d, nn.BatchNorm1d, nn.MaxPool1d), (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d))[
            dims - 1
        ]
        self.shape = (2,) + (16,) * (dims == 1) + (8, 8) * (dims == 2)
        self.stem = nn.ModuleDict({"conv": conv(2, 4, 3, padding=pad, stride=stride, bias=not norm)})
        self.stem["norm"] = batch_norm(4) if norm else nn.Identity()
        self.block = nn.ModuleList([nn.Sequential(conv(4, 8, 3, padding=1, groups=groups), nn.LeakyReLU(0.1))])
        self.block.append(conv(8, 4, 1))
        self.pool = pool(2)
        self.residual = residual
        width = self._features(torch.zeros(1, *self.shape)).shape[1]
        self.first = nn.Linear(width, 12)
        self.shared = nn.Linear(12, 12, bias=False) if shared else None
        self.head = nn.Linear(12, 3)

    def _features(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem["norm"](self.stem["conv"](x)))
        y = self.block[1](self.block[0](x))
        return self.pool(x + y if self.residual else y).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.first(self._features(x)))
        if self.shared is not None:
            x = torch.relu(self.shared(torch.relu(self.shared(x))))
        return self.head(x)


@st.composite
def networks(draw) -> Drawn:
    """A network with random weights, the same for the same choices."""
    choices = {
        "dims": draw(st.integers(1, 2)),
        "pad": draw(st.integers(0, 1)),
        "stride": draw(st.integers(1, 2)),
        "groups": draw(st.sampled_from([1, 2, 4])),
        **{name: draw(st.booleans()) for name in ("norm", "residual", "shared")},
    }
    seed = draw(st.integers(0, 1000))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Drawn(**choices)
        if choices["norm"]:
            for parameter in (network.stem["norm"].weight, network.stem["norm"].bias):
                nn.init.uniform_(parameter, -0.5, 1.5)
    return network


def samples(network: Drawn, count: int = 48) -> tuple[np.ndarray, np.ndarray]:
    """Random inputs and classes."""
    rng = np.random.default_rng(7)
    return rng.normal(size=(count, *network.shape)).astype(np.float32), rng.integers(0, 3, count)

"""What tests see of a running compression: passes over the data, the weights before each step of the optimizer."""

import copy
import functools
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_pre_hook
from torch.utils.data import DataLoader, TensorDataset

import sparsecomp

# By path: another folder of tests has a module of that name.
_spec = importlib.util.spec_from_file_location("compression_networks", Path(__file__).parent / "networks.py")
_networks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_networks)
blobs, plain, Nested, trained = _networks.blobs, _networks.plain, _networks.Nested, _networks.trained

TRAIN, VAL, TEST = blobs(120), blobs(60, seed=1), blobs(60, seed=2)
BATCH = 30
BATCHES = len(TRAIN[0]) // BATCH
IMAGE = torch.zeros(1, 1, 8, 8)


def lively() -> nn.Sequential:
    """As ``plain``, 847 parameters, of which none can die behind a rectifier."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.LeakyReLU(0.1), nn.MaxPool2d(2), nn.Conv2d(6, 8, 2), nn.LeakyReLU(0.1), nn.Flatten(),
        nn.Linear(32, 16), nn.LeakyReLU(0.1), nn.Linear(16, 3),
    )  # fmt: skip


def small() -> nn.Sequential:
    """Two linear layers."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.LeakyReLU(0.1), nn.Linear(16, 3))


@functools.cache
def _trained(make: Callable[[], nn.Module]) -> nn.Module:
    return trained(make(), *TRAIN)


def fresh(make: Callable[[], nn.Module] = lively) -> nn.Module:
    """A trained network that the test may change."""
    return copy.deepcopy(_trained(make))


class Watched(DataLoader):
    """A loader that counts its passes and keeps the batches that it gave; ``before`` is called at each pass."""

    def __init__(self, data: tuple[np.ndarray, np.ndarray], before: Callable[[], None] = lambda: None) -> None:
        super().__init__(TensorDataset(*map(torch.from_numpy, data)), batch_size=BATCH)
        self.passes = 0
        self.given: list[Tensor] = []
        self.before = before

    def __iter__(self) -> Iterator[list[Tensor]]:
        self.before()
        self.passes += 1
        for batch in super().__iter__():
            self.given.append(batch[0])
            yield batch


def matrices(model: nn.Module) -> dict[str, Tensor]:
    """Copies of the weights of convolutions and linear layers."""
    return {name: p.detach().clone() for name, p in model.named_parameters() if p.dim() > 1}


def nonzero(model: nn.Module) -> int:
    """Weights that are not zero."""
    return sum(int(torch.count_nonzero(weight)) for weight in matrices(model).values())


def same(first: nn.Module, second: nn.Module) -> bool:
    """Whether two networks have the same values, bit for bit."""
    a, b = first.state_dict(), second.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@dataclass
class Steps:
    """The weights that each step of an optimizer was computed with."""

    weights: list[dict[str, Tensor]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def counts(self) -> list[int]:
        """Non-zero weights before each."""
        return [sum(int(torch.count_nonzero(w)) for w in weights.values()) for weights in self.weights]


@contextmanager
def steps_of(model: nn.Module) -> Iterator[Steps]:
    """Looks at ``model`` before each step that any optimizer takes."""
    seen = Steps()
    handle = register_optimizer_step_pre_hook(lambda *_: seen.weights.append(matrices(model)))
    try:
        yield seen
    finally:
        handle.remove()


def planned(model: nn.Module, folder: Path, calibration: np.ndarray, example: Tensor = IMAGE, **options) -> int:
    """Bytes of constants in the plan of the saved network."""
    path = folder / "planned.pt"
    sparsecomp.save(model, path, example, calibration=calibration)
    made = sparsecomp.convert(path, folder / "planned", **options)
    return made.plan.constant_bytes

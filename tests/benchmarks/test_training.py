"""Float training runs however few its steps are."""

import numpy as np
import pytest
import torch
from torch import nn

from sparsecomp_tools.benchmarks.training import Schedule, fit


@pytest.mark.parametrize("epochs", range(1, 8))
def test_every_number_of_steps(epochs):
    torch.manual_seed(0)
    network = nn.Linear(3, 2)
    before = network.weight.detach().clone()
    x, y = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32), np.array([0, 1, 0, 1])
    fit(network, x, y, None, Schedule(epochs, batch=4))
    assert torch.isfinite(network.weight).all() and not torch.equal(network.weight, before)

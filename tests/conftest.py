"""Settings, modules and the small saved model that tests share."""

import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# The same examples on every run and every machine; and no limit on time, which says nothing on a busy one.
settings.register_profile(
    "project", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("project")

sys.path.insert(0, str(Path(__file__).parent))

# In the background or under nohup these are ignored, which programs inherit that tests then interrupt. A handler that
# does nothing is as good here, and is not inherited.
for number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, lambda *_: None)


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A saved network of two layers for images (1, 8, 8) and three classes, with calibration and labelled samples."""
    import torch
    from torch import nn

    import sparsecomp

    torch.manual_seed(3)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 3)).eval()
    images = np.random.default_rng(3).random((12, 1, 8, 8), dtype=np.float32)
    with torch.no_grad():
        labels = network(torch.from_numpy(images)).argmax(1).numpy()
    path = tmp_path_factory.mktemp("model") / "model.pt"
    sparsecomp.save(network, path, torch.zeros(1, 1, 8, 8), calibration=images, samples=images, labels=labels)
    return path

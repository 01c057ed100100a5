"""Lets these tests import the helpers beside them; behind the folders of others, whose names come first."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.append(str(Path(__file__).parent))


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Sums of floats have one order, on every machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

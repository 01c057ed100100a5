"""The networks that the early-exit benchmark adds exits to: those of the compression benchmark, at one size in bytes.

Each is trained once and kept in a folder, so that every head looks at the same maps.
"""

import io
from pathlib import Path

import torch

from sparsecomp.compression import compress
from sparsecomp.frontend.saving import write_atomically
from sparsecomp_tools.benchmarks.compressing import Batches, float_network
from sparsecomp_tools.benchmarks.contenders import OURS
from sparsecomp_tools.benchmarks.tasks import Task

BYTES = 8000


def backbone(task: Task, fold: int, folder: Path) -> torch.nn.Module:
    """The task's network, compressed to ``BYTES`` with the compression benchmark's own method; in eval mode."""
    path = folder / f"{task.name}-{fold}-{BYTES}.pt"
    if not path.exists():
        network, data = float_network(task, fold, folder), task.fold(fold)
        given = {"calibration": data.x_train[:256], "seed": fold, "method": OURS, "target": BYTES / 1000}
        compress(network, Batches(task, data, fold), (data.x_val, data.y_val), **given)
        buffer = io.BytesIO()
        torch.save(network.state_dict(), buffer)
        write_atomically(path, buffer.getvalue())
    network = task.network()
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()

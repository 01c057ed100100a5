"""A run that was killed goes on from its last whole step, with the same result as if nothing had happened."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sparsecomp.compression.method import Method
from sparsecomp.compression.network import Network
from sparsecomp.compression.projection import Support
from sparsecomp.errors import InputError
from sparsecomp.frontend.saving import write_atomically

FILE = "checkpoint.pt"
VERSION = 1


def fingerprint(model: torch.nn.Module, method: Method, **target: Any) -> str:
    """What a checkpoint belongs to: the network that was given, the method and the target."""
    digest = hashlib.sha256(json.dumps([asdict(method), target], sort_keys=True, default=str).encode())
    for key, value in sorted(model.state_dict().items()):
        digest.update(key.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Randomness:
    """The state of every source of random numbers that a step draws from."""

    generators: Sequence[torch.Generator]

    def get(self) -> dict[str, Any]:
        """As plain values and tensors."""
        name, keys, *rest = np.random.get_state()
        version, internal, gauss = random.getstate()
        return {
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "numpy": [name, torch.from_numpy(keys.astype(np.int64)), *rest],
            "python": [version, list(internal), gauss],
            "loaders": [g.get_state() for g in self.generators],
        }

    def set(self, state: dict[str, Any]) -> None:
        """Goes back to a state."""
        torch.set_rng_state(state["torch"])
        if state["cuda"]:
            torch.cuda.set_rng_state_all(state["cuda"])
        name, keys, *rest = state["numpy"]
        np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
        version, internal, gauss = state["python"]
        random.setstate((version, tuple(internal), gauss))
        if len(state["loaders"]) != len(self.generators):
            raise InputError("the data loaders are not those of the checkpoint", "give the same data as before")
        for generator, value in zip(self.generators, state["loaders"], strict=True):
            generator.set_state(value)


def state_of(network: Network, optimizer: torch.optim.Optimizer, **more: Any) -> dict[str, Any]:
    """All that a step starts from, as plain values and copies of tensors."""
    supports = {name: vars(support) for name, support in network.supports.items()}
    state = {"model": network.model.state_dict(), "optimizer": optimizer.state_dict(), "supports": supports, **more}
    return _copied(state)


def restore(network: Network, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """The network, its supports and the optimizer as they were."""
    state = _copied(state)
    network.model.load_state_dict(state["model"])
    network.supports = {name: Support(**values) for name, values in state["supports"].items()}
    optimizer.load_state_dict(state["optimizer"])


def _copied(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copied(item) for item in value]
    return value


def write(folder: Path, mark: str, state: dict[str, Any]) -> None:
    """One file, replaced in one step. Raises ToolError where the disk refuses."""
    buffer = io.BytesIO()
    torch.save({"version": VERSION, "fingerprint": mark, "state": state}, buffer)
    write_atomically(folder / FILE, buffer.getvalue())


def read(folder: Path, mark: str, device: torch.device) -> dict[str, Any] | None:
    """The state of the last whole step; None where there is none yet. Never unpickles anything but plain values.

    Raises InputError where the checkpoint is damaged, or belongs to another run.
    """
    path = folder / FILE
    if not os.path.exists(path):
        return None
    hint = f"remove {folder}, or start without --resume"
    try:
        document = torch.load(path, map_location="cpu", weights_only=True)
        found, version, state = document["fingerprint"], document["version"], document["state"]
    except Exception as error:  # torch raises any class on a damaged file
        raise InputError(f"the checkpoint in {folder.name} cannot be read", hint) from error
    if version != VERSION or found != mark:
        raise InputError(f"the checkpoint in {folder.name} is of another network, method or target", hint)
    return state

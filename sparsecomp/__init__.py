"""From a trained PyTorch network to bit-exact, power-failure-proof C for batteryless microcontrollers.

The names below are loaded when they are first used, so that ``import sparsecomp`` stays quick and needs no torch.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "save": "sparsecomp.frontend",
    "load": "sparsecomp.frontend",
    "analyze": "sparsecomp.pipeline",
    "convert": "sparsecomp.pipeline",
    "deploy": "sparsecomp.pipeline",
    "simulate": "sparsecomp.pipeline",
    "explore": "sparsecomp.pipeline",
    "compress": "sparsecomp.compression",
    "compress_NN_models": "sparsecomp.compression",
    "save_compressed_model": "sparsecomp.conversion",
    "save_compressed_early_exit_model": "sparsecomp.conversion",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'sparsecomp' has no attribute '{name}'")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))

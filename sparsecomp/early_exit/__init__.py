"""Early exit: answers from inside a pre-trained network, each one better than the one before it.

``add_exits`` makes an ``EarlyExitNetwork`` of a trained network and data. Torch is imported when one of the names below
is first used.
"""

import importlib
from typing import Any

_HOMES = {
    "add_exits": "sparsecomp.early_exit.adding",
    "EarlyExitResult": "sparsecomp.early_exit.result",
    "ExitReport": "sparsecomp.early_exit.result",
    "Training": "sparsecomp.early_exit.training",
    "EarlyExitNetwork": "sparsecomp.early_exit.network",
    "GlobalHead": "sparsecomp.early_exit.heads",
    "IndividualHeads": "sparsecomp.early_exit.heads",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'sparsecomp.early_exit' has no attribute '{name}'")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))

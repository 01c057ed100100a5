"""How tensors lie in memory: torch's (C, H, W) is stored (H, W, C), so that a window's channels are neighbours."""

from __future__ import annotations

import math

import numpy as np

from sparsecomp.errors import ConversionError


def hwc(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Stored (height, width, channels) of a torch shape (C, H, W), (C, L) or (F,)."""
    if len(shape) == 3:
        return (shape[1], shape[2], shape[0])
    if len(shape) == 2:
        return (1, shape[1], shape[0])
    if len(shape) == 1:
        return (1, 1, shape[0])
    raise ConversionError(f"a tensor of shape {shape} has more than three dimensions", "flatten or squeeze it")


def storage_order(shape: tuple[int, ...]) -> np.ndarray:
    """Torch's flat index of every stored element, in storage order."""
    return np.moveaxis(np.arange(math.prod(shape)).reshape(shape), 0, -1).reshape(-1)

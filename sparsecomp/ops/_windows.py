"""Sliding windows, shared by convolution and pooling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sparsecomp.errors import ConversionError
from sparsecomp.graph import Node


def output_length(length: int, kernel: int, stride: int, low: int, high: int, dilation: int, ceil: bool = False) -> int:
    """Number of windows along one dimension, by torch's rule (a ceil-mode window must start inside)."""
    span = length + low + high - dilation * (kernel - 1) - 1
    count = (-(-span // stride) if ceil else span // stride) + 1
    if ceil and (count - 1) * stride >= length + low:
        count -= 1
    return count


def spatial_shape(node: Node, shape: Sequence[int], kernel: Sequence[int], dilation: Sequence[int]) -> tuple[int, ...]:
    """The spatial output shape of ``node`` (attributes stride, padding and perhaps ceil_mode)."""
    if len(shape) != len(kernel) + 1:
        raise ConversionError(f"{node.describe()} of {len(kernel)} kernel dimension(s) cannot read {tuple(shape)}")
    sizes = tuple(
        output_length(n, k, s, lo, hi, d, bool(node.attrs.get("ceil_mode", False)))
        for n, k, s, (lo, hi), d in zip(
            shape[1:], kernel, node.attrs["stride"], node.attrs["padding"], dilation, strict=True
        )
    )
    if min(sizes) < 1:
        raise ConversionError(f"{node.describe()}: its kernel {tuple(kernel)} is larger than its input {tuple(shape)}")
    return sizes


def windows(
    x: np.ndarray,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    sizes: Sequence[int],
    fill: float,
) -> np.ndarray:
    """View of ``x`` (N, C, *spatial) as (N, C, *sizes, *kernel); cells outside hold ``fill``."""
    pads = [(0, 0), (0, 0)]
    for n, k, s, (lo, _), d, out in zip(x.shape[2:], kernel, stride, padding, dilation, sizes, strict=True):
        needed = (out - 1) * s + d * (k - 1) + 1
        pads.append((lo, max(0, needed - n - lo)))
    x = np.pad(x, pads, constant_values=fill)
    steps = x.strides[2:]
    return np.lib.stride_tricks.as_strided(
        x,
        (*x.shape[:2], *sizes, *kernel),
        (
            *x.strides[:2],
            *(b * s for b, s in zip(steps, stride, strict=True)),
            *(b * d for b, d in zip(steps, dilation, strict=True)),
        ),
        writeable=False,
    )

"""min(max(x, min), max); a bound may be None (torch.nn.ReLU6, Hardtanh, torch.clamp)."""

import math

import numpy as np

from sparsecomp.errors import ConversionError
from sparsecomp.ops._rectify import lower_rectify

ATTRS = ("min", "max")


def shape(node, shapes, params):
    low, high = node.attrs["min"], node.attrs["max"]
    if low is not None and high is not None and low > high:
        raise ConversionError(f"{node.describe()} clips to an empty range: {low} to {high}")
    return shapes[0]


def run(node, inputs, params):
    low, high = node.attrs["min"], node.attrs["max"]
    return np.clip(inputs[0], None if low is None else np.float32(low), None if high is None else np.float32(high))


def bounds(node):
    """Real bounds of the result; infinite where there is none."""
    low, high = node.attrs["min"], node.attrs["max"]
    return -math.inf if low is None else low, math.inf if high is None else high


def lower(node, build):
    """A rectify step; the exponent stays."""
    lower_rectify(node, build, 1.0, *bounds(node))

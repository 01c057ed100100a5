"""x where positive, negative_slope * x elsewhere (torch.nn.LeakyReLU)."""

import math

import numpy as np

from sparsecomp.errors import ConversionError
from sparsecomp.ops._rectify import lower_rectify

ATTRS = ("negative_slope",)


def shape(node, shapes, params):
    if not 0 <= node.attrs["negative_slope"] <= 64:
        raise ConversionError(f"{node.describe()} has slope {node.attrs['negative_slope']}", "slopes are 0 to 64")
    return shapes[0]


def run(node, inputs, params):
    x = inputs[0]
    return np.where(x >= 0, x, x * np.float32(node.attrs["negative_slope"]))


def lower(node, build):
    """A rectify step with two gains."""
    lower_rectify(node, build, float(node.attrs["negative_slope"]), -math.inf, math.inf, build.fraction(node.output))

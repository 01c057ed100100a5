"""max(x, 0) (torch.nn.ReLU)."""

import math

import numpy as np

from sparsecomp.ops._rectify import lower_rectify

ATTRS = ()


def shape(node, shapes, params):
    return shapes[0]


def run(node, inputs, params):
    return np.maximum(inputs[0], np.float32(0))


def bounds(node):
    """Real bounds of the result."""
    return 0.0, math.inf


def lower(node, build):
    """A rectify step; the exponent stays."""
    lower_rectify(node, build, 1.0, *bounds(node))

"""Hyperbolic tangent (torch.nn.Tanh)."""

import numpy as np

from sparsecomp.ops._lookup import lower_lookup

ATTRS = ()


def shape(node, shapes, params):
    return shapes[0]


def run(node, inputs, params):
    return np.tanh(inputs[0])


def lower(node, build):
    """A lookup step."""
    lower_lookup(node, build)

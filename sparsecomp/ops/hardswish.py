"""x * min(max(x + 3, 0), 6) / 6 (torch.nn.Hardswish)."""

import numpy as np

from sparsecomp.ops._lookup import lower_lookup

ATTRS = ()


def shape(node, shapes, params):
    return shapes[0]


def run(node, inputs, params):
    x = inputs[0]
    return (x * np.clip(x + np.float32(3), 0, 6) / np.float32(6)).astype(np.float32)


def lower(node, build):
    """A lookup step."""
    lower_lookup(node, build)

"""A map of zeros, as stands for one that is not computed yet (torch.zeros_like). It reads nothing."""

import numpy as np

ATTRS = ("shape",)


def shape(node, shapes, params):
    return tuple(node.attrs["shape"])


def run(node, inputs, params):
    """One sample; the caller repeats it."""
    return np.zeros((1, *node.attrs["shape"]), np.float32)


def lower(node, build):
    """The whole map filled. A concatenation does without it."""
    readers = build.graph.consumers(node.output)
    if node.output not in build.graph.outputs and all(reader.op == "concat" for reader in readers):
        return
    out = build.output(node.output, build.fraction(node.output), halo=(0, 0, 0, 0))
    attrs = {"value": 0.0, "whole": True, "pitch": out.pitch}
    build.emit("fill", "fill", (), out.name, out.stored_height, node, attrs)

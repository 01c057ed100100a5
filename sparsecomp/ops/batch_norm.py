"""Batch normalization with running statistics (torch.nn.BatchNorm1d, BatchNorm2d in eval mode)."""

import numpy as np

from sparsecomp.errors import ConversionError
from sparsecomp.ops._mac import lower_mac

ATTRS = ("eps", "momentum")


def shape(node, shapes, params):
    if params[node.params["running_mean"]].shape != (shapes[0][0],):
        raise ConversionError(f"{node.describe()}: its statistics do not have {shapes[0][0]} channels")
    return shapes[0]


def gain_and_offset(node, params):
    """The per-channel affine map ``y = gain * x + offset``, float64."""
    mean = params[node.params["running_mean"]].astype(np.float64)
    gain = 1.0 / np.sqrt(params[node.params["running_var"]].astype(np.float64) + node.attrs["eps"])
    if "weight" in node.params:
        gain = gain * params[node.params["weight"]]
    offset = -mean * gain
    if "bias" in node.params:
        offset = offset + params[node.params["bias"]]
    return gain, offset


def run(node, inputs, params):
    gain, offset = gain_and_offset(node, params)
    lift = (1, -1) + (1,) * (inputs[0].ndim - 2)
    return (inputs[0] * gain.reshape(lift) + offset.reshape(lift)).astype(np.float32)


def lower(node, build):
    """A per-channel affine map (where folding was not exact): a mac step of one 16-bit tap a channel."""
    gain, offset = gain_and_offset(node, build.graph.params)
    source = build.canonical(node.inputs[0], node)
    geometry = {
        "offsets": np.zeros(1, np.int64),
        "runs": (1, 1, 1, 0, 0),
        "start": source.origin,
        "row_step": source.pitch,
        "column_step": source.channels,
        "group_step": 1,
        "group_size": 1,
    }
    lower_mac(node, build, source, gain[:, None], offset, geometry, "affine", bits=16)

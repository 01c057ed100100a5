"""Fully connected layer (torch.nn.Linear) on a flat tensor."""

import numpy as np

from sparsecomp.errors import ConversionError
from sparsecomp.layout import storage_order
from sparsecomp.ops._mac import lower_mac

ATTRS = ()


def shape(node, shapes, params):
    weight = params[node.params["weight"]]
    if len(shapes[0]) != 1:
        raise ConversionError(f"{node.describe()} reads shape {shapes[0]}", "flatten its input first: x.flatten(1)")
    if weight.ndim != 2 or weight.shape[1] != shapes[0][0]:
        raise ConversionError(f"{node.describe()}: weight {weight.shape} cannot read {shapes[0]}")
    return (weight.shape[0],)


def run(node, inputs, params):
    y = inputs[0] @ params[node.params["weight"]].T
    return (y + params[node.params["bias"]] if "bias" in node.params else y).astype(np.float32)


def macs(node, shapes, params):
    return params[node.params["weight"]].size


def lower(node, build):
    """A mac step with one window; columns follow the storage order of a flattened map."""
    source = build.read(node.inputs[0])
    matrix = build.graph.param(node, "weight")
    if source.layout:
        matrix = matrix[:, storage_order(source.layout)]
    taps = matrix.shape[1]
    geometry = {
        "offsets": np.arange(taps),
        "runs": (1, 1, taps, 0, 0),
        "start": source.origin,
        "row_step": 0,
        "column_step": 0,
        "group_step": 0,
        "group_size": len(matrix),
    }
    lower_mac(node, build, source, matrix, build.graph.param(node, "bias"), geometry, "fc")

"""Convolution, one- or two-dimensional, grouped and dilated (torch.nn.Conv1d, Conv2d)."""

import numpy as np

from sparsecomp.errors import ConversionError
from sparsecomp.ops._mac import lower_mac
from sparsecomp.ops._windows import spatial_shape, windows

ATTRS = ("stride", "padding", "dilation", "groups")


def shape(node, shapes, params):
    weight = params[node.params["weight"]]
    groups = node.attrs["groups"]
    if weight.ndim - 2 != len(node.attrs["stride"]) or weight.ndim not in (3, 4):
        raise ConversionError(f"{node.describe()}: weight of shape {weight.shape} is neither 1-D nor 2-D")
    if shapes[0][0] != weight.shape[1] * groups or weight.shape[0] % groups:
        raise ConversionError(f"{node.describe()}: weight {weight.shape} in {groups} group(s) cannot read {shapes[0]}")
    return (weight.shape[0], *spatial_shape(node, shapes[0], weight.shape[2:], node.attrs["dilation"]))


def run(node, inputs, params):
    (x,) = inputs
    weight = params[node.params["weight"]]
    attrs, kernel, groups = node.attrs, weight.shape[2:], node.attrs["groups"]
    sizes = spatial_shape(node, x.shape[1:], kernel, attrs["dilation"])
    view = windows(x, kernel, attrs["stride"], attrs["padding"], attrs["dilation"], sizes, 0.0)
    rank, n = len(kernel), len(x)
    outputs = []
    for g in range(groups):
        part = view[:, g * weight.shape[1] : (g + 1) * weight.shape[1]]
        # (N, C, *sizes, *kernel) -> (N, *sizes, C, *kernel), one matrix product a group
        patches = np.moveaxis(part, 1, 1 + rank).reshape(n * int(np.prod(sizes)), -1)
        rows = weight.shape[0] // groups
        filters = weight[g * rows : (g + 1) * rows].reshape(rows, -1)
        outputs.append(np.moveaxis((patches @ filters.T).reshape(n, *sizes, rows), -1, 1))
    y = np.concatenate(outputs, axis=1)
    if "bias" in node.params:
        y = y + params[node.params["bias"]].reshape(1, -1, *[1] * rank)
    return np.ascontiguousarray(y, np.float32)


def macs(node, shapes, params):
    weight = params[node.params["weight"]]
    return weight.size * int(np.prod(shapes[node.output][1:]))


def halo(node):
    """(top, left, bottom, right) zero cells that it reads around its input."""
    padding = node.attrs["padding"]
    (top, bottom), (left, right) = padding if len(padding) == 2 else ((0, 0), padding[0])
    return (top, left, bottom, right)


def lower(node, build):
    """A mac step; its input gets a zero halo as wide as the padding."""
    weight = build.graph.param(node, "weight")
    groups = node.attrs["groups"]
    top, left, _, _ = edge = halo(node)
    source = build.with_halo(node.inputs[0], edge, node)
    kernel, stride, dilation = (
        values if len(values) == 2 else (1, *values)
        for values in (weight.shape[2:], node.attrs["stride"], node.attrs["dilation"])
    )
    inputs = weight.shape[1]
    # (O, I, kh, kw) -> (O, kh, kw, I): taps in storage order
    matrix = np.moveaxis(weight.reshape(len(weight), inputs, *kernel), 1, -1).reshape(len(weight), -1)
    tap_row, tap_column = dilation[0] * source.pitch, dilation[1] * source.channels
    y, x, c = np.ix_(*(np.arange(n) for n in (*kernel, inputs)))
    geometry = {
        "offsets": (y * tap_row + x * tap_column + c).reshape(-1),
        "runs": (kernel[0], 1, kernel[1] * inputs, tap_row, 0)
        if dilation[1] == 1 and groups == 1
        else (*kernel, inputs, tap_row, tap_column),
        "start": source.origin - top * source.pitch - left * source.channels,
        "row_step": stride[0] * source.pitch,
        "column_step": stride[1] * source.channels,
        "group_step": inputs,
        "group_size": len(weight) // groups,
    }
    lower_mac(node, build, source, matrix, build.graph.param(node, "bias"), geometry, "conv")

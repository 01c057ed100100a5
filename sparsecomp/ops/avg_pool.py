"""Average over sliding windows (torch.nn.AvgPool1d, AvgPool2d)."""

from sparsecomp.errors import ConversionError
from sparsecomp.ops._averages import average, lower_average, pool_spans
from sparsecomp.ops._windows import spatial_shape

ATTRS = ("kernel", "stride", "padding", "ceil_mode", "count_include_pad", "divisor")


def shape(node, shapes, params):
    if node.attrs["divisor"] is not None and node.attrs["divisor"] < 1:
        raise ConversionError(f"{node.describe()} divides by {node.attrs['divisor']}", "divisor_override is 1 or more")
    return (shapes[0][0], *spatial_shape(node, shapes[0], node.attrs["kernel"], [1] * len(node.attrs["kernel"])))


def spans(node, input_shape):
    """The windows along each spatial dimension, and the constant divisor or None."""
    attrs = node.attrs
    sizes = spatial_shape(node, input_shape, attrs["kernel"], [1] * len(attrs["kernel"]))
    rows = zip(input_shape[1:], attrs["kernel"], attrs["stride"], attrs["padding"], sizes, strict=True)
    include = attrs["count_include_pad"]
    return tuple(pool_spans(n, k, s, lo, hi, count, include) for n, k, s, (lo, hi), count in rows), attrs["divisor"]


def run(node, inputs, params):
    return average(inputs[0], *spans(node, inputs[0].shape[1:]))


def lower(node, build):
    """An avg_pool step."""
    lower_average(node, build, *spans(node, build.graph.shapes[node.inputs[0]]))

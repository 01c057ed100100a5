"""Average to a given output size (torch.nn.AdaptiveAvgPool1d, AdaptiveAvgPool2d)."""

from sparsecomp.errors import ConversionError
from sparsecomp.ops._averages import adaptive_spans, average, lower_average

ATTRS = ("output_size",)


def shape(node, shapes, params):
    if len(shapes[0]) != len(node.attrs["output_size"]) + 1:
        raise ConversionError(f"{node.describe()} cannot read shape {shapes[0]}")
    return (shapes[0][0], *node.attrs["output_size"])


def spans(node, input_shape):
    """The windows along each spatial dimension; never a constant divisor."""
    return tuple(adaptive_spans(n, m) for n, m in zip(input_shape[1:], node.attrs["output_size"], strict=True)), None


def run(node, inputs, params):
    return average(inputs[0], *spans(node, inputs[0].shape[1:]))


def lower(node, build):
    """An avg_pool step."""
    lower_average(node, build, *spans(node, build.graph.shapes[node.inputs[0]]))

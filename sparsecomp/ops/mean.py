"""Mean over spatial axes (torch.mean with dim)."""

from sparsecomp.errors import ConversionError
from sparsecomp.ops._averages import adaptive_spans, average, lower_average

ATTRS = ("dims", "keepdim")


def shape(node, shapes, params):
    dims = set(node.attrs["dims"])
    if not dims or not dims <= set(range(1, len(shapes[0]))):
        raise ConversionError(
            f"{node.describe()} over dimensions {sorted(dims)} of {shapes[0]}",
            "only means over spatial dimensions are supported: x.mean(dim=(2, 3))",
        )
    if node.attrs["keepdim"]:
        return tuple(1 if i in dims else n for i, n in enumerate(shapes[0]))
    return tuple(n for i, n in enumerate(shapes[0]) if i not in dims)


def spans(node, input_shape):
    """The windows along each spatial dimension; never a constant divisor."""
    dims = set(node.attrs["dims"])
    return tuple(adaptive_spans(n, 1 if i in dims else n) for i, n in enumerate(input_shape[1:], start=1)), None


def run(node, inputs, params):
    y = average(inputs[0], *spans(node, inputs[0].shape[1:]))
    return y.reshape(len(y), *shape(node, [inputs[0].shape[1:]], params))


def lower(node, build):
    """An avg_pool step."""
    lower_average(node, build, *spans(node, build.graph.shapes[node.inputs[0]]))

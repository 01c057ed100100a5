"""Maximum over sliding windows (torch.nn.MaxPool1d, MaxPool2d); cells outside never win."""

import numpy as np

from sparsecomp.errors import ConversionError
from sparsecomp.ops._windows import spatial_shape, windows

ATTRS = ("kernel", "stride", "padding", "dilation", "ceil_mode")


def shape(node, shapes, params):
    attrs = node.attrs
    sizes = spatial_shape(node, shapes[0], attrs["kernel"], attrs["dilation"])
    dims = zip(shapes[0][1:], attrs["kernel"], attrs["stride"], attrs["padding"], attrs["dilation"], sizes, strict=True)
    for n, k, s, (lo, _), d, count in dims:
        if any(not any(0 <= i * s - lo + tap * d < n for tap in range(k)) for i in range(count)):
            raise ConversionError(
                f"{node.describe()}: a window lies wholly in the padding, its maximum is -infinity",
                "use less padding or dilation",
            )
    return (shapes[0][0], *sizes)


def run(node, inputs, params):
    (x,) = inputs
    attrs, kernel = node.attrs, node.attrs["kernel"]
    sizes = spatial_shape(node, x.shape[1:], kernel, attrs["dilation"])
    view = windows(x, kernel, attrs["stride"], attrs["padding"], attrs["dilation"], sizes, -np.inf)
    return view.max(axis=tuple(range(-len(kernel), 0))).astype(np.float32)


def lower(node, build):
    """A max_pool step; the exponent stays."""
    source = build.read(node.inputs[0])
    name, low, high = build.target(node)
    out = build.output(name, source.fraction, low, high)
    flat = len(node.attrs["kernel"]) == 1
    pairs = {key: (1, *node.attrs[key]) if flat else tuple(node.attrs[key]) for key in ("kernel", "stride", "dilation")}
    pads = ((0, 0), *node.attrs["padding"]) if flat else node.attrs["padding"]
    attrs = {**pairs, "pad": (pads[0][0], pads[1][0]), "low": out.low, "high": out.high}
    build.emit("max_pool", "pool", (source.name,), out.name, out.elements, node, attrs)

"""Maximum over neighbouring channels, what torch.nn.MaxPool3d does to an unbatched map besides its windows in space."""

import numpy as np

from sparsecomp.errors import ConversionError
from sparsecomp.ops._windows import output_length
from sparsecomp.program import Stored

ATTRS = ("kernel", "stride", "padding", "dilation", "ceil_mode")


def shape(node, shapes, params):
    channels, *rest = shapes[0]
    count = _count(node, channels)
    begins = (i * node.attrs["stride"] - node.attrs["padding"] for i in range(count))
    reach = [b + (node.attrs["kernel"] - 1) * node.attrs["dilation"] for b in begins]
    if count < 1 or any(end < 0 for end in reach) or not all(_taps(node, i, channels) for i in range(count)):
        raise ConversionError(f"{node.describe()}: a window holds none of the {channels} channels")
    return (count, *rest)


def run(node, inputs, params):
    (x,) = inputs
    channels = x.shape[1]
    windows = (x[:, _taps(node, i, channels)].max(axis=1) for i in range(_count(node, channels)))
    return np.stack(list(windows), axis=1)


def _count(node, channels):
    a = node.attrs
    return output_length(channels, a["kernel"], a["stride"], a["padding"], a["padding"], a["dilation"], a["ceil_mode"])


def _taps(node, index, channels):
    """The channels of one window that are there."""
    a = node.attrs
    begin = index * a["stride"] - a["padding"]
    return [c for c in range(begin, begin + a["kernel"] * a["dilation"], a["dilation"]) if 0 <= c < channels]


def lower(node, build):
    """A max_pool step over the map as rows of cells of one channel: a row is a pixel, a cell one of its channels."""
    source = build.canonical(node.inputs[0], node)
    if any(source.halo):
        raise ConversionError(f"{node.describe()} cannot read a tensor with a halo")
    pixels, a = source.height * source.width, node.attrs
    view = Stored(
        f"{node.name}_cells", pixels, source.channels, 1, source.fraction, low=source.low, high=source.high,
        alias=source.name,
    )  # fmt: skip
    build.add(view)
    count = build.graph.shapes[node.output][0]
    out = build.output(node.output, source.fraction, grid=(pixels, count, 1))
    attrs = {
        "kernel": (1, a["kernel"]),
        "stride": (1, a["stride"]),
        "pad": (0, a["padding"]),
        "dilation": (1, a["dilation"]),
        "low": out.low,
        "high": out.high,
    }
    build.emit("max_pool", "pool", (view.name,), out.name, out.elements, node, attrs)

"""Every cell repeated (torch.nn.Upsample, mode 'nearest', by whole factors)."""

import numpy as np

from sparsecomp.errors import ConversionError

ATTRS = ("scale",)  # along each dimension of space


def shape(node, shapes, params):
    channels, *space = shapes[0]
    if len(space) != len(node.attrs["scale"]) or min(node.attrs["scale"]) < 1:
        raise ConversionError(f"{node.describe()} cannot scale {shapes[0]} by {node.attrs['scale']}")
    return (channels, *(n * s for n, s in zip(space, node.attrs["scale"], strict=True)))


def run(node, inputs, params):
    (x,) = inputs
    for axis, times in enumerate(node.attrs["scale"], start=2):
        x = np.repeat(x, times, axis=axis)
    return x


def lower(node, build):
    """A copy of the map for each place that a cell is repeated at."""
    source = build.canonical(node.inputs[0], node)
    out = build.output(node.output, source.fraction)
    down, beside = (1, *node.attrs["scale"])[-2:]
    for y in range(down):
        for x in range(beside):
            attrs = {
                "size": source.shape,
                "input_start": source.origin,
                "input_step": (source.pitch, source.channels, 1),
                "output_start": out.origin + y * out.pitch + x * out.channels,
                "output_step": (down * out.pitch, beside * out.channels, 1),
                "gain": 256,
                "shift": 8,
            }
            build.emit("copy", "upsample", (source.name,), out.name, source.elements, node, attrs)

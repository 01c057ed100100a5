"""A border of one constant (torch.nn.functional.pad, torch.nn.ConstantPad, ZeroPad)."""

import numpy as np

from sparsecomp.errors import ConversionError

ATTRS = ("pads", "value")


def shape(node, shapes, params):
    pads = node.attrs["pads"]
    if len(pads) != len(shapes[0]) or any(n < 0 for pair in pads for n in pair):
        raise ConversionError(
            f"{node.describe()}: padding {pads} of shape {shapes[0]}", "negative padding (cropping) is not supported"
        )
    return tuple(n + lo + hi for n, (lo, hi) in zip(shapes[0], pads, strict=True))


def run(node, inputs, params):
    return np.pad(inputs[0], ((0, 0), *node.attrs["pads"]), constant_values=np.float32(node.attrs["value"]))


def lower(node, build):
    """The whole output filled, then the input copied inside."""
    source = build.canonical(node.inputs[0], node)
    value = float(node.attrs["value"])
    fraction = source.fraction
    if not build.is_float and value:
        fraction = min(fraction, build.fraction(node.output))
    out = build.output(node.output, fraction, halo=(0, 0, 0, 0))
    low, _ = build.clamp(value, value, fraction)
    build.emit("fill", "fill", (), out.name, out.stored_height, node, {"value": low, "whole": True, "pitch": out.pitch})
    starts = [lo for lo, _ in node.attrs["pads"]]
    row, column = (0, 0, *starts[1:])[-2:]
    build.copy_box(source, out, node, "pad", (row, column, starts[0]))

"""Tensors side by side along one dimension (torch.cat)."""

import numpy as np

from sparsecomp.errors import ConversionError
from sparsecomp.layout import hwc

ATTRS = ("dim",)


def shape(node, shapes, params):
    dim = node.attrs["dim"]
    rest = {(s[:dim], s[dim + 1 :]) for s in shapes}
    if len(rest) != 1 or not 0 <= dim < len(shapes[0]):
        raise ConversionError(f"{node.describe()} cannot join {', '.join(map(str, shapes))} along dimension {dim}")
    first = shapes[0]
    return (*first[:dim], sum(s[dim] for s in shapes), *first[dim + 1 :])


def run(node, inputs, params):
    return np.concatenate(inputs, axis=node.attrs["dim"] + 1)


def lower(node, build):
    """One copy step an input, side by side; where some are zeros, all of it is filled with them before."""
    zeros = [name for name in node.inputs if _is_zeros(build.graph, name)]
    parts = [build.canonical(name, node) for name in node.inputs if name not in zeros]
    # (C, H, W) is stored (H, W, C), (C, L) is stored (1, L, C)
    axis = 2 if node.attrs["dim"] == 0 else node.attrs["dim"] - 1 + (3 - len(build.graph.shapes[node.output]))
    fraction = min(build.fraction(node.output), min(part.fraction for part in parts) + 6)
    out = build.output(node.output, fraction, halo=(0, 0, 0, 0) if zeros else None)
    if zeros:
        attrs = {"value": 0.0, "whole": True, "pitch": out.pitch}
        build.emit("fill", "fill", (), out.name, out.stored_height, node, attrs)
    at, left = [0, 0, 0], list(parts)
    for name in node.inputs:
        if name not in zeros:
            build.copy_box(left.pop(0), out, node, "concat", tuple(at))
        at[axis] += hwc(build.graph.shapes[name])[axis]


def _is_zeros(graph, name):
    producer = graph.producer(name)
    return producer is not None and producer.op == "zeros"

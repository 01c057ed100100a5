"""The same elements in torch's order under another shape (flatten, view, reshape, squeeze, unsqueeze)."""

import math
from dataclasses import replace

import numpy as np

from sparsecomp.errors import ConversionError
from sparsecomp.layout import hwc, storage_order

ATTRS = ("shape",)
ELEMENTWISE = ("relu", "clip", "leaky_relu", "sigmoid", "tanh", "hardswish")  # they keep any order


def shape(node, shapes, params):
    if math.prod(shapes[0]) != math.prod(node.attrs["shape"]):
        raise ConversionError(f"{node.describe()} cannot turn {shapes[0]} into {node.attrs['shape']}")
    return tuple(node.attrs["shape"])


def run(node, inputs, params):
    return inputs[0].reshape(len(inputs[0]), *node.attrs["shape"])


def lower(node, build):
    """The same bytes under another shape where the order allows it; otherwise moved through torch's flat order."""
    shapes = build.graph.shapes
    source, old, new = build.read(node.inputs[0]), shapes[node.inputs[0]], shapes[node.output]
    order = storage_order(source.layout or old)
    if source.halo != (0, 0, 0, 0):
        raise ConversionError(f"{node.describe()} cannot read a tensor with a halo")
    if np.array_equal(order, storage_order(new)):
        _alias(build, node, source, new)
        return
    if len(new) == 1 and _only_linear(build.graph, node.output):
        _alias(build, node, source, new, layout=source.layout or old)
        return
    flat = _flattened(build, node, source, old)
    if np.array_equal(storage_order(new), np.arange(flat.elements)):
        _alias(build, node, flat, new)
        return
    height, width, channels = hwc(new)
    out = build.output(node.output, flat.fraction)
    attrs = {
        "size": (height, width, channels),
        "input_start": 0,
        "input_step": (width, 1, height * width),
        "output_start": out.origin,
        "output_step": (out.pitch, channels, 1),
        "gain": 256,
        "shift": 8,
    }
    build.emit("copy", "permute", (flat.name,), out.name, out.elements, node, attrs)


def _flattened(build, node, source, shape):
    """The elements of ``source``, a tensor of torch's ``shape``, in torch's flat order."""
    order = storage_order(source.layout or shape)
    if not source.layout and not np.array_equal(order, np.arange(order.size)):
        name, alias = f"{node.name}_map", source.name
        view = replace(source, name=name, alias=alias, layout=shape, height=1, width=1, channels=source.elements)
        source = build.add(view)
    return build.canonical(source.name, node)


def _alias(build, node, source, shape, layout=()):
    """Registers the output as the bytes of ``source`` under torch's ``shape``."""
    height, width, channels = hwc(shape)
    layout = layout if len(layout) > 1 else ()
    build.add(
        replace(
            source,
            name=node.output,
            height=height,
            width=width,
            channels=channels,
            alias=source.name,
            layout=layout,
        )
    )
    build.origins[node.output] = node.output


def _only_linear(graph, tensor):
    """Whether nothing but linear layers, perhaps behind element-wise operators, reads ``tensor``."""
    readers = graph.consumers(tensor)
    return (
        bool(readers)
        and tensor not in graph.outputs
        and all(n.op == "linear" or (n.op in ELEMENTWISE and _only_linear(graph, n.output)) for n in readers)
    )

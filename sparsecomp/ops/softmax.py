"""exp(x) normalized along one dimension (torch.nn.Softmax)."""

import numpy as np

ATTRS = ("dim",)


def shape(node, shapes, params):
    return shapes[0]


def run(node, inputs, params):
    axis = node.attrs["dim"] + 1
    e = np.exp(inputs[0].astype(np.float64) - inputs[0].max(axis=axis, keepdims=True))
    return (e / e.sum(axis=axis, keepdims=True)).astype(np.float32)

"""Logarithm of softmax (torch.nn.LogSoftmax)."""

import numpy as np

ATTRS = ("dim",)


def shape(node, shapes, params):
    return shapes[0]


def run(node, inputs, params):
    axis = node.attrs["dim"] + 1
    x = inputs[0].astype(np.float64) - inputs[0].max(axis=axis, keepdims=True)
    return (x - np.log(np.exp(x).sum(axis=axis, keepdims=True))).astype(np.float32)

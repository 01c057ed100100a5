"""Every operator's float values against torch, corner options included."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sparsecomp.errors import ConversionError
from sparsecomp.graph import Node
from sparsecomp.ops import SUPPORTED, operator

RNG = np.random.default_rng(7)
IMAGE, LINE, FLAT = (4, 9, 7), (4, 13), (11,)


def random(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def pads(*pairs):
    """(low, high) of each dimension as torch's F.pad wants them: the last dimension first."""
    return [n for pair in reversed(pairs) for n in pair]


def conv(shape, filters, kernel, stride, padding, dilation, groups, bias=True):
    weight = random(filters, shape[0] // groups, *kernel)
    params = {"weight": weight, **({"bias": random(filters)} if bias else {})}
    function = F.conv2d if len(kernel) == 2 else F.conv1d

    def torchs(x, p):
        x = F.pad(x, pads(*padding))
        return function(x, p["weight"], p.get("bias"), stride, 0, dilation, groups)

    return "conv", [shape], params, dict(stride=stride, padding=padding, dilation=dilation, groups=groups), torchs


def max_pool(shape, kernel, stride, padding, dilation, ceil_mode):
    function = F.max_pool2d if len(kernel) == 2 else F.max_pool1d
    attrs = dict(kernel=kernel, stride=stride, dilation=dilation, ceil_mode=ceil_mode)
    attrs["padding"] = tuple((n, n) for n in padding)
    return "max_pool", [shape], {}, attrs, lambda x, p: function(x, kernel, stride, padding, dilation, ceil_mode)


def avg_pool(shape, kernel, stride, padding, ceil_mode, include, divisor=None):
    attrs = dict(kernel=kernel, stride=stride, ceil_mode=ceil_mode, count_include_pad=include, divisor=divisor)
    attrs["padding"] = tuple((n, n) for n in padding)
    if len(kernel) == 1:
        return "avg_pool", [shape], {}, attrs, lambda x, p: F.avg_pool1d(x, kernel, stride, padding, ceil_mode, include)
    return (
        "avg_pool",
        [shape],
        {},
        attrs,
        lambda x, p: F.avg_pool2d(x, kernel, stride, padding, ceil_mode, include, divisor),
    )


def adaptive(shape, size):
    function = F.adaptive_avg_pool2d if len(size) == 2 else F.adaptive_avg_pool1d
    return "adaptive_avg_pool", [shape], {}, {"output_size": size}, lambda x, p: function(x, size)


def batch_norm(shape, affine, eps):
    channels = shape[0]
    params = {"running_mean": random(channels), "running_var": np.abs(random(channels)) + 0.1}
    if affine:
        params |= {"weight": random(channels), "bias": random(channels)}
    return (
        "batch_norm",
        [shape],
        params,
        {"eps": eps, "momentum": 0.1},
        lambda x, p: F.batch_norm(x, p["running_mean"], p["running_var"], p.get("weight"), p.get("bias"), eps=eps),
    )


def linear(bias):
    params = {"weight": random(5, 11), **({"bias": random(5)} if bias else {})}
    return "linear", [FLAT], params, {}, lambda x, p: F.linear(x, p["weight"], p.get("bias"))


def pad(shape, widths, value):
    return "pad", [shape], {}, {"pads": widths, "value": value}, lambda x, p: F.pad(x, pads(*widths), value=value)


def mean(shape, dims, keep):
    batched = tuple(d + 1 for d in dims)
    return "mean", [shape], {}, {"dims": dims, "keepdim": keep}, lambda x, p: x.mean(batched, keepdim=keep)


def over_channels(shape, kernel, stride, padding, dilation, ceil_mode):
    attrs = dict(kernel=kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode)

    def torchs(x, p):
        return torch.stack([
            F.max_pool3d(one[None], (kernel, 1, 1), (stride, 1, 1), (padding, 0, 0), (dilation, 1, 1), ceil_mode)[0]
            for one in x
        ])  # fmt: skip

    return "max_pool_channels", [shape], {}, attrs, torchs


def simple(op, function, shape=IMAGE, **attrs):
    return op, [shape], {}, attrs, lambda x, p: function(x)


def softmax(op, function, shape, dim):
    return op, [shape], {}, {"dim": dim}, lambda x, p: function(x, dim + 1)


def several(op, shapes, function, **attrs):
    return op, shapes, {}, attrs, lambda *tensors: function(tensors[:-1])


NONE2, ONE2 = ((0, 0), (0, 0)), (1, 1)
CASES = {
    "conv plain": conv(IMAGE, 3, (3, 3), ONE2, NONE2, ONE2, 1),
    "conv asymmetric pads": conv(IMAGE, 3, (2, 4), ONE2, ((0, 1), (1, 2)), ONE2, 1),
    "conv stride that leaves cells over": conv(IMAGE, 3, (3, 2), (4, 3), NONE2, ONE2, 1),
    "conv dilated": conv(IMAGE, 3, (3, 3), (2, 1), ((2, 2), (1, 1)), (3, 2), 1),
    "conv groups": conv(IMAGE, 6, (3, 1), (1, 2), ((1, 1), (0, 0)), ONE2, 2),
    "conv depthwise with a multiplier": conv(IMAGE, 8, (3, 3), ONE2, ((1, 1), (1, 1)), ONE2, 4, bias=False),
    "conv pads wider than its kernel": conv(IMAGE, 2, (1, 1), ONE2, ((3, 0), (0, 2)), ONE2, 1),
    "conv of the whole input": conv(IMAGE, 2, (9, 7), ONE2, NONE2, ONE2, 1),
    "conv 1d": conv(LINE, 6, (4,), (3,), ((1, 2),), (2,), 2),
    "linear": linear(True),
    "linear without bias": linear(False),
    "max_pool": max_pool(IMAGE, (2, 2), (2, 2), (0, 0), ONE2, False),
    "max_pool ceil": max_pool(IMAGE, (2, 3), (2, 3), (0, 0), ONE2, True),
    "max_pool ceil, last window starts in the padding": max_pool((2, 5, 5), (2, 2), (3, 3), (1, 1), ONE2, True),
    "max_pool padded, dilated": max_pool(IMAGE, (3, 2), (2, 1), (1, 1), (2, 3), False),
    "max_pool padded, dilated, ceil": max_pool(IMAGE, (3, 2), (2, 2), (1, 1), (2, 3), True),
    "max_pool overlapping": max_pool(IMAGE, (3, 3), ONE2, (1, 1), ONE2, False),
    "max_pool 1d": max_pool(LINE, (3,), (4,), (1,), (2,), True),
    "avg_pool": avg_pool(IMAGE, (2, 2), (2, 2), (0, 0), False, True),
    "avg_pool padded, counted": avg_pool(IMAGE, (3, 3), (2, 2), (1, 1), False, True),
    "avg_pool padded, not counted": avg_pool(IMAGE, (3, 3), (2, 2), (1, 1), False, False),
    "avg_pool ceil, counted": avg_pool(IMAGE, (2, 4), (2, 3), (1, 2), True, True),
    "avg_pool ceil, not counted": avg_pool(IMAGE, (2, 4), (2, 3), (1, 2), True, False),
    "avg_pool ceil unpadded, counted": avg_pool((2, 8, 8), (3, 3), (2, 2), (0, 0), True, True),
    "avg_pool divisor": avg_pool(IMAGE, (2, 3), (2, 2), (1, 1), True, True, 5),
    "avg_pool 1d": avg_pool(LINE, (4,), (3,), (2,), True, False),
    "adaptive divisible": adaptive((2, 8, 6), (4, 3)),
    "adaptive not divisible": adaptive(IMAGE, (4, 5)),
    "adaptive larger than its input": adaptive((2, 3, 2), (5, 4)),
    "adaptive to one": adaptive(IMAGE, (1, 1)),
    "adaptive 1d": adaptive(LINE, (5,)),
    "mean of both": mean(IMAGE, (1, 2), False),
    "mean of rows, kept": mean(IMAGE, (1,), True),
    "mean of columns": mean(IMAGE, (2,), False),
    "mean 1d": mean(LINE, (1,), True),
    "batch_norm 2d": batch_norm(IMAGE, True, 1e-3),
    "batch_norm 1d": batch_norm(LINE, True, 1e-5),
    "batch_norm flat, plain": batch_norm(FLAT, False, 1e-5),
    "relu": simple("relu", F.relu),
    "sigmoid": simple("sigmoid", torch.sigmoid),
    "tanh": simple("tanh", torch.tanh),
    "hardswish": simple("hardswish", F.hardswish),
    "relu6": simple("clip", F.relu6, min=0.0, max=6.0),
    "clip without upper bound": simple("clip", lambda x: x.clamp(min=-0.5), min=-0.5, max=None),
    "clip without lower bound": simple("clip", lambda x: x.clamp(max=-0.5), min=None, max=-0.5),
    "leaky_relu": simple("leaky_relu", lambda x: F.leaky_relu(x, 0.2), negative_slope=0.2),
    "leaky_relu steep": simple("leaky_relu", lambda x: F.leaky_relu(x, 3.0), negative_slope=3.0),
    "softmax": softmax("softmax", F.softmax, FLAT, 0),
    "softmax of columns": softmax("softmax", F.softmax, IMAGE, 2),
    "log_softmax": softmax("log_softmax", F.log_softmax, FLAT, 0),
    "dropout": simple("dropout", lambda x: F.dropout(x, 0.4, training=False), p=0.4),
    "reshape": ("reshape", [IMAGE], {}, {"shape": (7, 36)}, lambda x, p: x.reshape(len(x), 7, 36)),
    "add": several("add", [IMAGE, IMAGE], sum),
    "concat channels": several("concat", [IMAGE, (2, 9, 7), IMAGE], lambda t: torch.cat(t, 1), dim=0),
    "concat columns": several("concat", [IMAGE, (4, 9, 2)], lambda t: torch.cat(t, 3), dim=2),
    "pad asymmetric": pad(IMAGE, ((0, 0), (1, 0), (2, 3)), 0.0),
    "pad channels with a value": pad(IMAGE, ((1, 2), (0, 0), (0, 1)), -0.75),
    "channels pooled": over_channels(IMAGE, 2, 2, 0, 1, False),
    "channels pooled, padded, dilated": over_channels((7, 2, 3), 3, 2, 1, 2, False),
    "channels pooled, ceil": over_channels((7, 2, 3), 2, 3, 1, 1, True),
    "upsample": simple("upsample", lambda x: F.interpolate(x, scale_factor=(2.0, 3.0)), scale=(2, 3)),
    "upsample 1d": simple("upsample", lambda x: F.interpolate(x, scale_factor=2.0), LINE, scale=(2,)),
    "pad 1d": pad(LINE, ((0, 0), (4, 0)), 1.5),
}


@pytest.mark.parametrize("case", CASES)
def test_values_are_torchs(case):
    op, shapes, params, attrs, wanted = CASES[case]
    node = Node(op, op, tuple(f"x{i}" for i in range(len(shapes))), "y", attrs, {role: role for role in params})
    inputs = [2 * random(3, *shape) for shape in shapes]
    expected = wanted(*map(torch.from_numpy, inputs), {k: torch.from_numpy(v) for k, v in params.items()}).numpy()
    found = operator(op).run(node, inputs, params)
    assert set(operator(op).ATTRS) == set(attrs)
    assert operator(op).shape(node, shapes, params) == expected.shape[1:]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_every_operator_has_a_case():
    assert {"zeros", *(case[0] for case in CASES.values())} == set(SUPPORTED)


def test_zeros_read_nothing():
    node = Node("zeros", "zeros", (), "y", {"shape": IMAGE})
    found = operator("zeros").run(node, [], {})
    assert found.shape == (1, *operator("zeros").shape(node, [], {})) == (1, *IMAGE)
    assert found.dtype == np.float32 and not found.any()


@pytest.mark.parametrize("op", ["sigmoid", "tanh", "hardswish", "softmax", "log_softmax"])
def test_smooth_functions_stay_finite_far_out(op):
    node = Node(op, op, ("x",), "y", {"dim": 0} if "softmax" in op else {})
    x = np.array([[-1e30, -1000, -88, -3, 0, 3, 88, 1000, 1e30]], np.float32)
    function = {"softmax": lambda t: F.softmax(t, 1), "log_softmax": lambda t: F.log_softmax(t, 1)}
    wanted = function.get(op) or {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "hardswish": F.hardswish}[op]
    found = operator(op).run(node, [x], {})
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, wanted(torch.from_numpy(x)).numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "op, shapes, attrs, message",
    [
        ("add", [(3, 4), (3, 5)], {}, "same shape"),
        ("concat", [(3, 4), (3, 5, 1)], {"dim": 0}, "cannot join"),
        ("concat", [(3, 4), (3, 5)], {"dim": 0}, "cannot join"),
        ("upsample", [(3, 4)], {"scale": (2, 2)}, "cannot scale"),
        ("reshape", [(3, 4)], {"shape": (5,)}, "cannot turn"),
        ("mean", [(3, 4, 4)], {"dims": (0,), "keepdim": False}, "spatial"),
        ("pad", [(3, 4)], {"pads": ((0, 0), (-1, 0)), "value": 0.0}, "negative"),
        ("clip", [(3,)], {"min": 2.0, "max": 1.0}, "empty range"),
        ("leaky_relu", [(3,)], {"negative_slope": -0.5}, "slope"),
        ("adaptive_avg_pool", [(3, 4)], {"output_size": (1, 1)}, "cannot read"),
    ],
)
def test_shapes_that_do_not_go_together_are_refused_by_name(op, shapes, attrs, message):
    node = Node(op, "mine", tuple(f"x{i}" for i in range(len(shapes))), "y", attrs, where="net.py:9")
    with pytest.raises(ConversionError, match=message) as refusal:
        operator(op).shape(node, shapes, {})
    assert "'mine' (net.py:9)" in refusal.value.message


def test_an_average_divided_by_less_than_one_is_refused():
    op, shapes, params, attrs, _ = avg_pool(IMAGE, (2, 2), (2, 2), (0, 0), False, True, -3)
    with pytest.raises(ConversionError, match="'mean' divides by -3"):
        operator(op).shape(Node(op, "mean", ("x",), "y", attrs), shapes, params)


def test_a_kernel_larger_than_its_input_is_refused():
    op, _, params, attrs, _ = CASES["conv of the whole input"]
    node = Node(op, "big", ("x",), "y", attrs, {role: role for role in params})
    with pytest.raises(ConversionError, match="larger than its input"):
        operator(op).shape(node, [(4, 8, 7)], params)


def test_an_unknown_operator_names_what_is_supported():
    with pytest.raises(ConversionError, match="gelu") as refusal:
        operator("gelu")
    assert "conv" in refusal.value.hint
    assert "_mac" not in refusal.value.hint

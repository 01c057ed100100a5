"""ATen operators that are layers: convolution, matrix product, batch-norm, pooling, mean."""

from __future__ import annotations

from sparsecomp.errors import ConversionError, InputError
from sparsecomp.frontend.aten_table import EVAL, HINTS, aten


def _conv(g, x, weight, bias, stride, padding, dilation, groups):
    weight = g.param(weight, (3, 4), "the convolution's weight")
    n = len(g.shape(weight)) - 2
    g.rank(x, n + 2)
    params = {"weight": weight}
    if bias is not None:
        params["bias"] = g.param(bias, (1,), "the convolution's bias", (g.shape(weight)[0],))
    stride, dilation = g.ints(stride, n, "stride", 1), g.ints(dilation, n, "dilation", 1)
    if padding == "valid":
        pairs = ((0, 0),) * n
    elif padding == "same":
        if set(stride) != {1}:
            raise ConversionError(f"{g.here()} has padding 'same' and a stride", "torch itself refuses this")
        totals = [d * (k - 1) for d, k in zip(dilation, g.shape(weight)[2:], strict=True)]
        pairs = tuple((t // 2, t - t // 2) for t in totals)  # torch puts the odd one behind
    else:
        pairs = tuple((p, p) for p in g.ints(padding, n, "padding", 0))
    attrs = {"stride": stride, "padding": pairs, "dilation": dilation, "groups": g.ints(groups, 1, "groups", 1)[0]}
    g.emit("conv", [x], attrs, params)


@aten("conv1d.default", "conv2d.default", "conv1d.padding", "conv2d.padding")
def conv(g, input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    _conv(g, input, weight, bias, stride, padding, dilation, groups)


@aten("convolution.default")
def convolution(g, input, weight, bias, stride, padding, dilation, transposed, output_padding, groups):
    if transposed is not False:
        raise ConversionError(f"{g.here()} is a transposed convolution", HINTS["conv_transpose"])
    _conv(g, input, weight, bias, stride, padding, dilation, groups)


def _linear(g, x, weight, bias):
    g.rank(x, 2, "flatten its input first: x.flatten(1)")
    params = {"weight": g.param(weight, (2,), "the weight of the matrix product")}
    if bias is not None:
        params["bias"] = g.param(bias, (1,), "the bias of the matrix product", (g.shape(params["weight"])[0],))
    g.emit("linear", [x], {}, params)


@aten("linear.default")
def linear(g, input, weight, bias=None):
    _linear(g, input, weight, bias)


@aten("addmm.default")
def addmm(g, self, mat1, mat2, beta=1, alpha=1):
    if (beta, alpha) != (1, 1):
        raise ConversionError(f"{g.here()} scales its sum", "write it as torch.nn.functional.linear(x, weight, bias)")
    _linear(g, mat1, g.transposed(mat2), self)


@aten("mm.default")
def mm(g, self, mat2):
    _linear(g, self, g.transposed(mat2), None)


@aten("matmul.default")
def matmul(g, self, other):
    _linear(g, self, g.transposed(other), None)


@aten("t.default", "numpy_T.default")
def t(g, self):
    g.transpose(self)


@aten("permute.default")
def permute(g, self, dims):
    g.transpose(self, dims)


@aten("transpose.int")
def transpose(g, self, dim0, dim1):
    first, second = g.ints([dim0, dim1], 2, "dim", None)
    g.transpose(self, [1, 0] if first % 2 != second % 2 else [0, 1])


def _batch_norm(g, x, weight, bias, mean, var, momentum, eps):
    if mean is None or var is None:
        raise ConversionError(f"{g.here()} has no running statistics", "train with track_running_stats=True")
    channels = (g.shape(x)[1],) if len(g.shape(x)) > 1 else ()
    roles = {"weight": weight, "bias": bias, "running_mean": mean, "running_var": var}
    params = {r: g.param(v, (1,), f"the {r}", channels) for r, v in roles.items() if v is not None}
    eps = g.number(eps, "eps")
    if eps < 0:
        raise ConversionError(f"{g.here()} has a negative eps", "use the default, 1e-5")
    attrs = {"eps": eps, "momentum": g.momentum(mean, g.number(momentum, "momentum"))}
    g.emit("batch_norm", [x], attrs, params)


@aten("batch_norm.default", "_native_batch_norm_legit.default")
def batch_norm(g, input, weight, bias, running_mean, running_var, training, momentum, eps, cudnn_enabled=False):
    if training is not False:
        raise InputError(
            f"{g.here()} works in train mode, or keeps no running statistics",
            EVAL + "; BatchNorm needs track_running_stats=True",
        )
    _batch_norm(g, input, weight, bias, running_mean, running_var, momentum, eps)


@aten("_native_batch_norm_legit_no_training.default")
def batch_norm_eval(g, input, weight, bias, running_mean, running_var, momentum, eps):
    _batch_norm(g, input, weight, bias, running_mean, running_var, momentum, eps)


# -- pooling ---------------------------------------------------------------------------------------------------------


def _window(g, x, n, kernel, stride, padding):
    g.rank(x, n + 2)
    kernel = g.ints(kernel, n, "kernel", 1)
    stride = kernel if stride in (None, []) else g.ints(stride, n, "stride", 1)
    padding = g.ints(padding, n, "padding", 0)
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise ConversionError(f"{g.here()} pads more than half its kernel", "torch itself refuses this")
    return {"kernel": kernel, "stride": stride, "padding": tuple((p, p) for p in padding)}


def _max_pool(n):
    def pool(g, self, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
        attrs = _window(g, self, n, kernel_size, stride, padding)
        attrs["dilation"] = g.ints(dilation, n, "dilation", 1)
        g.emit("max_pool", [self], {**attrs, "ceil_mode": g.flag(ceil_mode, "ceil_mode")})

    return pool


aten("max_pool1d.default", "max_pool1d_with_indices.default")(_max_pool(1))
aten("max_pool2d.default", "max_pool2d_with_indices.default")(_max_pool(2))


@aten("max_pool3d.default", "max_pool3d_with_indices.default")
def max_pool3d(g, self, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """On (1, C, H, W), which torch takes as an unbatched volume: windows over channels and space. The largest of a
    box is the largest of its planes' largest, so it is a pooling in space and then one over channels.
    """
    kernel, stride, padding, dilation = (
        g.ints(value, 3, what, default)
        for value, what, default in (
            (kernel_size, "kernel_size", None),
            (stride or kernel_size, "stride", None),
            (padding, "padding", 0),
            (dilation, "dilation", 1),
        )
    )
    if len(g.shape(self)) != 4:
        hint = "max_pool3d works on maps (1, C, H, W) only, without unsqueeze"
        raise ConversionError(f"{g.here()} reads {g.shape(self)}", hint)
    ceil_mode = g.flag(ceil_mode, "ceil_mode")
    rest = {"stride": stride[1:], "padding": tuple((n, n) for n in padding[1:]), "dilation": dilation[1:]}
    space = {"kernel": kernel[1:], **rest, "ceil_mode": ceil_mode}
    over = [values[0] for values in (kernel, stride, padding, dilation)]
    channels = dict(zip(("kernel", "stride", "padding", "dilation"), over, strict=True))
    if over[:3] == [1, 1, 0]:
        g.emit("max_pool", [self], space)
    elif kernel[1:] == stride[1:] == (1, 1) and padding[1:] == (0, 0):
        g.emit("max_pool_channels", [self], {**channels, "ceil_mode": ceil_mode})
    else:
        g.emit("max_pool_channels", [g.before("max_pool", self, space)], {**channels, "ceil_mode": ceil_mode})


def _nearest(n):
    def upsample(g, input, output_size=None, scale_factors=None):
        before, after = g.shape(input)[2:], g.result_shape()[2:]
        g.rank(input, n + 2)
        if any(b % a for a, b in zip(before, after, strict=True)):
            raise ConversionError(f"{g.here()} scales {before} to {after}", "only whole factors are supported")
        g.emit("upsample", [input], {"scale": tuple(b // a for a, b in zip(before, after, strict=True))})

    return upsample


aten("upsample_nearest1d.vec", "upsample_nearest1d.default")(_nearest(1))
aten("upsample_nearest2d.vec", "upsample_nearest2d.default")(_nearest(2))


def _avg_pool(n):
    def pool(
        g, self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
    ):
        attrs = _window(g, self, n, kernel_size, stride, padding)
        attrs["ceil_mode"] = g.flag(ceil_mode, "ceil_mode")
        attrs["count_include_pad"] = g.flag(count_include_pad, "count_include_pad")
        divisor = None if divisor_override is None else g.ints(divisor_override, 1, "divisor_override", 1)[0]
        g.emit("avg_pool", [self], {**attrs, "divisor": divisor})

    return pool


aten("avg_pool1d.default")(_avg_pool(1))
aten("avg_pool2d.default")(_avg_pool(2))


def _adaptive(n):
    def pool(g, self, output_size):
        g.rank(self, n + 2)
        g.emit("adaptive_avg_pool", [self], {"output_size": g.ints(output_size, n, "output_size", 1)})

    return pool


aten("adaptive_avg_pool1d.default")(_adaptive(1))
aten("adaptive_avg_pool2d.default", "_adaptive_avg_pool2d.default")(_adaptive(2))


@aten("mean.dim")
def mean(g, self, dim, keepdim=False, dtype=None):
    g.is_float(dtype)
    rank = len(g.shape(self))
    dims = range(rank) if dim in (None, []) else g.dims(dim, rank)
    if min(dims) < 2:
        raise ConversionError(
            f"{g.here()} averages over batch or channels",
            "only means over spatial dimensions are supported: x.mean(dim=(2, 3))",
        )
    g.emit("mean", [self], {"dims": tuple(sorted(d - 1 for d in dims)), "keepdim": g.flag(keepdim, "keepdim")})

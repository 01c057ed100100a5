"""ATen operators that work element by element, change the shape only, or do nothing."""

from __future__ import annotations

from sparsecomp.errors import ConversionError, InputError
from sparsecomp.frontend.aten_table import EVAL, HINTS, NORMALIZE, PADDING, aten
from sparsecomp.frontend.schema import REEXPORT


def _plain(op):
    return lambda g, self: g.emit(op, [self], {})


for _op in ("relu", "sigmoid", "tanh", "hardswish"):
    aten(f"{_op}.default", inplace=True)(_plain(_op))


@aten("clamp.default", inplace=True)
def clamp(g, self, min=None, max=None):
    low, high = (None if v is None else g.number(v, "bound", infinite=True) for v in (min, max))
    if g.hardswish_part(self, "clamp", (low, high)):
        return
    low, high = (None if v is None or v == bad else v for v, bad in ((low, -float("inf")), (high, float("inf"))))
    if low is None and high is None:
        return g.same(self)
    if any(v is not None and abs(v) == float("inf") for v in (low, high)):
        raise ConversionError(f"{g.here()} clamps to an infinite value", "give finite bounds")
    g.emit("clip", [self], {"min": low, "max": high})


@aten("hardtanh.default", inplace=True)
def hardtanh(g, self, min_val=-1.0, max_val=1.0):
    clamp(g, self, min_val, max_val)


@aten("relu6.default", inplace=True)
def relu6(g, self):
    clamp(g, self, 0.0, 6.0)


@aten("clamp_min.default", inplace=True)
def clamp_min(g, self, min):
    clamp(g, self, min, None)


@aten("clamp_max.default", inplace=True)
def clamp_max(g, self, max):
    clamp(g, self, None, max)


@aten("leaky_relu.default", inplace=True)
def leaky_relu(g, self, negative_slope=0.01):
    g.emit("leaky_relu", [self], {"negative_slope": g.number(negative_slope, "negative_slope")})


def _softmax(op):
    def softmax(g, self, dim, dtype=None, half_to_float=False):
        g.is_float(dtype)
        g.emit(op, [self], {"dim": g.inner_dim(dim, len(g.shape(self)))})

    return softmax


aten("softmax.int", "_softmax.default")(_softmax("softmax"))
aten("log_softmax.int", "_log_softmax.default")(_softmax("log_softmax"))


@aten("dropout.default", "feature_dropout.default", inplace=True)
def dropout(g, input, p, train):
    if train is not False:
        raise InputError(f"{g.here()} works in train mode", EVAL + "; F.dropout needs training=self.training")
    p = g.number(p, "p")
    if not 0 <= p <= 1:
        raise ConversionError(f"{g.here()} has a probability of {p}", "use one between 0 and 1")
    g.emit("dropout", [input], {"p": p}, alias=True)


@aten("native_dropout.default")
def native_dropout(g, input, p, train):
    dropout(g, input, p, train)


@aten("add.Tensor", inplace=True)
def add(g, self, other, alpha=1):
    if g.hardswish_part(self, "add", other):
        return
    if alpha != 1:
        raise ConversionError(f"{g.here()} adds with alpha={alpha}", "only x + y is supported")
    if not (g.is_tensor(self) and g.is_tensor(other)):
        raise ConversionError(f"{g.here()} adds a constant or a parameter", f"use a layer with bias; or {NORMALIZE}")
    if g.shape(self) != g.shape(other):
        raise ConversionError(
            f"{g.here()} adds shapes {g.shape(self)} and {g.shape(other)} by broadcasting",
            "only tensors of the same shape can be added",
        )
    g.emit("add", [self, other], {})


@aten("mul.Tensor", inplace=True)
def mul(g, self, other):
    if not g.hardswish_part(self, "mul", other):
        if type(other) in (int, float):
            raise ConversionError(f"{g.here()} multiplies by {g.text(other)}, which is not supported", NORMALIZE)
        raise ConversionError(f"{g.here()} multiplies tensors, which is not supported", HINTS["mul"])


@aten("div.Tensor", inplace=True)
def div(g, self, other):
    if not g.hardswish_part(self, "div", other):
        raise ConversionError(f"{g.here()} divides, which is not supported", NORMALIZE)


# -- shapes ----------------------------------------------------------------------------------------------------------


@aten("flatten.using_ints")
def flatten(g, self, start_dim=0, end_dim=-1):
    g.reshape(self)


@aten("view.default", "_unsafe_view.default")
def view(g, self, size):
    g.reshape(self)


@aten("reshape.default")
def reshape(g, self, shape):
    g.reshape(self)


@aten("squeeze.default")
def squeeze(g, self):
    g.reshape(self)


@aten("squeeze.dim", "squeeze.dims", "unsqueeze.default")
def squeeze_dim(g, self, dim):
    g.reshape(self)


@aten("unflatten.int")
def unflatten(g, self, dim, sizes):
    g.reshape(self)


@aten("cat.default")
def cat(g, tensors, dim=0):
    if not isinstance(tensors, list) or not tensors:
        raise ConversionError(f"{g.here()} joins nothing", REEXPORT)
    g.emit("concat", tensors, {"dim": g.inner_dim(dim, len(g.shape(tensors[0])))})


@aten("stack.default")
def stack(g, tensors, dim=0):
    """Each map with another dimension, of length one, along which they are joined."""
    if not isinstance(tensors, list) or not tensors:
        raise ConversionError(f"{g.here()} joins nothing", REEXPORT)
    shapes = {tuple(g.shape(x)) for x in tensors}
    if len(shapes) != 1:
        raise ConversionError(f"{g.here()} stacks maps of different shapes", REEXPORT)
    at = g.inner_dim(dim, len(g.shape(tensors[0])) + 1)
    shape = g.shape(tensors[0])[1:]
    parts = [g.before("reshape", x, {"shape": (*shape[:at], 1, *shape[at:])}, i) for i, x in enumerate(tensors)]
    g.emit("concat", parts, {"dim": at})


def _pad(g, x, pad, value):
    rank = len(g.shape(x))
    pad = list(g.ints(pad, None, "pad", None))
    if len(pad) % 2 or len(pad) > 2 * rank:
        raise ConversionError(f"{g.here()} has a strange padding: {pad}", REEXPORT)
    pairs = list(zip(pad[::2], pad[1::2], strict=True))[::-1]  # torch counts from the last dimension
    pairs = [(0, 0)] * (rank - len(pairs)) + pairs
    if pairs[0] != (0, 0) or any(n < 0 for pair in pairs for n in pair):
        raise ConversionError(f"{g.here()} crops, or pads the batch", "only padding by zero or more is supported")
    g.emit("pad", [x], {"pads": tuple(pairs[1:]), "value": 0.0 if value is None else g.number(value, "value")})


@aten("pad.default")
def pad(g, self, pad, mode="constant", value=None):
    if mode != "constant":
        raise ConversionError(f"{g.here()} pads in the mode '{g.text(mode)}'", PADDING)
    _pad(g, self, pad, value)


@aten("constant_pad_nd.default")
def constant_pad(g, self, pad, value=0):
    _pad(g, self, pad, value)


@aten("zeros_like.default")
def zeros_like(g, self, dtype=None, layout=None, device=None, pin_memory=None, memory_format=None):
    g.is_float(dtype)
    g.zeros()


def _full(g, fill_value, dtype):
    g.is_float(dtype)
    if fill_value != 0:
        raise ConversionError(f"{g.here()} is a constant map", "only zeros stand for a map; a bias adds a constant")
    g.zeros()


@aten("full_like.default")
def full_like(g, self, fill_value, dtype=None, layout=None, device=None, pin_memory=None, memory_format=None):
    _full(g, fill_value, dtype)


@aten("full.default")
def full(g, size, fill_value, dtype=None, layout=None, device=None, pin_memory=None):
    _full(g, fill_value, dtype)


@aten("zeros.default")
def zeros(g, size, dtype=None, layout=None, device=None, pin_memory=None):
    g.is_float(dtype)
    g.zeros()


# -- what does nothing -----------------------------------------------------------------------------------------------


@aten("contiguous.default", "detach.default", "detach_.default", "alias.default", "lift_fresh_copy.default")
def same(g, self, memory_format=None):
    g.same(self)


@aten("clone.default")
def clone(g, self, memory_format=None):
    g.same(self, copy=True)


@aten("to.dtype", "to.dtype_layout", "_to_copy.default")
def to(
    g, self, dtype=None, non_blocking=False, copy=False, memory_format=None, layout=None, device=None, pin_memory=None
):
    g.is_float(dtype)
    g.same(self)


@aten("_assert_tensor_metadata.default")
def nothing(g, a, size=None, stride=None, dtype=None, device=None, layout=None):
    pass

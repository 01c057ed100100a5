"""The table of ATen operators, and what to say about those that are not in it.

``aten_layers`` and ``aten_simple`` fill it with one small function an operator, whose signature is the operator's
schema: the names and defaults of its arguments, after ``g``, the ``Mapper``. What is not in ``TABLE`` is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TABLE: dict[str, Callable] = {}
INPLACE: set[str] = set()  # targets that change their first argument
SUPPORTED = (
    "supported: Conv1d/2d, Linear, Max/AvgPool1d/2d, MaxPool3d over channels, AdaptiveAvgPool1d/2d, nearest"
    " Upsample, BatchNorm1d/2d, ReLU, ReLU6, Hardtanh, clamp, LeakyReLU, Sigmoid, Tanh, Hardswish, Softmax, LogSoftmax,"
    " Dropout, flatten/view/reshape, add, cat, stack, constant pad, mean over space"
)
EVAL = "save it in eval mode: model.eval(); sparsecomp.save(model, 'model.pt', example_input)"
PADDING = "only zero or constant padding is supported: train with padding_mode='zeros'"
NORMALIZE = (
    "scale and shift the data before the network, or let the device do it: sparsecomp.save(..., preprocess=Wire('u8',"
    " scale=..., offset=...)); inside the network, fold the factor into a layer's weights"
)
_SMOOTH = f"train with ReLU, LeakyReLU or Hardswish instead; {SUPPORTED}"
_NORMS = f"train with BatchNorm instead, which is folded into the layer before it; {SUPPORTED}"
_WHOLE_MAP = f"write the size of the map: nn.MaxPool2d(7), F.max_pool2d(x, 7); {SUPPORTED}"
# Layers of many operators, by the start of their class: better named whole than by the operator that is met first.
LAYERS = {
    "torch.nn.modules.rnn.": f"use Conv1d over time instead of recurrent layers; {SUPPORTED}",
    "torch.nn.modules.activation.MultiheadAttention": f"use convolutions instead of attention; {SUPPORTED}",
    "torch.nn.modules.transformer.": f"use convolutions instead of attention; {SUPPORTED}",
}
# Operators that users meet and that deserve a better hint than the list of what is supported.
HINTS = {
    "conv_transpose": "transposed convolution is not supported: use a Conv2d instead",
    "reflection_pad": PADDING,
    "replication_pad": PADDING,
    "_pad_circular": PADDING,
    "_pad_enum": PADDING,
    "upsample": "only nearest upsampling by whole factors is supported: nn.Upsample(scale_factor=2, mode='nearest')",
    "_upsample": "only nearest upsampling by whole factors is supported: nn.Upsample(scale_factor=2, mode='nearest')",
    "sym_size": "shapes must be fixed: write numbers instead of x.size() and export without dynamic_shapes",
    "mul": "fold the factor into a layer's weights; a masked weight needs torch.nn.utils.parametrize."
    "remove_parametrizations before saving",
    "sub": NORMALIZE + "; a difference of two maps is a sum with the weights of one negated",
    "rsub": NORMALIZE,
    "div": NORMALIZE,
    "gelu": _SMOOTH,
    "silu": _SMOOTH,
    "mish": _SMOOTH,
    "elu": _SMOOTH,
    "selu": _SMOOTH,
    "prelu": _SMOOTH,
    "softplus": _SMOOTH,
    "hardsigmoid": "train with Sigmoid instead",
    "layer_norm": _NORMS,
    "native_layer_norm": _NORMS,
    "group_norm": _NORMS,
    "instance_norm": _NORMS,
    "amax": _WHOLE_MAP,
    "adaptive_max_pool": _WHOLE_MAP,
    "argmax": "return the scores: the largest is found where the answer is read",
    "_native_batch_norm_legit_functional": EVAL,
    "native_batch_norm": EVAL,
}


def aten(*targets: str, inplace: bool = False) -> Callable[[Callable], Callable]:
    """Registers a function for ``targets`` and, with ``inplace``, for their underscore twins."""

    def register(function: Callable) -> Callable:
        for target in targets:
            TABLE[f"torch.ops.aten.{target}"] = function
            if inplace:
                name, overload = target.split(".")
                TABLE[f"torch.ops.aten.{name}_.{overload}"] = function
                INPLACE.add(f"torch.ops.aten.{name}_.{overload}")
        return function

    return register


def explain(target: str) -> str:
    """The hint for an operator that is not in the table."""
    name = target.removeprefix("torch.ops.aten.").split(".")[0]
    found: Any = next((hint for start, hint in HINTS.items() if name.startswith(start)), None)
    return found or SUPPORTED

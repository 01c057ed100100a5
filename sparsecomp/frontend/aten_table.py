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
    "supported: Conv1d/2d, Linear, Max/AvgPool1d/2d, AdaptiveAvgPool1d/2d, BatchNorm1d/2d, ReLU, ReLU6, Hardtanh,"
    " clamp, LeakyReLU, Sigmoid, Tanh, Hardswish, Softmax, LogSoftmax, Dropout, flatten/view/reshape, add, cat,"
    " constant pad, mean over space"
)
EVAL = "save it in eval mode: model.eval(); sparsecomp.save(model, 'model.pt', example_input)"
PADDING = "only zero or constant padding is supported: train with padding_mode='zeros'"
# Operators that users meet and that deserve a better hint than the list of what is supported.
HINTS = {
    "conv_transpose": "transposed convolution is not supported: use a Conv2d instead",
    "reflection_pad": PADDING,
    "replication_pad": PADDING,
    "_pad_circular": PADDING,
    "_pad_enum": PADDING,
    "sym_size": "shapes must be fixed: write numbers instead of x.size() and export without dynamic_shapes",
    "mul": "fold the factor into a layer's weights; a masked weight needs torch.nn.utils.parametrize."
    "remove_parametrizations before saving",
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

"""A pickled torch.nn.Sequential, built anew: only constructor fields and tensors are taken from the pickle.

A pickle can plant hooks, replaced methods and foreign attributes in a module. So nothing of the unpickled module is
ever called: each layer is constructed again by torch.nn, and whatever has no place in that is refused.
"""

from __future__ import annotations

from typing import Any

from sparsecomp.errors import InputError
from sparsecomp.frontend.container import clean

_CONV = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "padding_mode")
_POOL = ("kernel_size", "stride", "padding", "ceil_mode")
# Constructor fields by class; every one is an attribute of the same name.
FIELDS: dict[str, tuple[str, ...]] = {
    "Conv1d": _CONV,
    "Conv2d": _CONV,
    "Linear": ("in_features", "out_features"),
    "BatchNorm1d": ("num_features", "eps", "momentum", "affine", "track_running_stats"),
    "BatchNorm2d": ("num_features", "eps", "momentum", "affine", "track_running_stats"),
    "MaxPool1d": (*_POOL, "dilation", "return_indices"),
    "MaxPool2d": (*_POOL, "dilation", "return_indices"),
    "AvgPool1d": (*_POOL, "count_include_pad"),
    "AvgPool2d": (*_POOL, "count_include_pad", "divisor_override"),
    "AdaptiveAvgPool1d": ("output_size",),
    "AdaptiveAvgPool2d": ("output_size",),
    "ReLU": ("inplace",),
    "ReLU6": ("inplace",),
    "Hardtanh": ("min_val", "max_val", "inplace"),
    "LeakyReLU": ("negative_slope", "inplace"),
    "Sigmoid": (),
    "Tanh": (),
    "Hardswish": ("inplace",),
    "Softmax": ("dim",),
    "LogSoftmax": ("dim",),
    "Dropout": ("p", "inplace"),
    "Dropout1d": ("p", "inplace"),
    "Dropout2d": ("p", "inplace"),
    "Flatten": ("start_dim", "end_dim"),
    "Unflatten": ("dim", "unflattened_size"),
    "Identity": (),
    "ZeroPad1d": ("padding",),
    "ZeroPad2d": ("padding",),
    "ConstantPad1d": ("padding", "value"),
    "ConstantPad2d": ("padding", "value"),
    "Sequential": (),
}
# Attributes that follow from the constructor fields.
_DERIVED = {
    "transposed",
    "output_padding",
    "_reversed_padding_repeated_twice",
    "min_val",
    "max_val",
    "inplace",
    "value",
    "training",
}
_EMPTY = (
    "_backward_pre_hooks",
    "_backward_hooks",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
    "_non_persistent_buffers_set",
    "_is_full_backward_hook",
)
_TENSORS = ("_parameters", "_buffers", "_modules")
_HINT = "load it where it was made, then: import sparsecomp; sparsecomp.save(model, 'model.pt', example_input)"


def classes(torch: Any) -> list[type]:
    """The torch.nn classes that a pickle may name."""
    return [getattr(torch.nn, name) for name in FIELDS if hasattr(torch.nn, name)]


def is_layer(name: str) -> bool:
    """True for the full name of such a class ("torch.nn.modules.conv.Conv2d")."""
    return name.startswith("torch.nn.modules.") and name.rsplit(".", 1)[-1] in FIELDS


def rebuild(torch: Any, module: Any) -> Any:
    """A new module of the same layers and tensors. Raises InputError on anything unknown."""
    return _rebuild(torch, module, "", {})


def _rebuild(torch: Any, module: Any, path: str, done: dict[int, Any]) -> Any:
    label = f"layer '{clean(path)}'" if path else "the pickled module"
    name = type(module).__name__
    if type(module) not in classes(torch):
        raise InputError(f"{label} is a {clean(name)}, which is not a supported torch.nn layer", _HINT)
    if id(module) in done:
        return done[id(module)]
    if len(done) > 10_000 or path.count(".") > 50:
        raise InputError(f"{label} is nested too deeply", _HINT)
    state = dict(vars(module))
    known = {*FIELDS[name], *_EMPTY, *_TENSORS, *_DERIVED}
    for key, value in state.items():
        if key not in known:
            raise InputError(f"{label} carries the unknown attribute '{clean(key)}'", _HINT)
        if key in _EMPTY and value:
            raise InputError(f"{label} carries hooks ('{clean(key)}'), which would run code", _HINT)
    fields = {key: _plain(state, key, label) for key in FIELDS[name]}
    tensors = {**_table(state, "_parameters", label), **_table(state, "_buffers", label)}
    children = _table(state, "_modules", label)
    if name == "Sequential":
        if tensors:
            raise InputError(f"{label} carries tensors of its own", _HINT)
        new = torch.nn.Sequential()
        done[id(module)] = new
        for key, child in children.items():
            if not isinstance(key, str) or not key or "." in key:
                raise InputError(f"{label} has a child with a strange name", _HINT)
            new.add_module(key, _rebuild(torch, child, f"{path}.{key}" if path else key, done))
        return new
    if children:
        raise InputError(f"{label} carries layers of its own", _HINT)
    if name in ("Conv1d", "Conv2d", "Linear"):
        fields["bias"] = tensors.get("bias") is not None
    if name == "ReLU6":
        fields = {"inplace": fields["inplace"]}
    try:
        with torch.device("meta"):  # a forged size must not take memory
            new = getattr(torch.nn, name)(**fields)
    except Exception as error:  # constructors check their arguments in many ways
        raise InputError(f"{label} has impossible settings: {clean(error)}", _HINT) from error
    done[id(module)] = new
    _fill(torch, new, tensors, label)
    return new


def _fill(torch: Any, new: Any, tensors: dict[str, Any], label: str) -> None:
    own = {**new._parameters, **new._buffers}
    if {k for k, v in tensors.items() if v is not None} != {k for k, v in own.items() if v is not None}:
        raise InputError(f"{label} does not hold the tensors of its kind", _HINT)
    for key, empty in own.items():
        if empty is None:
            continue
        value = tensors[key]
        if type(value) not in (torch.Tensor, torch.nn.Parameter) or value.shape != empty.shape or value.is_sparse:
            raise InputError(f"{label} has a {key} that does not fit its settings", _HINT)
        if key in new._parameters:
            # The same Parameter object in two layers stays shared.
            new._parameters[key] = value if type(value) is torch.nn.Parameter else torch.nn.Parameter(value)
        else:
            new._buffers[key] = value


def _table(state: dict[str, Any], key: str, label: str) -> dict[str, Any]:
    value = state.get(key, {})
    if not isinstance(value, dict):
        raise InputError(f"{label} is damaged: {key}", _HINT)
    return dict(value)


def _plain(state: dict[str, Any], key: str, label: str) -> Any:
    if key not in state:
        raise InputError(f"{label} has no '{key}'", _HINT)
    value = state[key]
    parts = value if type(value) in (tuple, list) else (value,)
    if len(parts) > 8 or any(type(p) not in (int, float, bool, str, type(None)) for p in parts):
        raise InputError(f"{label} has a strange '{key}'", _HINT)
    return tuple(parts) if type(value) in (tuple, list) else value

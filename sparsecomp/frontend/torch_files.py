"""Model files that need torch: state_dict, safetensors, pickled modules; ``weights_only`` unless told to trust."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparsecomp.errors import InputError
from sparsecomp.frontend import layers
from sparsecomp.frontend.capture import need_torch
from sparsecomp.frontend.container import clean, open_container
from sparsecomp.frontend.pickles import foreign_globals

RESAVE = (
    "run these two lines where the model's class is known: import sparsecomp;"
    " sparsecomp.save(model, 'model.pt', example_input)"
)
_KEYS = ("model_state_dict", "state_dict", "model", "net", "weights")


@dataclass(frozen=True)
class Module:
    """A live torch.nn.Module and the format in which it came."""

    model: Any
    format: str


def to_module(data: bytes, kind: str, arch: str | None, trust_pickle: bool) -> Module:
    """The module in the bytes of a ``pickle``, ``legacy`` or ``safetensors`` file. Raises InputError."""
    if kind == "safetensors":
        return Module(_filled(_safetensors(data), arch), "safetensors")
    if trust_pickle:
        return _trusted(data, arch)
    if kind == "legacy":
        raise InputError("the model is a bare pickle (written by a very old torch.save, or not by torch)", RESAVE)
    container = open_container(data, "the model")
    foreign = foreign_globals(container.read("data.pkl", 64 << 20))
    unknown = [name for name in foreign if not layers.is_layer(name)]
    if unknown:
        raise InputError(
            f"the model is a pickle that needs '{clean(unknown[0])}', and loading it would run code",
            RESAVE + "; --trust-pickle loads it as it is, if you made it",
        )
    torch = need_torch()
    try:
        with torch.serialization.safe_globals(layers.classes(torch)):
            value = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # the restricted unpickler raises any class on damaged data
        raise InputError(
            f"the model cannot be read safely: {clean(str(error).splitlines()[0] if str(error) else error)}", RESAVE
        ) from error
    if isinstance(value, torch.nn.Module):
        if arch is not None:
            raise InputError("the file holds a whole module, not a state_dict", "leave out --arch")
        return Module(layers.rebuild(torch, value), "module")
    return Module(_filled(value, arch), "state_dict")


def _trusted(data: bytes, arch: str | None) -> Module:
    torch = need_torch()
    try:
        value = torch.load(io.BytesIO(data), map_location="cpu", weights_only=False)
    except Exception as error:
        raise InputError(
            f"the pickle cannot be loaded: {clean(error, 120)}", "put its classes on PYTHONPATH, or " + RESAVE
        ) from error
    if isinstance(value, torch.jit.ScriptModule):
        raise InputError("the model is TorchScript, which PyTorch has deprecated", RESAVE)
    if isinstance(value, torch.nn.Module):
        return Module(value, "pickle")
    return Module(_filled(value, arch), "state_dict")


def _filled(value: Any, arch: str | None) -> Any:
    """The network of ``arch`` with the tensors of a state_dict or checkpoint."""
    torch = need_torch()
    tensors = _state_dict(torch, value)
    if arch is None:
        raise InputError(
            "the file holds weights, but not the network they belong to",
            "add --arch file.py:factory (a function or class that builds it), or save with sparsecomp.save",
        )
    model = _factory(arch)
    if not isinstance(model, torch.nn.Module):
        raise InputError(f"'{arch}' gives a {type(model).__name__}, not a torch.nn.Module", "let it return the network")
    try:
        model.load_state_dict(tensors, strict=True)
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise InputError(
            f"the weights do not fit the network of '{arch}': {clean(' '.join(lines[1:2] or lines), 160)}",
            "use the factory with the same arguments as in training",
        ) from error
    return model


def _state_dict(torch: Any, value: Any) -> dict[str, Any]:
    for key in _KEYS:
        if isinstance(value, Mapping) and isinstance(value.get(key), Mapping):
            value = value[key]
            break
    if isinstance(value, Mapping):
        value = dict(value)
        if value and all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in value.items()):
            # torch.nn.DataParallel and torch.compile put a prefix before every name.
            for prefix in ("module.", "_orig_mod."):
                if all(k.startswith(prefix) for k in value):
                    value = {k.removeprefix(prefix): v for k, v in value.items()}
            return value
    raise InputError("the file holds neither a network nor a state_dict", RESAVE)


def _factory(arch: str) -> Any:
    path, _, name = arch.rpartition(":")
    if not path or not name.isidentifier():
        raise InputError(f"'{arch}' is not of the form file.py:factory", "for example --arch net.py:LeNet")
    if not os.path.isfile(path):
        raise InputError(f"there is no file '{path}'", "check --arch")
    folder = os.path.dirname(os.path.abspath(path))
    stem = re.sub(r"\W", "_", os.path.splitext(os.path.basename(path))[0])
    spec = importlib.util.spec_from_file_location(f"sparsecomp_arch_{stem}", path)
    if spec is None or spec.loader is None:
        raise InputError(f"'{path}' is not a Python file", "for example --arch net.py:LeNet")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up there
    sys.path.insert(0, folder)  # the user's file may import its neighbours
    try:
        spec.loader.exec_module(module)
        factory = getattr(module, name, None)
        if not callable(factory):
            raise InputError(f"'{path}' has no function or class '{name}'", "check --arch")
        return factory()
    except InputError:
        raise
    except Exception as error:  # the user's own code
        raise InputError(
            f"'{arch}' fails: {type(error).__name__}: {clean(error, 120)}", "it must run without arguments"
        ) from error
    finally:
        sys.path.remove(folder)


def _safetensors(data: bytes) -> dict[str, Any]:
    """The float32 tensors of a safetensors file, read as data."""
    torch = need_torch()
    kinds = {"F32": "<f4", "F64": "<f8", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "u1", "I8": "i1", "BOOL": "?"}
    size = int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8 : 8 + size])
        tensors = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            begin, end = entry["data_offsets"]
            if not 0 <= begin <= end <= len(data) - 8 - size:
                raise ValueError(f"'{name}' lies outside the file")
            array = np.frombuffer(data[8 + size + begin : 8 + size + end], kinds[entry["dtype"]])
            tensors[name] = torch.from_numpy(array.reshape(entry["shape"]).copy())
        return tensors
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"the safetensors file is damaged: {clean(error)}", "save it again with float32 tensors"
        ) from error

"""A torch.export archive read as data: zipfile, json and numpy, never torch. Nothing is unpickled or evaluated.

``torch.export.load`` runs code from a doctored archive in at least five ways (pickled sample inputs, ``use_pickle``,
legacy weights, symbolic-shape texts, ``guards_code``). Here members outside an allow-list are refused, texts stay
texts, and everything dynamic is refused, since a microcontroller needs fixed shapes anyway.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparsecomp.errors import InputError
from sparsecomp.frontend.container import MAX_TOTAL, Container, clean, open_container
from sparsecomp.frontend.payload import INTEGERS, Meta, Payload, read_config, read_tensor, tensor_meta
from sparsecomp.frontend.pickles import check_sample_inputs
from sparsecomp.frontend.schema import PROGRAM, REEXPORT, Dynamic, check_version, parse_json

_MODEL = "models/model.json"
_SAMPLES = "data/sample_inputs/model.pt"
_MEMBERS = re.compile(
    r"archive_format|archive_version|byteorder|version|\.data/(version|serialization_id)|models/model\.json"
    r"|data/weights/(weight_\d+|model_weights_config\.json)|data/constants/(tensor_\d+|model_constants_config\.json)"
    r"|data/sample_inputs/model\.pt|extra/[\w.\-]+"
)
_STATIC = (
    "save it again with fixed shapes: ep = torch.export.export(model.eval(), (x[:1],)), without dynamic_shapes;"
    " torch.export.save(ep, 'model.pt')"
)


@dataclass(frozen=True)
class Call:
    """One operator call: ``args`` maps schema names to ``(kind, value)``, ``outputs`` are tensor names."""

    target: str
    args: Mapping[str, tuple[str, Any]]
    outputs: tuple[str, ...]
    stack: str
    modules: str


@dataclass(frozen=True)
class Program:
    """A captured forward with fixed shapes, as the archive describes it.

    ``params`` maps names used in the calls to keys of ``arrays`` (float32). ``extra`` is the text of
    ``extra/sparsecomp.json``, or None.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    calls: tuple[Call, ...]
    metas: Mapping[str, Meta]
    params: Mapping[str, str]
    arrays: Mapping[str, np.ndarray]
    extra: bytes | None


def read_program(data: bytes) -> Program:
    """The program in the bytes of an archive; raises InputError on anything unexpected."""
    container = open_container(data)
    _check_members(container)
    model = parse_json(container.read(_MODEL, 64 << 20), _MODEL)
    check_version(model)
    model = PROGRAM(model, "the model")
    _check_static(model)
    graph, signature = model["graph_module"]["graph"], model["graph_module"]["signature"]
    metas = {_name(name): tensor_meta(record, name) for name, record in graph["tensor_values"].items()}
    symbolic = next((name for name, meta in metas.items() if meta.sizes is None), None)
    if symbolic is not None:
        raise InputError(f"tensor '{symbolic}' has a dynamic shape", _STATIC)
    calls = tuple(_call(record) for record in graph["nodes"])
    inputs, params = _inputs(signature["input_specs"])
    extra = container.read("extra/sparsecomp.json") if "extra/sparsecomp.json" in container.names else None
    used = {value["name"] for call in calls for kind, value in call.args.values() if kind == "as_tensor"}
    keys, arrays = _tensors(container, params, used, metas)
    return Program(inputs, _outputs(signature["output_specs"]), calls, metas, keys, arrays, extra)


def _check_members(container: Container) -> None:
    for name in container.names:
        if not _MEMBERS.fullmatch(name):
            raise InputError(
                f"the archive holds '{clean(name)}', which torch.export.save does not write",
                "it may carry code or come from another torch; " + REEXPORT,
            )
    for name, expected in (("archive_format", b"pt2"), ("archive_version", b"0"), ("byteorder", b"little")):
        if name == "byteorder" and name not in container.names:
            continue
        if container.read(name, 64).strip() != expected:
            raise InputError(f"the archive's {name} is not '{expected.decode()}'", REEXPORT)
    samples = container.read(_SAMPLES) if _SAMPLES in container.names else b""
    if samples:
        check_sample_inputs(samples)


def _check_static(model: dict[str, Any]) -> None:
    graph = model["graph_module"]["graph"]
    symbols = any(graph.get(f"sym_{kind}_values") for kind in ("int", "bool", "float"))
    if model["range_constraints"] or symbols:
        raise InputError("the model was exported with dynamic shapes", _STATIC)
    if model.get("guards_code"):
        # torch writes guards for dynamic shapes only, and would run them as Python.
        raise InputError("the archive carries guards_code, Python text that torch would run", _STATIC)


def _name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w{0,199}", name, re.ASCII):
        raise InputError(f"the archive has a tensor with the strange name '{clean(name)}'", REEXPORT)
    return name


def _call(record: dict[str, Any]) -> Call:
    metadata = record["metadata"]
    args: dict[str, tuple[str, Any]] = {}
    for item in record["inputs"]:
        if item["name"] in args:
            raise InputError(f"{clean(record['target'])} has the argument '{clean(item['name'])}' twice", REEXPORT)
        if item["arg"][1] is Dynamic:
            raise InputError(f"{clean(record['target'])} has an argument that depends on a dynamic shape", _STATIC)
        args[item["name"]] = item["arg"]
    outputs = []
    for kind, value in record["outputs"]:
        if kind not in ("as_tensor", "as_none"):
            raise InputError(
                f"{clean(record['target'])} gives something that is not a tensor ({kind})",
                "write the forward with tensors of fixed shape only",
            )
        if kind == "as_tensor":
            outputs.append(_name(value["name"]))
    return Call(
        record["target"], args, tuple(outputs), metadata.get("stack_trace", ""), metadata.get("nn_module_stack", "")
    )


def _inputs(specs: list[tuple[str, Any]]) -> tuple[tuple[str, ...], dict[str, str]]:
    inputs, params = [], {}
    fields = {"parameter": "parameter_name", "buffer": "buffer_name", "tensor_constant": "tensor_constant_name"}
    for kind, spec in specs:
        if kind in fields:
            params[_name(spec["arg"]["name"])] = spec[fields[kind]]
        elif kind == "user_input":
            tag, value = spec["arg"]
            if tag != "as_tensor":
                raise InputError("the forward takes an argument that is not a tensor", "let it take tensors only")
            inputs.append(_name(value["name"]))
        else:
            raise InputError(
                "the forward takes a constant argument beside its tensors",
                "give it a default value in forward, and leave it out of example_input",
            )
    if len(set(inputs) | set(params)) != len(specs):
        raise InputError("two inputs of the archive have one name", REEXPORT)
    return tuple(inputs), params


def _outputs(specs: list[tuple[str, Any]]) -> tuple[str, ...]:
    outputs = []
    for kind, spec in specs:
        if kind == "buffer_mutation":
            raise InputError(
                "the forward changes a buffer: the model was saved in train mode, or it has a state",
                "save it in eval mode: model.eval(); sparsecomp.save(model, 'model.pt', example_input)",
            )
        if kind == "user_input_mutation":
            continue  # an in-place operator on the input: the value goes on under another name
        tag, value = spec["arg"]
        if tag != "as_tensor":
            raise InputError("the forward returns something that is not a tensor", "return tensors only")
        outputs.append(_name(value["name"]))
    return tuple(outputs)


def _tensors(
    container: Container, params: Mapping[str, str], used: set[str], metas: Mapping[str, Meta]
) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Name -> key and key -> array of what is used; a shared tensor keeps the first of its keys.

    Whole numbers (batch counters) are left out: the mapping refuses whoever reads them.
    """
    stored = {
        **read_config(container, "weights", "weights", "weight_"),
        **read_config(container, "constants", "constants", "tensor_"),
    }
    keys: dict[str, str] = {}
    arrays: dict[str, np.ndarray] = {}
    first: dict[Payload, str] = {}
    for name, key in params.items():
        payload = stored.get(key)
        if payload is None or name not in metas:
            raise InputError(f"the archive has no tensor for '{clean(key)}'", REEXPORT)
        if payload.meta.sizes != metas[name].sizes or payload.meta.dtype != metas[name].dtype:
            raise InputError(f"the archive disagrees with itself about the shape of '{clean(key)}'", REEXPORT)
        shared = first.setdefault(payload, key)
        if name not in used or payload.meta.dtype in INTEGERS:
            continue
        keys[name] = shared
        if shared not in arrays:
            arrays[shared] = read_tensor(container, shared, payload)
            if sum(a.nbytes for a in arrays.values()) > MAX_TOTAL:
                raise InputError(f"the parameters take more than {MAX_TOTAL >> 20} MiB", "use a smaller network")
    return keys, arrays

"""The JSON of an export archive (``torch._export.serde.schema``, major 8), checked field by field.

Every object must have exactly the fields that torch writes. Expressions, sub-graphs and custom objects are refused
here, before anything looks at them; texts stay texts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sparsecomp.errors import InputError
from sparsecomp.frontend.container import clean

MAJORS = (8,)
REEXPORT = "save it again with torch >= 2.10: sparsecomp.save(model, 'model.pt', example_input)"
Check = Callable[[Any, str], Any]


class Dynamic:
    """Stands for a symbolic size: the text behind it is never read."""


def parse_json(data: bytes, what: str) -> Any:
    """JSON without duplicate keys, NaN literals or endless nesting; InputError otherwise."""
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise InputError(f"{what} is not valid JSON: {clean(error)}", REEXPORT) from error


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key occurs twice")
    return table


def _no_constant(text: str) -> None:
    raise ValueError(f"the literal {text}")


def _bad(where: str, expected: str, value: Any) -> InputError:
    return InputError(f"model.json: {clean(where, 90)} is not {expected}: {clean(repr(value), 40)}", REEXPORT)


def _int(value: Any, where: str) -> int:
    if type(value) is not int or abs(value) >= 1 << 62:
        raise _bad(where, "a whole number", value)
    return value


def _bool(value: Any, where: str) -> bool:
    if type(value) is not bool:
        raise _bad(where, "true or false", value)
    return value


def _str(value: Any, where: str) -> str:
    if type(value) is not str:
        raise _bad(where, "a text", value)
    return value


def _float(value: Any, where: str) -> float:
    # torch writes the three that JSON does not have as texts.
    if value in ("Infinity", "-Infinity", "NaN") and type(value) is str:
        return float(value.replace("Infinity", "inf"))
    if type(value) not in (int, float):
        raise _bad(where, "a number", value)
    try:
        return float(value)
    except OverflowError:
        raise _bad(where, "a number", "too large") from None


def _anything(value: Any, where: str) -> Any:
    return value


def _list(item: Check) -> Check:
    def check(value: Any, where: str) -> list:
        if type(value) is not list:
            raise _bad(where, "a list", value)
        return [item(v, f"{where}[{i}]") for i, v in enumerate(value)]

    return check


def _map(item: Check) -> Check:
    def check(value: Any, where: str) -> dict:
        if type(value) is not dict:
            raise _bad(where, "a table", value)
        return {k: item(v, f"{where}.{k}") for k, v in value.items()}

    return check


def _optional(item: Check) -> Check:
    return lambda value, where: None if value is None else item(value, where)


def _record(fields: dict[str, Check], optional: tuple[str, ...] = ()) -> Check:
    def check(value: Any, where: str) -> dict:
        if type(value) is not dict:
            raise _bad(where, "a table", value)
        for key in value:
            if key not in fields:
                raise InputError(f"model.json: unknown field '{clean(key)}' in {clean(where, 90)}", REEXPORT)
        for key in fields:
            if key not in value and key not in optional:
                raise InputError(f"model.json: {clean(where, 90)} has no field '{key}'", REEXPORT)
        return {key: item(value[key], f"{where}.{key}") for key, item in fields.items() if key in value}

    return check


def _union(cases: dict[str, Check]) -> Check:
    """A table with one key, as ``(key, value)``."""

    def check(value: Any, where: str) -> tuple[str, Any]:
        if type(value) is not dict or len(value) != 1 or next(iter(value)) not in cases:
            raise _bad(where, "one of " + ", ".join(cases)[:60], list(value) if type(value) is dict else value)
        ((key, inner),) = value.items()
        return key, cases[key](inner, f"{where}.{key}")

    return check


def _refuse(reason: str) -> Check:
    def check(value: Any, where: str) -> Any:
        raise InputError(f"model.json: {clean(where, 90)} {reason}", REEXPORT)

    return check


def _only(allowed: dict | list, reason: str) -> Check:
    def check(value: Any, where: str) -> Any:
        if value != allowed:
            raise InputError(f"model.json: {clean(where, 90)} {reason}", REEXPORT)
        return value

    return check


_dynamic: Check = lambda value, where: Dynamic  # noqa: E731
_size = _union({"as_int": _int, "as_expr": _dynamic})
_device = _record({"type": _str, "index": _optional(_int)}, optional=("index",))
_named = _record({"name": _str})
_objects = "is a custom object, which only running code could restore"

TENSOR_META = _record(
    {
        "dtype": _int,
        "sizes": _list(_size),
        "requires_grad": _bool,
        "device": _device,
        "strides": _list(_size),
        "storage_offset": _size,
        "layout": _int,
    }
)

_argument = _union(
    {
        "as_none": _bool,
        "as_tensor": _named,
        "as_tensors": _list(_named),
        "as_int": _int,
        "as_ints": _list(_int),
        "as_float": _float,
        "as_floats": _list(_float),
        "as_string": _str,
        "as_strings": _list(_str),
        "as_sym_int": _dynamic,
        "as_sym_ints": _dynamic,
        "as_scalar_type": _int,
        "as_memory_format": _int,
        "as_layout": _int,
        "as_device": _device,
        "as_bool": _bool,
        "as_bools": _list(_bool),
        "as_sym_bool": _dynamic,
        "as_sym_bools": _dynamic,
        "as_sym_float": _dynamic,
        "as_sym_floats": _dynamic,
        "as_optional_tensors": _list(_union({"as_tensor": _named, "as_none": _bool})),
        "as_optional_tensor": _union({"as_tensor": _named, "as_none": _bool}),
        "as_graph": _refuse("is a sub-graph (torch.cond, map): write the forward without control flow"),
        "as_custom_obj": _refuse(_objects),
        "as_operator": _str,
    }
)

_call = _record(
    {
        "target": _str,
        "inputs": _list(
            _record({"name": _str, "arg": _argument, "kind": _optional(_int)}, optional=("kind",)),
        ),
        "outputs": _list(_argument),
        "metadata": _map(_str),
        "is_hop_single_tensor_return": _optional(_bool),
        "name": _optional(_str),
    },
    optional=("is_hop_single_tensor_return", "name"),
)

_graph = _record(
    {
        "inputs": _list(_argument),
        "outputs": _list(_argument),
        "nodes": _list(_call),
        "tensor_values": _map(TENSOR_META),
        "sym_int_values": _map(_dynamic),
        "sym_bool_values": _map(_dynamic),
        "is_single_tensor_return": _bool,
        "custom_obj_values": _only({}, _objects),
        "sym_float_values": _map(_dynamic),
    },
    optional=("is_single_tensor_return", "custom_obj_values", "sym_float_values"),
)

_constant = _union({"as_none": _bool, "as_int": _int, "as_float": _float, "as_string": _str, "as_bool": _bool})
_mutation = _record({"arg": _named, "buffer_name": _str})

_signature = _record(
    {
        "input_specs": _list(
            _union(
                {
                    "user_input": _record({"arg": _argument}),
                    "parameter": _record({"arg": _named, "parameter_name": _str}),
                    "buffer": _record({"arg": _named, "buffer_name": _str, "persistent": _bool}),
                    "tensor_constant": _record({"arg": _named, "tensor_constant_name": _str}),
                    "constant_input": _record({"name": _str, "value": _constant}),
                    "custom_obj": _refuse(_objects),
                    "token": _refuse("is a token of a side effect"),
                }
            )
        ),
        "output_specs": _list(
            _union(
                {
                    "user_output": _record({"arg": _argument}),
                    "buffer_mutation": _mutation,
                    "user_input_mutation": _record({"arg": _named, "user_input_name": _str}),
                }
            )
        ),
    }
)

_module_call = _record({"fqn": _str, "signature": _anything}, optional=("signature",))

PROGRAM = _record(
    {
        "graph_module": _record(
            {
                "graph": _graph,
                "signature": _signature,
                "module_call_graph": _list(_module_call),
                "metadata": _map(_str),
                "treespec_namedtuple_fields": _map(_record({"field_names": _list(_str)})),
            },
            optional=("metadata", "treespec_namedtuple_fields"),
        ),
        "opset_version": _map(_int),
        "range_constraints": _map(_anything),
        "schema_version": _record({"major": _int, "minor": _int}),
        "verifiers": _list(_str),
        "torch_version": _str,
        "guards_code": _list(_str),
    },
    optional=("verifiers", "torch_version", "guards_code"),
)

PAYLOAD_CONFIG = _record(
    {
        "config": _map(
            _record(
                {"path_name": _str, "is_param": _bool, "use_pickle": _bool, "tensor_meta": _optional(TENSOR_META)},
            )
        )
    }
)


def check_version(model: Any) -> None:
    """Refuses a schema that this reader does not know, before its fields are looked at."""
    version = model.get("schema_version") if isinstance(model, dict) else None
    major = version.get("major") if isinstance(version, dict) else None
    if type(major) is not int or major not in MAJORS:
        known = ", ".join(map(str, MAJORS))
        raise InputError(f"export schema {clean(major, 20)} is unknown; this version reads major {known}", REEXPORT)

"""What sparsecomp adds to an export archive: wire types, calibration data, labelled samples (JSON, base64 arrays)."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sparsecomp.errors import InputError
from sparsecomp.frontend.container import clean
from sparsecomp.frontend.schema import parse_json
from sparsecomp.graph import Graph
from sparsecomp.wire import DTYPES, Wire

MEMBER = "extra/sparsecomp.json"
VERSION = 1
MAX_NAME = 200
_FIELDS = {"version", "wires", "momentum", "calibration", "samples", "labels"}
_OPTIONAL = {"provenance", "exits"}
_EXIT = {"name", "temperature"}
_TYPES = {**DTYPES, "i32": np.dtype("<i4")}
_HINT = "save the model again with sparsecomp.save"


@dataclass(frozen=True)
class Exit:
    """One answer of a network with exits: where it is taken, and what its logits are divided by before a softmax of
    them is a probability. Raises InputError.
    """

    name: str
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not 0 < len(self.name) <= MAX_NAME or not self.name.isprintable():
            raise InputError(f"an exit has the name {clean(self.name)}", "give a printable name of a module")
        number = type(self.temperature) in (int, float)
        if not number or not math.isfinite(self.temperature) or not self.temperature > 0:
            raise InputError(
                f"exit '{self.name}' has the temperature {clean(self.temperature)}", "give a finite number above 0"
            )


@dataclass(frozen=True)
class Extra:
    """Data beside the network. ``calibration`` and ``samples`` hold one raw array (N, *shape) an input, in wire type.

    ``labels`` are int32 classes (N,), or float32 targets (N, ...). ``momentum`` maps running means to the batch-norm
    momentum that an archive cannot express (None: cumulative average). ``provenance`` says what made the network.
    ``exits`` has one entry an output of a network with exits, the whole network's last; it is empty for others.
    """

    wires: tuple[Wire, ...]
    calibration: tuple[np.ndarray, ...] | None = None
    samples: tuple[np.ndarray, ...] | None = None
    labels: np.ndarray | None = None
    momentum: Mapping[str, float | None] = field(default_factory=dict)
    provenance: Mapping[str, str | float] = field(default_factory=dict)
    exits: tuple[Exit, ...] = ()

    def check(self, graph: Graph) -> None:
        """Raises InputError where the data do not belong to ``graph``."""
        if len(self.wires) != len(graph.inputs):
            raise InputError(
                f"{len(self.wires)} wire(s) for a network of {len(graph.inputs)} input(s)",
                "give one Wire for each input, in the order of forward",
            )
        for what, arrays in (("calibration", self.calibration), ("samples", self.samples)):
            if arrays is not None:
                _check_arrays(what, arrays, self.wires, graph)
        _check_exits(self.exits, graph)
        if self.labels is None:
            return
        if self.samples is None:
            raise InputError("there are labels without samples", "give samples=x together with labels=y")
        count = len(self.samples[0])
        if self.labels.ndim < 1 or len(self.labels) != count:
            raise InputError(f"labels of shape {self.labels.shape} for {count} sample(s)", "give one label a sample")
        if self.labels.dtype.kind == "i" and (len(graph.outputs) == 1 or self.exits):
            classes = graph.shapes[graph.outputs[-1]][-1]
            bad = self.labels[(self.labels < 0) | (self.labels >= classes)]
            if bad.size:
                raise InputError(
                    f"label {bad.ravel()[0]} is out of range: the network has {classes} outputs, 0 to {classes - 1}",
                    "count classes from 0; use floats for targets that are no classes",
                )


def _check_exits(exits: Sequence[Exit], graph: Graph) -> None:
    if not exits:
        return
    if len(exits) != len(graph.outputs):
        raise InputError(
            f"{len(exits)} exit(s) are named, the network gives {len(graph.outputs)} answer(s)",
            "name every answer in the order of forward, the whole network's last",
        )
    names = [answer.name for answer in exits]
    if len(set(names)) != len(names):
        raise InputError(f"two exits have one name: {', '.join(names)}", "give each a name of its own")
    shapes = {graph.shapes[name] for name in graph.outputs}
    if len(shapes) > 1 or len(next(iter(shapes))) != 1:
        raise InputError(
            f"the answers of the exits have the shapes {sorted(shapes)}", "every exit answers with the same classes"
        )


def _check_arrays(what: str, arrays: Sequence[np.ndarray], wires: Sequence[Wire], graph: Graph) -> None:
    if len(arrays) != len(graph.inputs):
        raise InputError(
            f"{what} has {len(arrays)} array(s), the network {len(graph.inputs)} input(s)",
            "give a tuple with one array for each input",
        )
    for array, wire, name in zip(arrays, wires, graph.inputs, strict=True):
        wanted = graph.shapes[name]
        if array.dtype != wire.numpy_dtype:
            raise InputError(f"{what} for '{name}' is {array.dtype}, its wire {wire.dtype}", _HINT)
        if array.shape[1:] != wanted or len(array) == 0 or len(array) != len(arrays[0]):
            raise InputError(
                f"{what} for '{name}' has the shape {array.shape}; wanted is (N, {', '.join(map(str, wanted))})",
                "the first dimension counts the items, the same number for every input",
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError(f"{what} for '{name}' holds NaN or infinity", "clean the data first")


def dump_extra(extra: Extra) -> bytes:
    """The JSON text of ``extra``; the same data give the same bytes."""
    table = {
        "version": VERSION,
        "wires": [wire.to_json() for wire in extra.wires],
        "momentum": dict(sorted(extra.momentum.items())),
        "calibration": None if extra.calibration is None else [_dump(a) for a in extra.calibration],
        "samples": None if extra.samples is None else [_dump(a) for a in extra.samples],
        "labels": None if extra.labels is None else _dump(extra.labels),
    }
    if extra.provenance:
        table["provenance"] = dict(sorted(extra.provenance.items()))
    if extra.exits:
        table["exits"] = [{"name": answer.name, "temperature": answer.temperature} for answer in extra.exits]
    return json.dumps(table, allow_nan=False).encode()


def load_extra(text: bytes) -> Extra:
    """The data in the text that ``dump_extra`` wrote; InputError on anything unknown."""
    table = parse_json(text, MEMBER)
    if not isinstance(table, dict) or set(table) - _OPTIONAL != _FIELDS or table["version"] != VERSION:
        raise InputError(f"{MEMBER} is of another version of sparsecomp", _HINT)
    if not isinstance(table["wires"], list) or not isinstance(table["momentum"], dict):
        raise InputError(f"{MEMBER} is damaged", _HINT)
    for value in table["momentum"].values():
        if value is not None and (type(value) not in (int, float) or not math.isfinite(value)):
            raise InputError(f"{MEMBER} has the momentum {clean(value)}", _HINT)
    provenance = table.get("provenance", {})
    if not isinstance(provenance, dict) or any(type(v) not in (int, float, str) for v in provenance.values()):
        raise InputError(f"{MEMBER} has a strange provenance", _HINT)
    return Extra(
        wires=tuple(Wire.from_json(item) for item in table["wires"]),
        calibration=_arrays(table["calibration"]),
        samples=_arrays(table["samples"]),
        labels=None if table["labels"] is None else _load(table["labels"], ("i32", "f32")),
        momentum=table["momentum"],
        provenance=provenance,
        exits=_exits(table.get("exits", [])),
    )


def _exits(value: Any) -> tuple[Exit, ...]:
    if not isinstance(value, list) or any(not isinstance(item, dict) or set(item) != _EXIT for item in value):
        raise InputError(f"{MEMBER} holds damaged exits", _HINT)
    return tuple(Exit(item["name"], item["temperature"]) for item in value)


def _dump(array: np.ndarray) -> dict[str, Any]:
    name = next(name for name, dtype in _TYPES.items() if dtype == array.dtype)
    data = np.ascontiguousarray(array, _TYPES[name]).tobytes()
    return {"dtype": name, "shape": list(array.shape), "base64": base64.b64encode(data).decode()}


def _arrays(value: Any) -> tuple[np.ndarray, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise InputError(f"{MEMBER} is damaged", _HINT)
    return tuple(_load(item, tuple(DTYPES)) for item in value)


def _load(value: Any, allowed: Sequence[str]) -> np.ndarray:
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "base64"} or value["dtype"] not in allowed:
        raise InputError(f"{MEMBER} holds a damaged array", _HINT)
    shape, text = value["shape"], value["base64"]
    if not isinstance(shape, list) or len(shape) > 8 or any(type(n) is not int or not 0 < n < 1 << 31 for n in shape):
        raise InputError(f"{MEMBER} holds an array of shape {clean(shape)}", _HINT)
    try:
        data = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError) as error:
        raise InputError(f"{MEMBER} holds a damaged array: {clean(error)}", _HINT) from error
    dtype = _TYPES[value["dtype"]]
    if len(data) != math.prod(shape) * dtype.itemsize:
        raise InputError(f"{MEMBER} holds an array whose bytes do not fit its shape", _HINT)
    return np.frombuffer(data, dtype).reshape(shape)

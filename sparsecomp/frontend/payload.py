"""Raw little-endian tensors of an export archive, as numpy arrays; every index is checked against the bytes there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparsecomp.errors import InputError
from sparsecomp.frontend.container import MAX_TOTAL, Container, clean
from sparsecomp.frontend.schema import PAYLOAD_CONFIG, REEXPORT, Dynamic, parse_json

FLOAT32 = 7  # torch._export.serde.schema.ScalarType
INTEGERS = frozenset((1, 2, 3, 4, 5, 12))
STRIDED = 7  # ...schema.Layout
DTYPE_NAMES = {
    1: "uint8",
    2: "int8",
    3: "int16",
    4: "int32",
    5: "int64",
    6: "float16",
    7: "float32",
    8: "float64",
    12: "bool",
    13: "bfloat16",
}


@dataclass(frozen=True)
class Meta:
    """Type and geometry of one tensor, in elements; ``sizes`` is None where it is symbolic."""

    dtype: int
    sizes: tuple[int, ...] | None
    strides: tuple[int, ...]
    offset: int


def tensor_meta(record: Mapping[str, Any], name: str) -> Meta:
    """The plain form of a checked ``TensorMeta`` record; InputError on sparse layouts and absurd numbers."""
    if record["layout"] != STRIDED:
        raise InputError(f"tensor '{clean(name)}' is not a dense tensor", "call .to_dense() on it before exporting")
    sizes = tuple(value for _, value in record["sizes"])
    strides = tuple(value for _, value in record["strides"])
    offset = record["storage_offset"][1]
    if Dynamic in sizes or Dynamic in strides or offset is Dynamic:
        return Meta(record["dtype"], None, (), 0)
    if len(sizes) > 8 or len(strides) != len(sizes) or any(not 0 <= n < 1 << 40 for n in (*sizes, *strides, offset)):
        raise InputError(f"tensor '{clean(name)}' has an impossible geometry", REEXPORT)
    return Meta(record["dtype"], sizes, strides, offset)


@dataclass(frozen=True)
class Payload:
    """Where one named tensor lies; two names with equal payloads are one shared tensor."""

    member: str
    meta: Meta


def read_config(container: Container, folder: str, kind: str, prefix: str) -> dict[str, Payload]:
    """The tensors of ``data/<folder>``; anything marked as pickle is refused."""
    member = f"data/{folder}/model_{kind}_config.json"
    if member not in container.names:
        return {}
    table = PAYLOAD_CONFIG(parse_json(container.read(member, 64 << 20), member), member)["config"]
    payloads = {}
    for name, entry in table.items():
        if entry["use_pickle"] or entry["tensor_meta"] is None:
            raise InputError(
                f"'{clean(name)}' is stored as a pickle, which could run code when loaded",
                "replace tensor subclasses and custom objects by plain tensors, then " + REEXPORT,
            )
        if not re.fullmatch(rf"{prefix}\d+", entry["path_name"]):
            raise InputError(f"'{clean(name)}' points at a strange member: '{clean(entry['path_name'])}'", REEXPORT)
        if not re.fullmatch(r"[\w.\-]{1,400}", name):
            raise InputError(f"a parameter has a strange name: '{clean(name)}'", REEXPORT)
        payloads[name] = Payload(f"data/{folder}/{entry['path_name']}", tensor_meta(entry["tensor_meta"], name))
    return payloads


def read_tensor(container: Container, name: str, payload: Payload) -> np.ndarray:
    """One float32 tensor, contiguous in torch's order."""
    meta = payload.meta
    if meta.dtype != FLOAT32:
        kind = DTYPE_NAMES.get(meta.dtype, f"type {meta.dtype}")
        raise InputError(f"parameter '{name}' is {kind}, not float32", "call model.float() before saving")
    if meta.sizes is None:
        raise InputError(f"parameter '{name}' has a symbolic shape", REEXPORT)
    count = 1
    for n in meta.sizes:
        count *= n
    if count == 0 or count * 4 > MAX_TOTAL:
        raise InputError(f"parameter '{name}' has the impossible shape {meta.sizes}", REEXPORT)
    storage = container.read(payload.member)
    storage = np.frombuffer(storage[: len(storage) // 4 * 4], "<f4")
    last = meta.offset + sum((n - 1) * s for n, s in zip(meta.sizes, meta.strides, strict=True))
    if last >= storage.size:
        raise InputError(f"parameter '{name}' reaches beyond its {storage.size} stored elements", REEXPORT)
    view = np.lib.stride_tricks.as_strided(
        storage[meta.offset :], meta.sizes, tuple(4 * s for s in meta.strides), writeable=False
    )
    return np.array(view, np.float32, order="C")

"""Data in the forms that users have them (arrays, tensors, loaders, .npz) -> raw arrays in wire type."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from sparsecomp.datasets import load_arrays
from sparsecomp.errors import InputError
from sparsecomp.frontend.container import clean
from sparsecomp.wire import Wire

LIMIT = 512  # items taken from a loader or dataset; calibration needs no more


def collect(data: Any, wires: Sequence[Wire], what: str) -> tuple[tuple[np.ndarray, ...], np.ndarray | None]:
    """One raw array (N, *shape) for each wire, and the labels that came along (loader, dataset, npz) or None.

    Whole numbers are raw; floats are what the network reads, and are taken back to the wire's raw steps. Raises
    InputError on anything else.
    """
    columns, labels = _columns(data, len(wires), what)
    if len(columns) != len(wires):
        raise InputError(
            f"{what} has {len(columns)} array(s) for {len(wires)} input(s)",
            "give one array (N, ...) for each input; stack lists of single items first",
        )
    raw = tuple(to_raw(column, wire, what) for column, wire in zip(columns, wires, strict=True))
    return raw, None if labels is None else to_labels(labels)


def to_raw(values: Any, wire: Wire, what: str) -> np.ndarray:
    """Values as raw elements of ``wire``: whole numbers as they are, floats by the inverse of the wire's scale."""
    array = as_array(values, what)
    target = wire.numpy_dtype
    if wire.dtype == "f32":
        if array.dtype.kind != "f":
            raise InputError(
                f"{what} is {array.dtype}, but the network reads floats",
                "normalize it as in training, or give preprocess=Wire('u8', scale=1/255) for raw bytes",
            )
        # The device receives floats; a wire with scale is inverted as for the integer types.
        array = (array.astype(np.float64) - wire.offset) / wire.scale if (wire.scale, wire.offset) != (1, 0) else array
        return np.ascontiguousarray(array, target)
    if array.dtype.kind == "f":
        if wire.table is not None:
            raise InputError(
                f"{what} is {array.dtype}, but its wire goes through a table", "give the raw bytes instead"
            )
        array = np.rint((array.astype(np.float64) - wire.offset) / wire.scale)
    if array.dtype.kind not in "fiub":
        raise InputError(f"{what} is {array.dtype}, which is not a number", "give whole numbers or floats")
    info = np.iinfo(target)
    if array.size and not (array.min() >= info.min and array.max() <= info.max):
        raise InputError(
            f"{what} goes from {array.min():g} to {array.max():g} in raw steps, which {wire.dtype} cannot hold",
            "check preprocess=: value = raw * scale + offset",
        )
    return np.ascontiguousarray(array.astype(target))


def to_labels(values: Any) -> np.ndarray:
    """int32 classes from whole numbers, float32 targets from floats."""
    array = as_array(values, "labels")
    if array.dtype.kind == "f":
        return np.ascontiguousarray(array, np.float32)
    if array.dtype.kind not in "iub":
        raise InputError(f"labels are {array.dtype}, which is not a number", "give class numbers from 0")
    if array.size and (array.min() < -(1 << 31) or array.max() >= 1 << 31):
        raise InputError(f"label {array.max()} is out of range", "count classes from 0")
    return np.ascontiguousarray(array, np.int32)


def as_array(values: Any, what: str) -> np.ndarray:
    """A numpy array from an array, a torch tensor or nested lists of numbers."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise InputError(f"{what} is not a regular array: {clean(error)}", "all items need the same shape") from error
    if array.dtype == object:
        raise InputError(f"{what} is not an array of numbers", "give a numpy array or a torch tensor")
    return array


def _columns(data: Any, count: int, what: str) -> tuple[list[Any], Any]:
    if isinstance(data, str | os.PathLike):
        columns, labels = load_arrays(os.fspath(data), train=what == "calibration")
        return list(columns), labels
    if isinstance(data, np.ndarray) or hasattr(data, "detach"):
        return [data], None
    if isinstance(data, list | tuple):
        return list(data), None
    if hasattr(data, "batch_size") and hasattr(data, "__iter__"):
        return _from_items(iter(data), count, what, batched=True)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        return _from_items((data[i] for i in range(len(data))), count, what, batched=False)
    raise InputError(
        f"{what} is a {type(data).__name__}", "give an array, a tensor, a DataLoader or a .npz file (x, y)"
    )


def _from_items(items: Any, count: int, what: str, batched: bool) -> tuple[list[np.ndarray], np.ndarray | None]:
    parts: list[list[np.ndarray]] = []
    taken = 0
    for item in items:
        fields = list(item) if isinstance(item, list | tuple) else [item]
        if fields and isinstance(fields[0], list | tuple):
            fields = [*fields[0], *fields[1:]]
        row = [as_array(field, what) for field in fields]
        row = row if batched else [field[None] for field in row]
        if len(row) < count or (parts and len(row) != len(parts)):
            raise InputError(
                f"{what} gives {len(row)} value(s) an item, the network reads {count}",
                "let it give (x, y), or (x0, x1, y)",
            )
        parts = parts or [[] for _ in row]
        for column, field in zip(parts, row, strict=True):
            column.append(field[: LIMIT - taken])
        taken += len(row[0])
        if taken >= LIMIT:
            break
    if not parts:
        raise InputError(f"{what} is empty", "give at least one item")
    try:
        columns = [np.concatenate(column) for column in parts]
    except ValueError as error:
        raise InputError(f"{what} has items of different shapes", "resize them to one shape") from error
    return columns[:count], columns[count] if len(columns) == count + 1 else None

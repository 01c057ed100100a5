"""The wire type of an input: what travels over the serial line or comes from a sensor, and how it becomes a number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparsecomp.errors import InputError

DTYPES = {"u8": np.dtype("u1"), "i8": np.dtype("i1"), "i16": np.dtype("<i2"), "f32": np.dtype("<f4")}


@dataclass(frozen=True)
class Wire:
    """``value = raw * scale + offset``, or ``table[raw & 255]`` for the two byte types.

    ``dtype`` is one of u8, i8, i16 and f32. Raises InputError on anything that is not a usable conversion.
    """

    dtype: str = "f32"
    scale: float = 1.0
    offset: float = 0.0
    table: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.dtype, str) or self.dtype not in DTYPES:
            raise InputError(f"unknown wire type {str(self.dtype)[:40]!r}", "known types: " + ", ".join(DTYPES))
        for name in ("scale", "offset"):
            object.__setattr__(self, name, _number(getattr(self, name), f"the wire's {name}"))
        if self.scale == 0:
            raise InputError("the wire's scale is 0, so every input would be the same", "give the size of one raw step")
        if self.table is None:
            return
        if self.dtype not in ("u8", "i8"):
            raise InputError(f"a table needs a wire type of 8 bits, not {self.dtype}", "use scale and offset instead")
        if (self.scale, self.offset) != (1.0, 0.0):
            raise InputError("a wire has either a table or scale and offset", "put scale and offset into the table")
        table = tuple(_number(v, "an entry of the wire's table") for v in np.asarray(self.table, object).ravel())
        if len(table) != 256:
            raise InputError(f"the wire's table has {len(table)} entries", "it needs 256, one for each byte")
        object.__setattr__(self, "table", table)

    @property
    def numpy_dtype(self) -> np.dtype:
        """The little-endian numpy type of one raw element."""
        return DTYPES[self.dtype]

    def to_float(self, raw: np.ndarray) -> np.ndarray:
        """Raw elements, in any shape, as the float32 numbers that the network reads."""
        raw = np.asarray(raw)
        if raw.dtype != self.numpy_dtype:
            raise InputError(
                f"raw data of type {raw.dtype} on a wire of type {self.dtype}",
                f"convert it: x.astype('{self.numpy_dtype}')",
            )
        if self.table is not None:
            return np.asarray(self.table, np.float32)[raw.view(np.uint8)]
        return (raw.astype(np.float64) * self.scale + self.offset).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """A plain table that ``from_json`` takes back."""
        table = None if self.table is None else list(self.table)
        return {"dtype": self.dtype, "scale": self.scale, "offset": self.offset, "table": table}

    @classmethod
    def from_json(cls, data: Any) -> Wire:
        """The wire written by ``to_json``; InputError on unknown or missing keys."""
        if not isinstance(data, Mapping) or set(data) != {"dtype", "scale", "offset", "table"}:
            raise InputError("a wire must have exactly dtype, scale, offset and table", "write it with Wire.to_json")
        if data["table"] is not None and not isinstance(data["table"], list):
            raise InputError("the wire's table is not a list", "write it with Wire.to_json")
        return cls(**data)


def _number(value: Any, what: str) -> float:
    # float() would also take texts such as "nan"; bool is a number to Python, not to us.
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InputError(f"{what} is not a number: {str(value)[:40]!r}", "give a plain number")
    try:
        value = float(value)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise InputError(f"{what} is not finite", "give a plain number")
    return value

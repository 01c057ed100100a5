"""What flows through a captured forward, and the checked reading of an operator's arguments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sparsecomp.errors import ConversionError
from sparsecomp.frontend.aten_table import explain
from sparsecomp.frontend.container import clean
from sparsecomp.frontend.naming import place
from sparsecomp.frontend.payload import DTYPE_NAMES, FLOAT32
from sparsecomp.frontend.pt2 import Call
from sparsecomp.frontend.schema import REEXPORT


@dataclass(frozen=True)
class Tensor:
    """A feature map: its name in the Graph, its shape with batch, and the storage that it shares with its views."""

    name: str
    shape: tuple[int, ...]
    root: int


@dataclass(frozen=True)
class Param:
    """A parameter by its key, possibly transposed (the form in which matrix products read it)."""

    key: str
    shape: tuple[int, ...]
    transposed: bool = False


@dataclass(frozen=True)
class HardswishPart:
    """A step of ``x * clamp(x + 3, 0, 6) / 6``, into which run_decompositions takes Hardswish apart."""

    x: Tensor
    step: str
    where: str


@dataclass(frozen=True)
class Unusable:
    """A result that nothing may read, such as the indices of a max-pool."""

    reason: str


class Arguments:
    """Readers of arguments. Each refuses with the operator and its source line, as ConversionError."""

    _current: Call | None = None

    def here(self) -> str:
        """The current operator with its place, for messages."""
        if self._current is None:
            return "the network's output"
        name = clean(self._current.target.removeprefix("torch.ops."))
        where = place(self._current.stack, self._current.modules)
        return f"{name} ({where})" if where else name

    def shape(self, value: Any) -> tuple[int, ...]:
        """The shape of a tensor or parameter; ConversionError for anything else."""
        if isinstance(value, HardswishPart):
            raise ConversionError(f"{value.where} adds a constant, which is not supported", explain("add_constant"))
        if not isinstance(value, Tensor | Param):
            raise ConversionError(f"{self.here()} needs a tensor where it has {clean(repr(value), 30)}", REEXPORT)
        return value.shape

    def is_tensor(self, value: Any) -> bool:
        """True for a feature map."""
        return isinstance(value, Tensor)

    def rank(self, value: Any, rank: int, hint: str = "") -> None:
        """Refuses an input that does not have ``rank`` dimensions, batch included."""
        if len(self.shape(value)) != rank:
            raise ConversionError(
                f"{self.here()} reads a tensor of shape {value.shape}, not of {rank} dimensions",
                hint or "give every input a batch dimension: x[None] or x.unsqueeze(0)",
            )

    def param(self, value: Any, ranks: Sequence[int], what: str, shape: tuple[int, ...] | None = None) -> Param:
        """A parameter of one of ``ranks``, of exactly ``shape`` where given."""
        if not isinstance(value, Param) or value.transposed:
            raise ConversionError(
                f"{self.here()}: {what} is computed by the forward or transposed",
                "use a layer's own parameters; remove parametrizations before saving",
            )
        if len(value.shape) not in ranks or (shape is not None and value.shape != shape):
            raise ConversionError(f"{self.here()}: {what} has the shape {value.shape}", REEXPORT)
        return value

    def transposed(self, value: Any) -> Any:
        """The matrix behind a transposed parameter; unchanged otherwise, so that ``param`` refuses it."""
        if isinstance(value, Param):
            return Param(value.key, value.shape[::-1], not value.transposed)
        return value

    def momentum(self, mean: Any, value: float) -> float | None:
        """The batch-norm momentum that belongs to a running mean."""
        return self._momentum.get(mean.key, value) if isinstance(mean, Param) else value

    def ints(self, value: Any, count: int | None, what: str, least: int | None) -> tuple[int, ...]:
        """``count`` whole numbers of at least ``least``; a single one is repeated."""
        values = value if isinstance(value, list) else [value]
        if count is not None and len(values) == 1:
            values = values * count
        if any(type(v) is not int for v in values) or (count is not None and len(values) != count):
            raise ConversionError(f"{self.here()}: its {what} is {clean(value, 40)}", REEXPORT)
        if any(abs(v) > 1 << 20 or (least is not None and v < least) for v in values):
            raise ConversionError(f"{self.here()}: its {what} is {clean(value, 40)}", REEXPORT)
        return tuple(values)

    def number(self, value: Any, what: str, infinite: bool = False) -> float:
        """A plain number; infinity only where allowed."""
        if type(value) not in (int, float) or math.isnan(value) or (math.isinf(value) and not infinite):
            raise ConversionError(f"{self.here()}: its {what} is {clean(value, 40)}", "use a finite number")
        return float(value)

    def flag(self, value: Any, what: str) -> bool:
        """A plain truth value."""
        if type(value) is not bool:
            raise ConversionError(f"{self.here()}: its {what} is {clean(value, 40)}", REEXPORT)
        return value

    def text(self, value: Any) -> str:
        """Foreign text for a message."""
        return clean(value, 40)

    def dims(self, value: Any, rank: int) -> list[int]:
        """Dimensions counted from the front."""
        dims = [d + rank if d < 0 else d for d in self.ints(value, None, "dim", None)]
        if any(not 0 <= d < rank for d in dims) or len(set(dims)) != len(dims):
            raise ConversionError(f"{self.here()}: its dim is {clean(value, 40)}", REEXPORT)
        return dims

    def inner_dim(self, value: Any, rank: int) -> int:
        """One dimension, counted without the batch."""
        dims = self.dims(value, rank)
        if len(dims) != 1 or dims[0] == 0:
            raise ConversionError(f"{self.here()} works along the batch dimension", "use dim=1 or later")
        return dims[0] - 1

    def is_float(self, dtype: Any) -> None:
        """Refuses a conversion to anything but float32."""
        if dtype is not None and dtype != FLOAT32:
            kind = DTYPE_NAMES.get(dtype, "another type") if type(dtype) is int else "another type"
            raise ConversionError(
                f"{self.here()} converts to {kind}",
                "keep the whole forward in float32",
            )

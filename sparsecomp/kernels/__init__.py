"""The kernels of ``firmware/kernels`` as Python sees them, one module each, named as the C function.

A module gives ``reference(step, memory)`` (the integer specification; writes its output into ``memory``),
``render(step, names)`` (the C parameters, named as in ``firmware/include/kernels.h``, and the constant arrays) and
``cycles(step)`` (estimated CPU cycles an item of the portable C on an MSP430, for sizing restart units). One with a
twin in ``firmware/kernels/msp430`` also gives ``walk_cycles(step, out)``, the same of the assembly. "bounds" among the
attrs of a step are ``low`` and ``high``, which clamp its result, in elements. ``shares`` among them names an earlier
step with the same constant arrays, which are then stored once, under that step's name.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Protocol

import numpy as np

from sparsecomp.program import Program, Step, Stored


@dataclass(frozen=True)
class Array:
    """A constant C array: element type, name and values."""

    ctype: str
    name: str
    values: np.ndarray
    comment: str = ""

    @property
    def nbytes(self) -> int:
        """Bytes in the device's memory."""
        return int(np.size(self.values)) * CTYPE_BYTES[self.ctype]


CTYPE_BYTES = {"int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "float": 4, "span_t": 2}  # span_t: a member


@dataclass(frozen=True)
class Rendered:
    """What a step becomes in C: the function, its parameter struct and the constant arrays it reads. ``assembly`` is
    the function that walks it, where that has another name.
    """

    function: str
    ctype: str
    fields: Mapping[str, str]
    arrays: tuple[Array, ...] = ()
    assembly: str = ""

    @property
    def walk(self) -> str:
        """The function in assembly."""
        return self.assembly or self.function

    @property
    def nbytes(self) -> int:
        """Bytes of constant data in the device's memory."""
        return sum(array.nbytes for array in self.arrays)


class Names(Protocol):
    """How the renderer names memory in C."""

    is_float: bool

    def at(self, tensor: str, element: int) -> str:
        """A C pointer expression to an element of a tensor, counted in its stored elements."""

    def tensor(self, name: str) -> Stored:
        """The tensor's geometry."""

    def wire(self, port: str) -> str:
        """A C pointer expression to the received bytes of an input."""

    def positions(self, step: Step) -> int:
        """Bytes of stack in which a walk writes down where a layer's weights are, or 0."""


class Memory:
    """Every tensor of a program for a batch, halo cells included; pre-filled with random words as memory would be."""

    def __init__(self, program: Program, batch: int, seed: int = 0) -> None:
        self.program = program
        self.batch = batch
        self.is_float = program.is_float
        rng = np.random.default_rng(seed)
        self._cells: dict[str, np.ndarray] = {}
        for name, tensor in program.tensors.items():
            if not tensor.alias:
                words = rng.integers(-32768, 32768, (1, tensor.stored), dtype=np.int16)
                cells = np.repeat(words, batch, axis=0)
                self._cells[name] = cells.astype(np.float32) if self.is_float else cells
        self.wire: dict[str, np.ndarray] = {}  # input port -> raw values (batch, height * width * channels)
        self.left = np.zeros(batch, bool)  # samples whose inference has ended at an exit

    def stored(self, name: str) -> np.ndarray:
        """(batch, stored elements) of a tensor."""
        first = self.program.offset(name)
        return self._cells[self.program.base(name)][:, first : first + self.program.tensors[name].stored]

    def grid(self, name: str) -> np.ndarray:
        """(batch, stored rows, pitch) of a tensor."""
        tensor = self.program.tensors[name]
        return self.stored(name).reshape(self.batch, tensor.stored_height, tensor.pitch)

    def inside(self, name: str) -> np.ndarray:
        """Writable (batch, height, width, channels) of a tensor, without its halo."""
        t = self.program.tensors[name]
        wide = self.grid(name).reshape(self.batch, t.stored_height, -1, t.channels)
        return wide[:, t.halo[0] : t.halo[0] + t.height, t.halo[1] : t.halo[1] + t.width]


@functools.cache
def kernel(name: str) -> ModuleType:
    """The module of one kernel."""
    return importlib.import_module(f"sparsecomp.kernels.{name}")


def rendered(step: Step, names: Names) -> Rendered:
    """What a step becomes in C. One that ``shares`` names reads that step's arrays and has none of its own."""
    owner = step.attrs.get("shares")
    if owner is None:
        return kernel(step.kernel).render(step, names)
    return replace(kernel(step.kernel).render(replace(step, name=owner), names), arrays=())


def written(step: Step, out: Stored) -> np.ndarray:
    """Stored elements of its output that a step writes."""
    own = getattr(kernel(step.kernel), "written", None)
    if own:
        return own(step, out)
    row, rest = np.divmod(np.arange(step.items), out.width * out.channels)
    return out.origin + row * out.pitch + rest


ROW_CYCLES = 44  # of the assembly, from the end of a row to the next


def rows_cycles(out: Stored) -> float:
    """What the assembly of an element-wise kernel pays for an output's rows, an item: a halo keeps them apart."""
    return ROW_CYCLES / (out.width * out.channels) if any(out.halo) else 0.0


def surface(names: Names, tensor: Stored) -> str:
    """C initializer of a ``surface_t``."""
    origin = names.at(tensor.name, tensor.origin)
    return f"{{{origin}, {tensor.pitch}U, {tensor.width}U, {tensor.channels}U}}"


def number(value: float, program_is_float: bool) -> str:
    """C literal of an element; no bound (infinite) becomes the largest finite number."""
    if program_is_float:
        if np.isinf(value):
            return "FLT_MAX" if value > 0 else "-FLT_MAX"
        return f"{float(np.float32(value))!r}F"
    return "INT16_MIN" if value == -32768 else str(int(value))


def bounds(step: Step, is_float: bool) -> dict[str, str]:
    """C initializers of the clamp's two bounds."""
    return {name: number(step.attrs[name], is_float) for name in ("low", "high")}

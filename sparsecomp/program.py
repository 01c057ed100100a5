"""The integer intermediate representation: stored tensors and kernel steps, in execution order.

It is what the reference executes, the planner places and the renderer writes as C. A step is one call of one kernel of
``firmware/kernels``; ``sparsecomp.kernels`` has a module for each, with the integer reference, the C parameters and
the cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sparsecomp.errors import ConversionError, DoesNotFitError
from sparsecomp.exits import Exit, Policy
from sparsecomp.wire import Wire

INT16 = (-32768, 32767)
MAX_ELEMENTS = 65535  # element indices are uint16_t in C


@dataclass(frozen=True)
class Stored:
    """A tensor in memory: rows of ``width`` x ``channels`` elements (HWC) inside a ``halo`` of constant cells.

    ``fraction`` is its exponent: an int16 element q stands for q * 2**-fraction. ``low`` and ``high`` bound what its
    elements can be. ``alias`` names the tensor whose bytes it shares under another shape, or of which it is some rows:
    then its first stored element is that tensor's element ``offset``. ``halo`` is (top, left, bottom, right).
    """

    name: str
    height: int
    width: int
    channels: int
    fraction: int = 0
    halo: tuple[int, int, int, int] = (0, 0, 0, 0)
    low: float = INT16[0]
    high: float = INT16[1]
    alias: str = ""
    layout: tuple[int, ...] = ()  # torch's (C, H, W) of a flattened tensor that keeps HWC order
    offset: int = 0

    def __post_init__(self) -> None:
        if self.stored > MAX_ELEMENTS:
            raise DoesNotFitError(
                f"tensor '{self.name}' has {self.stored} elements (halo included), the most is {MAX_ELEMENTS}",
                "use a smaller input, a larger stride or fewer channels",
            )

    @property
    def elements(self) -> int:
        """Elements without the halo."""
        return self.height * self.width * self.channels

    @property
    def pitch(self) -> int:
        """Elements from one row to the next."""
        return (self.halo[1] + self.width + self.halo[3]) * self.channels

    @property
    def stored_height(self) -> int:
        """Rows, halo rows included."""
        return self.halo[0] + self.height + self.halo[2]

    @property
    def stored(self) -> int:
        """Elements, halo included."""
        return self.stored_height * self.pitch

    @property
    def origin(self) -> int:
        """Index of the first element inside the halo."""
        return self.halo[0] * self.pitch + self.halo[1] * self.channels

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return (self.height, self.width, self.channels)


@dataclass(frozen=True)
class Step:
    """One kernel call. ``items`` is the number of items it computes (C: ``layer_t.items``).

    ``attrs`` are the kernel's own numbers and integer arrays, and ``part_of`` for one of several steps that compute a
    layer, named after the first of them; ``source`` names the user's operators it came from and ``where`` their source
    line; ``macs`` counts multiply-accumulates as if no weight were zero; ``more`` are further tensors that it writes.
    """

    kernel: str
    name: str
    inputs: tuple[str, ...]
    output: str
    items: int
    attrs: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    where: str = ""
    macs: int = 0
    more: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "attrs", MappingProxyType(dict(self.attrs)))
        if not 0 < self.items <= MAX_ELEMENTS:
            raise ConversionError(f"step '{self.name}' has {self.items} items")

    @property
    def outputs(self) -> tuple[str, ...]:
        """Every tensor that it writes."""
        return (self.output, *self.more)

    @property
    def layer(self) -> str:
        """The layer that it computes, or a part of."""
        return self.attrs.get("part_of", self.name)


@dataclass(frozen=True)
class Port:
    """An input or output of the network: the torch shape the user knows, and the tensor that holds it.

    For an input, ``wire`` is what comes over the wire and ``words`` the 16-bit words it takes.
    """

    name: str
    shape: tuple[int, ...]
    tensor: str
    wire: Wire | None = None
    words: int = 0


@dataclass(frozen=True)
class Program:
    """A network in integers (``numeric`` 'int8') or floats ('float32'), ready to execute and to plan.

    ``notes`` are what the user should know: folded and dropped operators, changed exponents. A network with early
    exits has them in ``exits``, the whole network last, and a ``policy``; its outputs are the answer and its exit.
    """

    tensors: Mapping[str, Stored]
    steps: tuple[Step, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    numeric: str = "int8"
    notes: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)  # stored tensor -> float tensor
    exits: tuple[Exit, ...] = ()
    policy: Policy | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "tensors", MappingProxyType(dict(self.tensors)))
        object.__setattr__(self, "origins", MappingProxyType(dict(self.origins)))
        for tensor in self.tensors.values():
            if tensor.alias:
                self._check_alias(tensor)
        written = {port.tensor for port in self.inputs}
        owners: dict[str, str] = {}  # steps with arrays of their own -> kernel
        for step in self.steps:
            owner = step.attrs.get("shares")
            if owner is None:
                owners[step.name] = step.kernel
            elif owners.get(owner) != step.kernel:
                raise ConversionError(
                    f"step '{step.name}' shares the arrays of '{owner}', which is no such step before it"
                )
            for name in step.inputs:
                if self.base(name) not in written:
                    raise ConversionError(f"step '{step.name}' reads '{name}' before anything has written it")
            written |= {self.base(name) for name in step.outputs}
        for port in self.outputs:
            if self.base(port.tensor) not in written:
                raise ConversionError(f"output '{port.name}' is never computed")
            if any(self.tensors[port.tensor].halo):
                raise ConversionError(f"output '{port.name}' has a halo")

    @property
    def is_float(self) -> bool:
        """Whether elements are float32."""
        return self.numeric == "float32"

    @property
    def element_words(self) -> int:
        """16-bit words an element."""
        return 2 if self.is_float else 1

    def scale(self, name: str) -> float:
        """What one step of a tensor's elements stands for."""
        return 1.0 if self.is_float else 2.0 ** -self.tensors[name].fraction

    def base(self, name: str) -> str:
        """The tensor whose bytes ``name`` occupies."""
        while self.tensors[name].alias:
            name = self.tensors[name].alias
        return name

    def offset(self, name: str) -> int:
        """Which element of its base a tensor's first one is."""
        found = 0
        while self.tensors[name].alias:
            found += self.tensors[name].offset
            name = self.tensors[name].alias
        return found

    def _check_alias(self, tensor: Stored) -> None:
        whole = self.tensors[tensor.alias]
        if tensor.offset + tensor.stored > whole.stored:
            raise ConversionError(f"tensor '{tensor.name}' does not lie within '{tensor.alias}'")
        if any(tensor.halo) and (tensor.pitch != whole.pitch or tensor.offset % whole.pitch):
            raise ConversionError(f"tensor '{tensor.name}' has a halo and is not rows of '{tensor.alias}'")

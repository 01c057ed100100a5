"""What a board file's tables hold, each checked by itself; boards.py puts them together."""

import re
from dataclasses import dataclass

from sparsecomp.errors import InputError

KINDS = ("fram", "sram", "lea_ram", "host")
USES = ("code", "weights", "arena", "stack", "scratch")


@dataclass(frozen=True)
class Region:
    """A range of memory: ``start`` and ``size`` in bytes, its ``kind`` (KINDS) and what may be placed in it (USES)."""

    name: str
    start: int
    size: int
    kind: str
    uses: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"region '{self.name}' has the unknown kind '{self.kind}'", f"one of {', '.join(KINDS)}")
        for use in self.uses:
            if use not in USES:
                raise InputError(f"region '{self.name}' has the unknown use '{use}'", f"any of {', '.join(USES)}")
        if self.start < 0 or self.size <= 0 or self.start % 2 or self.size % 2:
            raise InputError(
                f"region '{self.name}' is not a range of 16-bit words: start {self.start:#x}, size {self.size}",
                "start and size are even numbers of bytes, and the size is above zero",
            )
        if not self.nonvolatile and {"weights", "arena", "code"} & set(self.uses):
            raise InputError(
                f"region '{self.name}' loses its content with the power, so it cannot hold code, weights or the arena",
                "leave it the uses stack and scratch",
            )

    @property
    def end(self) -> int:
        """The first address behind the region."""
        return self.start + self.size

    @property
    def nonvolatile(self) -> bool:
        """Whether the content outlives a power failure."""
        return self.kind in ("fram", "host")


@dataclass(frozen=True)
class Reserved:
    """Bytes inside a region that nothing may be placed in (interrupt vectors, signatures)."""

    name: str
    start: int
    size: int

    def __post_init__(self) -> None:
        if self.size <= 0 or self.start % 2 or self.size % 2:
            raise InputError(
                f"reserved range '{self.name}' is not a range of 16-bit words", "use even numbers of bytes"
            )


@dataclass(frozen=True)
class Fram:
    """FRAM timing: ``wait_states`` at the board's clock, and the fastest clock (Hz) that needs none."""

    wait_states: int
    no_wait_hz: int


@dataclass(frozen=True)
class Limits:
    """From ``tight_percent`` of a memory on, the verdict is TIGHT instead of FITS."""

    tight_percent: int

    def __post_init__(self) -> None:
        if not 0 < self.tight_percent <= 100:
            raise InputError(f"tight_percent is {self.tight_percent}", "it lies between 1 and 100")


@dataclass(frozen=True)
class Toolchain:
    """The compiler: ``{prefix}gcc``, with its flags."""

    prefix: str
    cflags: tuple[str, ...]
    ldflags: tuple[str, ...] = ()


@dataclass(frozen=True)
class FlashRunner:
    """A command that writes ``{elf}`` to the board at ``{port}``; ``recalled`` where it was never checked."""

    name: str
    command: tuple[str, ...]
    recalled: bool = False


@dataclass(frozen=True)
class Serial:
    """The serial line to the PC: peripheral, its base address and interrupt vector (index i of 0xFF90 + 2 i), pins,
    which of their functions it is (PxSEL0 bit 0, PxSEL1 bit 1) and baud rate.
    """

    uart: str
    base: int
    vector: int
    function: int
    tx: str
    rx: str
    baud: int
    recalled: bool = False

    def __post_init__(self) -> None:
        for pin in (self.tx, self.rx):
            check_pin(pin)
        if not 0 < self.function < 4:
            raise InputError(f"the pins' function is {self.function}", "1 to 3: PxSEL0 is bit 0, PxSEL1 bit 1")
        if self.baud <= 0:
            raise InputError(f"the baud rate is {self.baud}", "baud is above zero")


@dataclass(frozen=True)
class Timer:
    """The Timer_A that counts cycles: base address and the vector of its overflow."""

    name: str
    base: int
    vector: int
    recalled: bool = False


@dataclass(frozen=True)
class Marks:
    """Pins for an energy probe: ``inference`` is high while one runs, ``layer`` toggles at each layer."""

    inference: str
    layer: str

    def __post_init__(self) -> None:
        for pin in (self.inference, self.layer):
            check_pin(pin)


def check_pin(name: str) -> tuple[int, int]:
    """Port and bit of a pin as ``P2.0``. Raises InputError where it is none."""
    match = re.fullmatch(r"P([1-9]|10)\.([0-7])", name)
    if not match:
        raise InputError(f"'{name}' is no pin", "write P2.0 for bit 0 of port 2")
    return int(match[1]), int(match[2])

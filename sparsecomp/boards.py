"""Boards are data: one TOML file each, the single source for planner, linker script, compiler flags and runners."""

import hashlib
import re
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from sparsecomp.errors import InputError
from sparsecomp.records import read_record

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


# What a figure is called, and the unit it is given in.
FIGURES = {
    "active_100": "uA",  # MCLK runs, the cache answers every access; by MCLK
    "active_75": "uA",  # the cache answers three of four
    "lpm0": "uA",  # by SMCLK
    "lpm1": "uA",
    "lpm3": "uA",
    "lpm4": "uA",
    "timer": "uA/MHz",  # of the module's own clock, while it runs
    "uart": "uA/MHz",
    "multiplier": "uA/MHz",
    "crc": "uA/MHz",
    "fram_write": "pJ",
    "boot_charge": "nAs",  # from brown-out to the first instruction
    "boot_time": "us",
}


@dataclass(frozen=True)
class Figure:
    """What one part of the device draws: ``values`` in ``unit`` at the clocks ``mhz``, or a single one.

    ``source`` says where it comes from; ``recalled`` marks what nobody has checked against it.
    """

    name: str
    values: tuple[float, ...]
    unit: str
    source: str
    mhz: tuple[float, ...] = ()
    recalled: bool = False

    def __post_init__(self) -> None:
        if self.name not in FIGURES:
            raise InputError(f"unknown figure '{self.name}'", f"one of {', '.join(FIGURES)}")
        if self.unit != FIGURES[self.name]:
            raise InputError(f"figure '{self.name}' is in {self.unit}", f"give it in {FIGURES[self.name]}")
        if len(self.values) != max(1, len(self.mhz)):
            raise InputError(
                f"figure '{self.name}' has {len(self.values)} values at {len(self.mhz)} clocks",
                "give one value a clock, or one value and no clock",
            )
        if min(self.values) < 0 or any(a >= b for a, b in zip((0.0, *self.mhz), self.mhz, strict=False)):
            raise InputError(f"figure '{self.name}' is negative, or its clocks do not rise", "check the table [energy]")


@dataclass(frozen=True)
class Energy:
    """What one charge pays for: a capacitor between two voltages, or directly a number of cycles (host).

    ``source`` says where the figures come from; ``recalled`` marks those that nobody has checked against it.
    ``boot_cycles`` is the cost of waking up, in cycles. The planner counts with ``nj_per_cycle``, the virtual board
    with ``figures``, which hold at ``volts``.
    """

    boot_cycles: int
    source: str
    recalled: bool = False
    nj_per_cycle: float | None = None
    capacitor_uF: float | None = None
    v_on: float | None = None
    v_off: float | None = None
    charge_cycles: int | None = None
    charge_fram_writes: int | None = None
    volts: float = 3.0
    figures: tuple[Figure, ...] = ()

    def __post_init__(self) -> None:
        names = [figure.name for figure in self.figures]
        if len(set(names)) != len(names):
            raise InputError("a figure of [energy] is given twice", "give each name once")
        if self.volts <= 0:
            raise InputError(f"the figures hold at {self.volts} V", "volts is above zero")
        electric = (self.nj_per_cycle, self.capacitor_uF, self.v_on, self.v_off)
        if self.charge_cycles is None and None in electric:
            raise InputError(
                "the energy of one charge is not given",
                "give nj_per_cycle, capacitor_uF, v_on and v_off, or charge_cycles",
            )
        if any(value is not None and value <= 0 for value in (*electric, self.charge_cycles, self.charge_fram_writes)):
            raise InputError("a figure of the energy of one charge is not above zero", "check the table [energy]")
        if self.v_on is not None and self.v_off is not None and self.v_on <= self.v_off:
            raise InputError(
                f"the board starts at {self.v_on} V but stops at {self.v_off} V already", "v_on must be above v_off"
            )

    def figure(self, name: str) -> Figure | None:
        """The figure of that name, None where the board has none."""
        return next((figure for figure in self.figures if figure.name == name), None)


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


@dataclass(frozen=True)
class Board:
    """One board, checked. ``source`` is the path or name it was read from, ``sha256`` the hash of that file."""

    name: str
    description: str
    mcu: str
    clock_hz: int
    regions: tuple[Region, ...]
    fram: Fram
    energy: Energy
    limits: Limits
    toolchain: Toolchain
    reserved: tuple[Reserved, ...] = ()
    flash: tuple[FlashRunner, ...] = ()
    serial: Serial | None = None
    timer: Timer | None = None
    marks: Marks | None = None
    source: str = ""
    sha256: str = ""

    def __post_init__(self) -> None:
        ordered = sorted(self.regions, key=lambda region: region.start)
        for before, after in zip(ordered, ordered[1:], strict=False):
            if before.end > after.start:
                raise InputError(f"regions '{before.name}' and '{after.name}' overlap", "check start and size")
        if len({region.name for region in self.regions}) != len(self.regions):
            raise InputError("two regions have the same name", "give each region its own name")
        for hole in self.reserved:
            if not any(r.start <= hole.start and hole.start + hole.size <= r.end for r in self.regions):
                raise InputError(f"reserved range '{hole.name}' does not lie inside one region", "check start and size")
        for use in ("weights", "arena") if self.is_host else USES:
            if not self.spans(use):
                raise InputError(f"no region is left for {use}", f"add '{use}' to the uses of a region")
        if self.clock_hz <= 0:
            raise InputError(f"the clock runs at {self.clock_hz} Hz", "clock_hz is above zero")
        if self.clock_hz > self.fram.no_wait_hz and self.fram.wait_states == 0:
            raise InputError(
                f"FRAM without wait states stops at {self.fram.no_wait_hz} Hz, the clock runs at {self.clock_hz} Hz",
                "set wait_states in [fram], or lower clock_hz",
            )
        if self.charge_cycles <= self.energy.boot_cycles:
            raise InputError(
                f"one charge is {self.charge_cycles} cycles, waking up takes {self.energy.boot_cycles} of them",
                "take a larger capacitor_uF, or a higher v_on",
            )

    @property
    def is_host(self) -> bool:
        """Whether the firmware runs as a process of this computer."""
        return any(region.kind == "host" for region in self.regions)

    @property
    def charge_joules(self) -> float | None:
        """Usable energy of one charge in joules, C/2 (von^2 - voff^2); None where the board gives cycles."""
        e = self.energy
        if e.capacitor_uF is None or e.v_on is None or e.v_off is None:
            return None
        return 0.5e-6 * e.capacitor_uF * (e.v_on**2 - e.v_off**2)

    @property
    def charge_cycles(self) -> int:
        """CPU cycles that one charge pays for, waking up included."""
        if self.energy.charge_cycles is not None:
            return self.energy.charge_cycles
        joules = self.charge_joules
        assert joules is not None and self.energy.nj_per_cycle is not None  # Energy has checked it
        return int(joules / (self.energy.nj_per_cycle * 1e-9))

    @property
    def charge_fram_writes(self) -> int | None:
        """FRAM word writes that one charge pays for; None where only cycles count."""
        return self.energy.charge_fram_writes

    def spans(self, use: str) -> tuple[tuple[Region, int, int], ...]:
        """Free ranges for ``use`` as (region, start, size in bytes), reserved ranges cut out, by address."""
        found = []
        for region in sorted(self.regions, key=lambda r: r.start):
            if use not in region.uses:
                continue
            start = region.start
            for hole in sorted(self.reserved, key=lambda h: h.start):
                if region.start <= hole.start < region.end:
                    found.append((region, start, hole.start - start))
                    start = hole.start + hole.size
            found.append((region, start, region.end - start))
        return tuple(span for span in found if span[2] > 0)

    def bytes_for(self, use: str) -> int:
        """Bytes free for ``use`` in all regions together."""
        return sum(size for _, _, size in self.spans(use))


def list_boards() -> tuple[str, ...]:
    """Names of the boards that come with the package, host first."""
    names = [f.name.removesuffix(".toml") for f in files("sparsecomp_boards").iterdir() if f.name.endswith(".toml")]
    return tuple(sorted(names, key=lambda name: (name != "host", name)))


def load_board(name_or_path: str | Path) -> Board:
    """The board of that name, or from that TOML file. Raises InputError with near names, or the line at fault."""
    text = str(name_or_path)
    if text.lower() in list_boards():
        name = text.lower()
        data = files("sparsecomp_boards").joinpath(f"{name}.toml").read_bytes()
        return parse_board(data, f"{name}.toml")
    path = Path(text)
    if path.suffix.lower() != ".toml" and not path.is_file():
        near = get_close_matches(text.lower(), list_boards(), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"boards: {', '.join(list_boards())}"
        raise InputError(f"unknown board '{text}'", f"{hint} (a path of a TOML file works too)")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the board file {path.name}: {error.strerror}", "check the path") from error
    return parse_board(data, path.name)


def parse_board(data: bytes, source: str) -> Board:
    """A board from the bytes of a TOML file; ``source`` is the file's name for messages."""
    try:
        text = data.decode("utf-8")
        table = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(f"{source}, line {line}: not UTF-8 text", "a board is a TOML file") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(_toml_message(source, text, str(error)), "see https://toml.io for the format") from error
    except RecursionError as error:
        raise InputError(f"{source}: tables are nested too deeply", "compare with `sparsecomp boards show`") from error
    extra: dict[str, Any] = {"source": source, "sha256": hashlib.sha256(data).hexdigest()}
    return read_record(Board, table, source, text, extra)


def _toml_message(source: str, text: str, message: str) -> str:
    match = re.search(r" \(at line (\d+), column \d+\)$", message)
    line = int(match[1]) if match else text.count("\n") + 1
    what = re.sub(r" \(at .*\)$", "", message)
    return f"{source}, line {line}: {what[:1].lower()}{what[1:]}"

"""Boards are data: one TOML file each, the single source for planner, linker script, compiler flags and runners."""

import hashlib
import re
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from sparsecomp.board_energy import Energy
from sparsecomp.board_parts import USES, FlashRunner, Fram, Limits, Marks, Region, Reserved, Serial, Timer, Toolchain
from sparsecomp.errors import InputError
from sparsecomp.records import read_record


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
    def waits(self) -> bool:
        """Whether a read of FRAM that its cache does not answer waits."""
        return self.fram.wait_states > 0

    @property
    def has_walks(self) -> bool:
        """Whether kernels in assembly run on it: 20-bit addresses and the 32-bit multiplier."""
        return {"-mlarge", "-mhwmult=f5series"} <= set(self.toolchain.cflags)

    @property
    def lea_ram(self) -> tuple[int, int] | None:
        """Start and bytes of the low-energy accelerator's RAM up to what is reserved there; None without one."""
        spans = [
            (start, next((h.start for h in self.reserved if start <= h.start < region.end), region.end) - start)
            for region in self.regions
            if region.kind == "lea_ram"
            for start in (region.start,)
        ]
        return spans[0] if spans else None

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

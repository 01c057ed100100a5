"""The firmware that answers one event a start (firmware/app/event.c), and its memory between two starts."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from elftools.elf.elffile import ELFFile

from sparsecomp.build import built
from sparsecomp.exits import Policy
from sparsecomp.pipeline import generate
from sparsecomp.plan import Plan
from sparsecomp.prepare import Prepared
from sparsecomp.project import write_files
from sparsecomp.report import layer_rows

CURSOR, LIMIT = "model_progress", 8  # progress_t: cursor, held, id (2), limit, plenty, margins, levels


@dataclass(frozen=True)
class EventFirmware:
    """A linked firmware: its ELF file, and the addresses of its objects."""

    elf: Path
    symbols: dict[str, int]

    @property
    def cursor(self) -> int:
        """Address of the progress cursor."""
        return self.symbols[CURSOR]


@contextmanager
def built_firmware(prepared: Prepared, plan: Plan, folder: Path) -> Iterator[EventFirmware]:
    """Generates and builds it for the plan's board. Raises ToolError where it does not build."""
    project = folder / "project"
    project.mkdir()
    write_files(project, generate(prepared, plan, layer_rows(plan)))
    (project / "main.c").write_bytes(files("sparsecomp_firmware").joinpath("app", "event.c").read_bytes())
    with built(project, plan.board) as copy:
        elf = copy / "build" / "firmware.elf"
        with open(elf, "rb") as file:
            table = ELFFile(file).get_section_by_name(".symtab")
            yield EventFirmware(elf, {s.name: s["st_value"] for s in table.iter_symbols()})


class Image:
    """The file of a device's FRAM, read and changed while the device is off."""

    def __init__(self, path: Path, firmware: EventFirmware) -> None:
        self.path, self._at = path, firmware.symbols

    def offer(self, number: int, words: np.ndarray) -> None:
        """Puts a sample there, under a number that is not that of the last one answered."""
        self._write(self._at["event_words"], np.ascontiguousarray(words, "<i2").tobytes())
        self._write(self._at["event_number"], struct.pack("<H", number))

    def set_policy(self, policy: Policy) -> None:
        """Makes the policy the firmware's."""
        self._write(self._at[CURSOR] + LIMIT, struct.pack(f"<{len(policy.words)}H", *policy.words))

    def answer(self) -> tuple[int, int, int]:
        """(number of the event last answered, exit, class)."""
        return tuple(self._word(self._at[name]) for name in ("event_answered", "event_exit", "event_class"))

    def _write(self, address: int, data: bytes) -> None:
        with open(self.path, "r+b") as file:
            file.seek(address)
            file.write(data)

    def _word(self, address: int) -> int:
        with open(self.path, "rb") as file:
            file.seek(address)
            return struct.unpack("<H", file.read(2))[0]

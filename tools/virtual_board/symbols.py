"""What an ELF file of a generated project says of its model: where its state lies, and what it computes where."""

from __future__ import annotations

import struct
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from sparsecomp.errors import InputError

Range = tuple[int, int]  # start address, bytes

_STATE = (".persistent", ".arena")
_HINT = "build the generated project with firmware/app/explored.c as its main"


@dataclass(frozen=True)
class Firmware:
    """``state`` is FRAM that the program may write, ``arenas`` among it; ``forbidden`` is diagnostic memory,
    ``statics`` variables in SRAM. ``outputs`` are in the order of the model's, ``first_units`` those of its layers.
    ``names`` are functions and objects as (address, size, name), sorted.
    """

    state: tuple[Range, ...]
    arenas: tuple[Range, ...]
    forbidden: tuple[Range, ...]
    statics: tuple[Range, ...]
    outputs: tuple[Range, ...]
    input: Range
    progress: int
    taken: int
    stack: int
    units: int
    first_units: tuple[int, ...]
    names: tuple[tuple[int, int, str], ...]

    def name_at(self, address: int) -> str:
        """The function or object there, with the offset where it is not 0; '' where there is none."""
        at = bisect_right(self.names, (address, 1 << 32, ""))
        for start, size, name in reversed(self.names[max(0, at - 8) : at]):
            if start <= address < start + size:
                return name if address == start else f"{name}+{address - start}"
        return ""

    def layer_at(self, cursor: int) -> int:
        """The layer whose unit runs next at that cursor, -1 where none does."""
        return bisect_right(self.first_units, cursor - 1) - 1 if 1 <= cursor <= self.units else -1


def read_firmware(elf: Path | str) -> Firmware:
    """Raises InputError where it is no ELF file of a project built for exploration."""
    try:
        with open(elf, "rb") as file:
            return _firmware(ELFFile(file))
    except OSError as error:
        raise InputError(f"{Path(elf).name} cannot be read: {error.strerror}", _HINT) from error
    except (ELFError, KeyError, struct.error, AttributeError) as error:
        raise InputError(f"{Path(elf).name} is no firmware to explore ({error})", _HINT) from error


def _firmware(image: ELFFile) -> Firmware:
    symbols = {s.name: s for s in image.get_section_by_name(".symtab").iter_symbols()}
    sections = {
        s.name: (s["sh_addr"], s["sh_size"]) for s in image.iter_sections() if s["sh_flags"] & 2 and s["sh_size"]
    }

    def address(name: str) -> int:
        return symbols[name]["st_value"]

    def content(name: str) -> bytes:
        start, size = address(name), symbols[name]["st_size"]
        for section in image.iter_sections():
            if section["sh_addr"] <= start < section["sh_addr"] + section["sh_size"]:
                return section.data()[start - section["sh_addr"] :][:size]
        raise KeyError(name)

    def number(name: str) -> int:
        return int.from_bytes(content(name), "little")

    def rows(name: str, count: int) -> list[bytes]:
        data = content(name)
        size = len(data) // count
        return [data[i * size : (i + 1) * size] for i in range(count)]

    outputs = [
        (int.from_bytes(row[:-2], "little"), 2 * struct.unpack("<H", row[-2:])[0])
        for row in rows("model_outputs", number("model_output_count"))
    ]
    layers = rows("model_layers", number("model_layer_count"))
    names = (
        (s["st_value"], s["st_size"], s.name)
        for s in symbols.values()
        if s["st_info"]["type"] in ("STT_FUNC", "STT_OBJECT") and s["st_size"]
    )
    return Firmware(
        state=tuple(r for name, r in sections.items() if name.startswith(_STATE)),
        arenas=tuple(r for name, r in sections.items() if name.startswith(".arena")),
        forbidden=tuple(r for name, r in sections.items() if name == ".diag"),
        statics=((address("__data_start"), address("__bss_end") - address("__data_start")),),
        outputs=tuple(outputs),
        input=(number("model_input"), 2 * number("model_input_words")),
        progress=address("model_progress"),
        taken=address("explored_taken"),
        stack=address("__stack"),
        units=number("model_units"),
        first_units=tuple(struct.unpack("<H", row[8:10])[0] for row in layers),
        names=tuple(sorted(names)),
    )

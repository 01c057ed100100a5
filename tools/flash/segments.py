"""What a programmer writes of an ELF file: the bytes that belong into the board's FRAM."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from sparsecomp.boards import Board
from sparsecomp.errors import InputError, ToolError

INFO_MEMORY = (0x1800, 0x1A00)  # FRAM as well on all FR58xx, FR59xx and FR6xxx (SLASE54D table 9-41)
RESET_VECTOR = 0xFFFE
HINT = "build the firmware for this board again"


@dataclass(frozen=True)
class Segment:
    """Bytes ``data`` that lie from ``address`` on."""

    address: int
    data: bytes

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + len(self.data)


def fram_segments(elf: Path | str, board: Board) -> tuple[Segment, ...]:
    """The loadable segments by address, adjacent ones joined; what is not FRAM is left out.

    Raises InputError where the file is unreadable, truncated, for another processor, or has nothing to load.
    """
    name = Path(elf).name
    try:
        with open(elf, "rb") as file:
            loaded = _loaded(ELFFile(file), name)
    except OSError as error:
        raise InputError(f"cannot read {name}: {(error.strerror or str(error)).lower()}", "check the path") from error
    except (ELFError, UnicodeDecodeError, ValueError, OverflowError) as error:
        raise InputError(f"{name} is no complete ELF file", HINT) from error
    spans = [(r.start, r.end) for r in board.regions if r.kind == "fram"] + [INFO_MEMORY]
    pieces = [piece for segment in loaded for span in spans if (piece := _inside(segment, *span)) is not None]
    if not pieces:
        raise InputError(f"{name} has nothing to load into the FRAM of {board.name}", HINT)
    return _joined(sorted(pieces, key=lambda piece: piece.address), name)


def entry_point(segments: tuple[Segment, ...]) -> int:
    """The address in the reset vector. Raises InputError where the segments have none."""
    return int.from_bytes(read_from(segments, RESET_VECTOR, 2), "little")


def read_from(segments: tuple[Segment, ...], address: int, count: int) -> bytes:
    """``count`` bytes at ``address``. Raises InputError where the segments do not hold all of them."""
    for segment in segments:
        if segment.address <= address and address + count <= segment.end:
            return segment.data[address - segment.address :][:count]
    raise InputError(f"the firmware has nothing at {address:#06x}", HINT)


def compare(expected: tuple[Segment, ...], found: tuple[Segment, ...], tool: str) -> None:
    """Holds what was read back against what was to be written. Raises ToolError naming the first difference."""
    for segment in expected:
        try:
            data = read_from(found, segment.address, len(segment.data))
        except InputError as error:
            raise ToolError(f"{tool} read nothing back from {segment.address:#07x}", CHECK) from error
        for offset, (wanted, got) in enumerate(zip(segment.data, data, strict=True)):
            if wanted != got:
                raise ToolError(
                    f"{tool} says it has programmed the board, but {segment.address + offset:#07x} holds {got:#04x} "
                    f"instead of {wanted:#04x}",
                    CHECK,
                )


CHECK = "check cable, power and the tool's version (`sparsecomp doctor`), then program again"


def _loaded(image: ELFFile, name: str) -> list[Segment]:
    if image["e_machine"] != "EM_MSP430":
        raise InputError(f"{name} is a program for another processor", HINT)
    headers = image["e_phoff"] + image["e_phnum"] * image["e_phentsize"]
    if image["e_shoff"] + image["e_shnum"] * image["e_shentsize"] > os.fstat(image.stream.fileno()).st_size:
        raise InputError(f"{name} is truncated: its section headers are missing", HINT)  # the linker puts them last
    out = []
    for segment in image.iter_segments("PT_LOAD"):
        size, data = segment["p_filesz"], segment.data()
        if len(data) != size:
            raise InputError(f"{name} is truncated: a segment reaches beyond its end", HINT)
        # The linker likes to put the file's own headers into the first segment: they are no part of the program.
        skip = min(max(headers - segment["p_offset"], 0), size)
        if size > skip:
            out.append(Segment(segment["p_paddr"] + skip, data[skip:]))
    return out


def _inside(segment: Segment, start: int, end: int) -> Segment | None:
    low, high = max(segment.address, start), min(segment.end, end)
    return Segment(low, segment.data[low - segment.address : high - segment.address]) if low < high else None


def _joined(pieces: list[Segment], name: str) -> tuple[Segment, ...]:
    out: list[Segment] = []
    for piece in pieces:
        if out and piece.address < out[-1].end:
            raise InputError(f"two segments of {name} overlap at {piece.address:#07x}", HINT)
        if out and piece.address == out[-1].end:
            out[-1] = Segment(out[-1].address, out[-1].data + piece.data)
        else:
            out.append(piece)
    return tuple(out)

"""Flash runner ``bsl``: the boot loader in the device's ROM, over a serial port."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sparsecomp.boards import Board
from sparsecomp.errors import ToolError
from sparsecomp_tools.flash.bsl_client import BLANK_PASSWORD, BootLoader
from sparsecomp_tools.flash.runner import Found
from sparsecomp_tools.flash.segments import (
    RESET_VECTOR,
    Segment,
    compare,
    entry_point,
    fram_segments,
    read_from,
)

PASSWORD = (0xFFE0, 32)
COMMAND_BYTES = 4  # of a write before its data
UNWRITTEN = 0xFF


@dataclass(frozen=True)
class BslRunner:
    """Programs over the boot loader, reads everything back and starts the program.

    ``mass_erase`` erases the device first; otherwise ``installed`` is the ELF file that is on the device, whose
    vectors are the password (a wrong password erases the device too). ``parity`` is as in BootLoader; ``baud`` is the
    rate after the first contact. ``progress`` is called with (what, done, total) in bytes.
    """

    mass_erase: bool = False
    installed: Path | str | None = None
    parity: str = "E"
    baud: int = 115200
    timeout: float = 2.0
    progress: Callable[[str, int, int], None] | None = None
    name: str = "bsl"
    install: str = "pip install pyserial"
    needs_board: bool = True

    def find(self) -> Found | None:
        """Always there: it is built in."""
        return Found(warnings=("needs the entry sequence on TEST and RST, or firmware that jumps to 0x1000",))

    def program(self, elf: Path | str, board: Board, port: str | None = None) -> None:
        """Programs ``elf``. Raises ToolError where port, device or password fails, InputError for the ELF file."""
        segments = fram_segments(elf, board)
        entry = entry_point(segments)
        if port is None:
            raise ToolError("the boot loader needs a serial port", "name it; `sparsecomp doctor` lists the ports")
        password = self._password(board)
        with BootLoader(port, parity=self.parity, timeout=self.timeout) as device:
            if self.mass_erase:
                device.mass_erase()
            device.unlock(password)
            device.set_baud(self.baud)
            chunk = min(device.buffer_size() - COMMAND_BYTES, 256) & ~1
            self._write(device, segments, chunk)
            compare(segments, self._read_back(device, segments, chunk), "the boot loader")
            device.start(entry)

    def _password(self, board: Board) -> bytes:
        if self.mass_erase:
            return BLANK_PASSWORD
        if self.installed is None:
            raise ToolError(
                "the boot loader wants the password of the firmware on the device, and a wrong one erases the device",
                "give the ELF file that is on it, or allow the mass erase",
            )
        return password_of(fram_segments(self.installed, board))

    def _write(self, device: BootLoader, segments: tuple[Segment, ...], chunk: int) -> None:
        # The reset vector comes last: until then a device that loses its power does not start half a program, if it
        # was erased before.
        ordered = sorted(segments, key=lambda s: s.address <= RESET_VECTOR < s.end)
        self._each(ordered, chunk, "programming", lambda at, data: device.write(at, data))

    def _read_back(self, device: BootLoader, segments: tuple[Segment, ...], chunk: int) -> tuple[Segment, ...]:
        found: list[bytes] = []
        self._each(segments, chunk, "reading back", lambda at, data: found.append(device.read(at, len(data))))
        whole, out, start = b"".join(found), [], 0
        for segment in segments:
            out.append(Segment(segment.address, whole[start : start + len(segment.data)]))
            start += len(segment.data)
        return tuple(out)

    def _each(
        self, segments: tuple[Segment, ...] | list[Segment], chunk: int, what: str, act: Callable[[int, bytes], object]
    ) -> None:
        total, done = sum(len(s.data) for s in segments), 0
        for segment in segments:
            for start in range(0, len(segment.data), chunk):
                data = segment.data[start : start + chunk]
                act(segment.address + start, data)
                done += len(data)
                if self.progress:
                    self.progress(what, done, total)


def password_of(segments: tuple[Segment, ...]) -> bytes:
    """The boot loader's password once ``segments`` are programmed into an erased device: 32 bytes at 0xFFE0."""
    start, size = PASSWORD
    out = bytearray([UNWRITTEN] * size)
    for address in range(start, start + size):
        if any(s.address <= address < s.end for s in segments):
            out[address - start] = read_from(segments, address, 1)[0]
    return bytes(out)

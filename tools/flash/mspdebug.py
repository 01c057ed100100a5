"""Flash runner ``mspdebug``: the free debugger with TI's debug stack (driver tilib).

Versions up to 0.24 and newer stacks can say that they have programmed a board without doing it (its issue 43), and
the FR599x are known to 0.26 only, or to a 0.25 built after November 2019. So the memory is read back as raw bytes.
The driver wants a port's name, lets the program run when it is closed, and would wait in its command ``run`` until a
breakpoint is hit, so the last command is ``reset`` (drivers/tilib.c of 0.25).
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sparsecomp.boards import Board
from sparsecomp.errors import ToolError
from sparsecomp_tools.flash.ports import serial_ports
from sparsecomp_tools.flash.runner import Found, entry_of, fill, output_of, required, run_tool, version_in
from sparsecomp_tools.flash.segments import Segment, compare, fram_segments

TRUSTED = (0, 25)
LATE = ("msp430fr5994", "msp430fr5992")  # of the FR5992 recalled
LATE_SINCE, LATE_PERHAPS = (0, 26), (0, 25)
FORBIDDEN = "--allow-fw-update"  # it has left interfaces without firmware


@dataclass(frozen=True)
class MspdebugRunner:
    """Runs the board file's command with {elf} and {port}, then reads back what was written."""

    name: str = "mspdebug"
    install: str = "install mspdebug 0.26 (https://github.com/dlbeer/mspdebug) and TI's libmsp430.so"
    needs_board: bool = True

    def find(self) -> Found | None:
        """mspdebug on the PATH, with a warning for a version that is known to lie."""
        path = shutil.which("mspdebug")
        if path is None:
            return None
        version = version_in(output_of([path, "--version"]), r"version (\d+\.\d+)")
        warnings = []
        if not version:
            warnings.append("it does not say its version")
        elif numbers(version) < TRUSTED:
            warnings.append(f"version {version} can say that it has programmed a board without doing it: take 0.26")
        return Found(path, version, tuple(warnings))

    def program(self, elf: Path | str, board: Board, port: str | None = None) -> None:
        """Programs ``elf`` through TI's debug stack. ``port`` is the debug interface's, such as ttyACM0; without one it
        is the first eZ-FET's.
        """
        found = required(self)
        refuse_unknown_device(found.version, board)
        entry = entry_of(board, self.name)
        if any(FORBIDDEN in word for word in entry.command):
            raise ToolError(f"the board file passes {FORBIDDEN} to mspdebug", "update the interface with TI's tools")
        segments = fram_segments(elf, board)
        with tempfile.TemporaryDirectory(prefix="sparsecomp-flash-") as name:
            folder = Path(name)  # short names without blanks, since mspdebug takes its commands apart at blanks
            shutil.copy(elf, folder / "fw.elf")
            device = (port or debug_port()).removeprefix("/dev/")
            command = fill(entry.command, {"elf": "fw.elf", "port": device})
            files = [f"back{number}.bin" for number in range(len(segments))]
            # Before the last command, which starts the program.
            reads = [f"save_raw {s.address:#x} {len(s.data)} {file}" for s, file in zip(segments, files, strict=True)]
            run_tool([found.path, *command[1:-1], *reads, command[-1]], folder, self.name, self.install)
            compare(segments, tuple(_read(folder / f, s) for f, s in zip(files, segments, strict=True)), self.name)


def numbers(version: str) -> tuple[int, ...]:
    """'0.26' as (0, 26)."""
    return tuple(int(part) for part in version.split("."))


def refuse_unknown_device(version: str, board: Board) -> None:
    """Raises ToolError where this version of mspdebug cannot know the board's device."""
    if board.mcu in LATE and version and numbers(version) < LATE_PERHAPS:
        least = ".".join(map(str, LATE_SINCE))
        raise ToolError(
            f"mspdebug {version} does not know the {board.mcu.upper()}: {least} does",
            f"install mspdebug {least}, or take another runner (`sparsecomp doctor` lists them)",
        )


def debug_port() -> str:
    """The first eZ-FET's first port, which is its debug interface. Raises ToolError where none is plugged in."""
    for port in serial_ports():
        if port.interface:
            return port.device
    raise ToolError("no debug interface is plugged in", "plug the LaunchPad in, or name its port")


def _read(path: Path, segment: Segment) -> Segment:
    return Segment(segment.address, path.read_bytes() if path.is_file() else b"")

"""Flash runner ``mspflasher``: TI's MSP430Flasher 1.3, which takes TI-TXT. Its options are recalled."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sparsecomp.boards import Board
from sparsecomp.errors import InputError, ToolError
from sparsecomp_tools.flash.runner import Found, entry_of, fill, output_of, required, run_tool, version_in
from sparsecomp_tools.flash.segments import CHECK, compare, fram_segments
from sparsecomp_tools.flash.titext import from_titext, to_titext


@dataclass(frozen=True)
class MspflasherRunner:
    """Runs the board file's command with {txt}, {readback} and {port}; without {readback} the tool verifies alone."""

    name: str = "mspflasher"
    install: str = "install TI's MSP430Flasher and put it on the PATH"
    needs_board: bool = True

    def find(self) -> Found | None:
        """MSP430Flasher on the PATH."""
        path = shutil.which("MSP430Flasher")
        if path is None:
            return None
        warnings = ("its options were never checked: they are recalled",)
        return Found(path, version_in(output_of([path, "-h"])), warnings)

    def program(self, elf: Path | str, board: Board, port: str | None = None) -> None:
        """Programs ``elf``, written as TI-TXT, and holds what the tool reads back against it."""
        found = required(self)
        entry = entry_of(board, self.name)
        segments = fram_segments(elf, board)
        with tempfile.TemporaryDirectory(prefix="sparsecomp-flash-") as name:
            folder = Path(name)
            (folder / "fw.txt").write_text(to_titext(segments))
            values = {"txt": "fw.txt", "readback": "back.txt", "port": port}
            command = fill(entry.command, values)
            run_tool([found.path, *command[1:]], folder, self.name, self.install)
            if not any("{readback}" in word for word in entry.command):
                return
            try:
                back = from_titext((folder / "back.txt").read_text())
            except (OSError, UnicodeDecodeError, InputError) as error:
                raise ToolError(f"{self.name} did not read the memory back", CHECK) from error
            compare(segments, back, self.name)

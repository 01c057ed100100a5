"""Flash runner ``virtual``: programs the FRAM image file of a virtual board."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sparsecomp.boards import Board
from sparsecomp.errors import InputError
from sparsecomp_tools.flash.runner import Found
from sparsecomp_tools.flash.segments import Segment, compare, fram_segments
from sparsecomp_tools.virtual_board import run_elf


@dataclass(frozen=True)
class VirtualRunner:
    """Programs ``image``, from which ``VirtualBoard(board, None, image=image)`` runs the firmware afterwards."""

    image: Path | str | None = None
    name: str = "virtual"
    install: str = "apt install gcc"
    needs_board: bool = False

    def find(self) -> Found | None:
        """Always there; the simulator is compiled with the host's compiler when it is first needed."""
        return Found()

    def program(
        self, elf: Path | str, board: Board, port: str | None = None, *, image: Path | str | None = None
    ) -> None:
        """Writes ``elf`` into the image, made where it is missing, reads the file back and compares.

        Raises InputError for an unsuitable ELF file or an image that is damaged or another device's.
        """
        path = image or self.image or port
        if path is None:
            raise InputError("a virtual board needs a file for its FRAM", "name one, such as board.fram")
        segments = fram_segments(elf, board)
        run_elf(board, elf, image=path, instruction_limit=0)  # it is programmed, and stops where power comes
        memory = Path(path).read_bytes()
        found = tuple(Segment(s.address, memory[s.address : s.end]) for s in segments)
        compare(segments, found, f"the virtual board's {Path(path).name}")

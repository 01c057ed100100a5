"""A generated project onto a board: built, written, read back, and asked who it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sparsecomp.boards import Board, load_board
from sparsecomp.build import built
from sparsecomp.errors import InputError
from sparsecomp.on_board import model_hash

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Flashed:
    """A firmware that is on a board: ``place`` is the port or the image file, ``runner`` what wrote it."""

    board: str
    place: str
    runner: str
    model_hash: str
    exit_code: int = 0

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"PASS {self.place} ({self.board}) was written by {self.runner}, read back, and holds {self.model_hash}"
        ]

    def to_json(self) -> dict[str, Any]:
        """Versioned document."""
        return {"report": "flash", "version": 1} | asdict(self)


def project_board(project: Path) -> Board:
    """The board that a project was made for. Raises InputError where it is no project, or its board is unknown."""
    try:
        plan = json.loads((project / "plan.json").read_text())
        name, sha256 = plan["board"]["name"], plan["board"]["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"'{project.name}' is no project of ours", "make one with `sparsecomp deploy`") from error
    board = load_board(name)
    if board.sha256 != sha256:
        raise InputError(f"'{project.name}' was made for another {name} than this version's", "deploy it again")
    if board.is_host:
        raise InputError(f"'{project.name}' was made for the host", "deploy with --board msp430fr5994")
    return board


def flash(
    project: Path,
    *,
    port: str | None = None,
    runner: str | None = None,
    image: str | Path | None = None,
    mass_erase: bool = False,
    installed: str | Path | None = None,
    progress: Progress = lambda *_: None,
) -> Flashed:
    """Builds ``project`` and writes its firmware to the board at ``port``, or into a virtual board's ``image``.

    The boot loader (runner 'bsl') asks for a password: ``installed`` is the ELF file of the firmware that is on the
    board, with ``mass_erase`` what it holds is given up instead.
    Raises ToolError where the tool or the board fails, MismatchError where the firmware answers with another hash.
    """
    from sparsecomp_tools.accuracy import VIRTUAL, find_port
    from sparsecomp_tools.flash import BslRunner, VirtualRunner, choose
    from sparsecomp_tools.link import Device, open_line
    from sparsecomp_tools.virtual_board import VirtualBoard

    board = project_board(project)
    wanted = model_hash(project)
    with built(project, board) as copy:
        elf = copy / "build" / "firmware.elf"
        progress("flashing", 0, 1)
        if image is not None:
            VirtualRunner().program(elf, board, image=image)
            with VirtualBoard(board, None, image=image) as running, open_line(running.port, _baud(board)) as line:
                Device(line, patience=60).expect(wanted)
            progress("flashing", 1, 1)
            return Flashed(board.name, Path(image).name, "virtual", wanted)
        place = port or find_port()
        if place == VIRTUAL:
            raise InputError("no board is plugged in", "name its port with --port, or write a virtual one with --image")
        chosen = choose(board, runner, plugged=True)
        if mass_erase or installed is not None:
            if not isinstance(chosen, BslRunner):
                raise InputError(f"the runner '{chosen.name}' needs no password", "name the boot loader: --runner bsl")
            chosen = replace(chosen, mass_erase=mass_erase, installed=installed)
        chosen.program(elf, board, place)
    with open_line(place, _baud(board)) as line:
        Device(line).expect(wanted)
    progress("flashing", 1, 1)
    return Flashed(board.name, place, chosen.name, wanted)


def _baud(board: Board) -> int:
    if board.serial is None:
        raise InputError(f"{board.name} has no serial line in its board file", "add [serial] and [timer]")
    return board.serial.baud

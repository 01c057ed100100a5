"""Where a firmware runs: a virtual board of this computer, or a board at a serial port."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sparsecomp.boards import Board
from sparsecomp.errors import ToolError
from sparsecomp_tools.accuracy.running import Port
from sparsecomp_tools.flash import choose
from sparsecomp_tools.flash.ports import serial_ports
from sparsecomp_tools.flash.virtual import VirtualRunner
from sparsecomp_tools.link import Device, open_line
from sparsecomp_tools.virtual_board import RunResult, Supply, VirtualBoard

VIRTUAL = "virtual"
AUTO = "auto"
STARTING = 300.0  # seconds of this computer: a virtual board is as slow as the computer, but never silent


@dataclass
class VirtualPlace:
    """A virtual board whose FRAM was programmed with ``elf`` and read back. ``result`` is there once it has stopped."""

    board: Board
    elf: Path
    folder: Path
    supply: Supply | None = None
    seed: int = 1
    watch: int | None = None
    name: str = VIRTUAL
    simulated: bool = True
    result: RunResult | None = field(default=None, init=False)

    @property
    def image(self) -> Path:
        """The file of its FRAM."""
        return self.folder / f"{self.name}.fram"

    @property
    def events(self) -> Path:
        """The file of its events."""
        return self.folder / f"{self.name}.events"

    def flash(self) -> None:
        """Programs the FRAM and reads it back. Raises as VirtualRunner.program."""
        VirtualRunner().program(self.elf, self.board, image=self.image)

    @contextmanager
    def connect(self) -> Iterator[Device]:
        """Runs the board while the block does."""
        assert self.board.serial is not None
        board = VirtualBoard(
            self.board,
            None,
            image=self.image,
            supply=self.supply,
            seed=self.seed,
            events=self.events,
            watch=self.watch,
            await_host=True,
        )
        with board:
            try:
                with open_line(board.port, self.board.serial.baud) as line:
                    yield Device(line, patience=STARTING, tries=2)
            except ToolError as error:
                raise self._explained(board.stop(), error) from error
            finally:
                self.result = board.stop()

    def _explained(self, result: RunResult, error: ToolError) -> ToolError:
        """What the board itself has to say of an error at its port."""
        if result.stopped == "interrupted":
            return error
        what = f"{result.stopped}{': ' if result.message else ''}{result.message}"
        hint = "use a larger capacitor, or a stronger source" if self.supply is not None else error.hint
        return ToolError(f"the virtual board has stopped ({what})", hint)


@dataclass
class SerialPlace:
    """A board at a serial port, written by a flash runner (None: by the first that can). ``patience`` in seconds."""

    board: Board
    elf: Path
    name: str
    runner: str | None = None
    patience: float = 5.0
    simulated: bool = False
    result: RunResult | None = field(default=None, init=False)

    def flash(self) -> None:
        """Writes the firmware. Raises as the runner."""
        choose(self.board, self.runner, plugged=True).program(self.elf, self.board, self.name)

    @contextmanager
    def connect(self) -> Iterator[Device]:
        """Opens the port while the block runs."""
        assert self.board.serial is not None
        with open_line(self.name, self.board.serial.baud) as line:
            yield Device(line, patience=self.patience)


Place = VirtualPlace | SerialPlace


def port_of(place: Place) -> Port:
    """The place as something that accuracy runs can open."""
    return Port(place.name, place.connect)


def find_port() -> str:
    """The serial port of the one board that is plugged in, or 'virtual' where there is none.

    A debug interface has two ports, the second of which is the board's own line (recalled). Raises ToolError where
    several boards are plugged in.
    """
    known = [port.device for port in serial_ports() if port.interface]
    if not known:
        return VIRTUAL
    if len(known) > 2:
        raise ToolError(f"several boards are plugged in: {', '.join(known)}", "name one with --port")
    return known[-1]

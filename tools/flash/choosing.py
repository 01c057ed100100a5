"""Which flash runner: the one that is named, or the first of the board file's that can work here."""

from __future__ import annotations

from sparsecomp.boards import Board
from sparsecomp.errors import InputError, ToolError
from sparsecomp_tools.flash.bsl import BslRunner
from sparsecomp_tools.flash.dslite import DsliteRunner
from sparsecomp_tools.flash.mspdebug import MspdebugRunner, refuse_unknown_device
from sparsecomp_tools.flash.mspflasher import MspflasherRunner
from sparsecomp_tools.flash.ports import serial_ports
from sparsecomp_tools.flash.runner import Runner, entry_of, required
from sparsecomp_tools.flash.virtual import VirtualRunner

RUNNERS: dict[str, Runner] = {
    runner.name: runner
    for runner in (MspdebugRunner(), DsliteRunner(), MspflasherRunner(), BslRunner(), VirtualRunner())
}
ON_REQUEST = ("bsl",)  # somebody has to bring the device into its boot loader first


def choose(board: Board, name: str | None = None, *, plugged: bool | None = None) -> Runner:
    """The runner of that name; without one the first in the board file that is installed and knows the device.

    ``plugged`` says whether a debug interface is there (None looks for one): without it only the virtual board is
    left. Raises InputError for a name that the board file does not have, ToolError where nothing fits.
    """
    if name is not None:
        entry_of(board, name)
        if name not in RUNNERS:
            raise InputError(f"there is no flash runner '{name}'", f"one of {', '.join(RUNNERS)}")
        required(RUNNERS[name])
        return RUNNERS[name]
    if plugged is None:
        plugged = any(port.interface for port in serial_ports())
    installs = []
    for entry in board.flash:
        runner = RUNNERS.get(entry.name)
        if runner is None or runner.name in ON_REQUEST or (runner.needs_board and not plugged):
            continue
        if usable(runner, board):
            return runner
        installs.append(runner.install)
    raise ToolError(f"no flash runner for {board.name} is installed", installs[0] if installs else "plug the board in")


def usable(runner: Runner, board: Board) -> bool:
    """Whether the runner is installed and can know the board's device."""
    found = runner.find()
    if found is None:
        return False
    if runner.name == "mspdebug":
        try:
            refuse_unknown_device(found.version, board)
        except ToolError:
            return False
    return True

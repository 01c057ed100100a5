"""The virtual board as a process beside this one, with a serial port to open."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType

from sparsecomp.boards import Board
from sparsecomp.errors import ToolError
from sparsecomp_tools.virtual_board.failures import Failure
from sparsecomp_tools.virtual_board.running import RunResult, command_line, report

STOP_AGAIN = 0.2  # seconds; a signal can come just before the simulator waits for the host


class VirtualBoard:
    """``with VirtualBoard("msp430fr5994", elf) as board:`` runs the firmware; ``board.port`` is its serial port.

    Virtual time passes only while there is something to do, so a slow host changes nothing. The pseudo-terminal
    carries eight bits without parity; a host that opens it at another rate than the firmware's reads garbage.
    ``image`` keeps the FRAM, and then ``elf`` may be None. Raises as ``run_elf``.
    """

    def __init__(
        self,
        board: Board | str,
        elf: Path | str | None = None,
        *,
        failure: Failure | None = None,
        image: Path | str | None = None,
        seed: int = 1,
    ) -> None:
        self._command = [*command_line(board, elf, failure, image, seed), "terminal=1"]
        self._process: subprocess.Popen[bytes] | None = None
        self._result: RunResult | None = None
        self.port = ""

    def __enter__(self) -> VirtualBoard:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode()
        if not line.startswith("port="):
            _, errors = self._process.communicate()
            report(self._process.returncode, b"", errors)
            raise ToolError("the simulator opened no port", "please report this")
        self.port = line.removeprefix("port=").strip()
        return self

    def stop(self) -> RunResult:
        """Takes the power away for good; what the run was up to here. A second call says the same."""
        if self._result is None:
            assert self._process is not None
            while True:
                self._process.terminate()
                try:
                    text, errors = self._process.communicate(timeout=STOP_AGAIN)
                    break
                except subprocess.TimeoutExpired:
                    continue
            self._result = RunResult(**report(self._process.returncode, text, errors))
        return self._result

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

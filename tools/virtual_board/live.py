"""The virtual board as a process beside this one, with a serial port to open."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from sparsecomp.boards import Board
from sparsecomp.errors import ToolError
from sparsecomp_tools.virtual_board.failures import Failure, RandomFailures
from sparsecomp_tools.virtual_board.running import RunResult, command_line, report
from sparsecomp_tools.virtual_board.supply import Supply

STOP_AGAIN = 0.2  # seconds; a signal can come just before the simulator waits for the host


class VirtualBoard:
    """``with VirtualBoard("msp430fr5994", elf) as board:`` runs the firmware; ``board.port`` is its serial port.

    Virtual time passes only while there is something to do, so a slow host changes nothing. The pseudo-terminal
    carries eight bits without parity; a host that opens it at another rate than the firmware's reads garbage.
    ``image`` keeps the FRAM, and then ``elf`` may be None. ``bootloader`` gives the entry sequence on TEST and RST
    at power-up: the boot loader in ROM listens at 9600 baud. ``real_time`` keeps virtual time from running ahead of the
    wall clock. The others are those of ``run_elf``, which this raises as.

    The host's bytes are taken where virtual time stands still: asleep (or polling the UART and nothing else) with
    nothing due, or when only timers have gone on for a second of virtual time. A byte that is on its way when the power
    goes is lost; those behind it wait in the terminal.
    """

    def __init__(
        self,
        board: Board | str,
        elf: Path | str | None = None,
        *,
        failure: Failure | None = None,
        failures: Sequence[Failure | RandomFailures] = (),
        supply: Supply | None = None,
        host_latency_us: float = 0,
        events: Path | str | None = None,
        watch: int | None = None,
        real_time: bool = False,
        image: Path | str | None = None,
        seed: int = 1,
        bootloader: bool = False,
        await_host: bool = False,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sparsecomp-board-")
        self._command = command_line(
            board,
            elf,
            Path(self._folder.name),
            failures=[*failures, *([failure] if failure else [])],
            supply=supply,
            host_latency_us=host_latency_us,
            events=events,
            watch=watch,
            image=image,
            seed=seed,
        )
        self._command += ["terminal=1", f"real_time={int(real_time)}", "owned=1", f"await_host={int(await_host)}"]
        if bootloader:
            self._command.append("bootloader=1")
        self._process: subprocess.Popen[bytes] | None = None
        self._result: RunResult | None = None
        self.port = ""

    def __enter__(self) -> VirtualBoard:
        # Its standard input ends with this process, however that ends: then it ends as well.
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self._process = subprocess.Popen(self._command, **pipes)
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode()
        self._folder.cleanup()  # the simulator has read what it needs
        if not line.startswith("port="):
            _, errors = self._process.communicate()
            report(self._process.returncode, b"", errors)
            raise ToolError("the simulator opened no port", "please report this")
        self.port = line.removeprefix("port=").strip()
        return self

    def wait(self) -> None:
        """Until the board stops by itself."""
        assert self._process is not None
        self._process.wait()

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

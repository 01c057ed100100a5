"""Runs an ELF file on the simulated device and reads the report."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sparsecomp.boards import Board, load_board
from sparsecomp.errors import InputError, ToolError
from sparsecomp_tools.virtual_board.building import build
from sparsecomp_tools.virtual_board.devices import map_options
from sparsecomp_tools.virtual_board.failures import Failure

FAULTS = ("unmapped", "illegal", "clock", "unsimulated")


@dataclass(frozen=True)
class RunResult:
    """One run. ``stopped`` is 'exit' (the program ended with ``exit_code``), 'halted' (a jump to itself that nothing
    can end), 'asleep' (nothing can wake it), 'cycle limit', 'instruction limit', 'interrupted' or one of FAULTS with a
    ``message``.

    ``cycles`` are those of MCLK, ``wait_cycles`` among them; FRAM reads are hits and misses of its cache together.
    ``output`` is what the program wrote through the simulator's system calls, ``serial`` what it sent over the UART,
    where ``mute_bytes`` and ``lost_bytes`` found no pin. ``registers`` are R0 to R15.
    """

    stopped: str
    message: str
    exit_code: int
    cycles: int
    instructions: int
    wait_cycles: int
    cache_hits: int
    cache_misses: int
    fram_reads: int
    fram_writes: int
    interrupts: int
    resets: int
    power_failures: int
    early_multiplier_reads: int
    mute_bytes: int
    lost_bytes: int
    picoseconds: int
    sleep_picoseconds: int
    registers: tuple[int, ...]
    output: bytes = b""
    serial: bytes = b""

    @property
    def hit_ratio(self) -> float:
        """The part of FRAM reads that its cache answered; 1 where there were none."""
        return self.cache_hits / self.fram_reads if self.fram_reads else 1.0


def run_elf(
    board: Board | str,
    elf: Path | str | None,
    data: bytes = b"",
    *,
    semihosting: bool = False,
    serial: bytes = b"",
    host_baud: int | None = None,
    exit_address: int | None = None,
    cycle_limit: int | None = None,
    instruction_limit: int | None = None,
    failure: Failure | None = None,
    image: Path | str | None = None,
    seed: int = 1,
) -> RunResult:
    """Programs ``elf`` into the FRAM of ``board`` and runs it from power-up until it stops. None runs
    what ``image`` holds.

    ``semihosting`` serves the system calls of libgloss' simulator library, input being ``data``. ``serial`` is what
    the host sends over the UART, a byte whenever the device sleeps or polls, at ``host_baud`` or else at the device's
    own rate. A store of a word to ``exit_address`` ends the run with that code. ``seed`` decides what SRAM and
    registers hold at power-up. ``image`` is a file in which the FRAM is kept from run to run, made where it is
    missing. Raises InputError for another device, an unreadable or unsuitable ELF file or image, ToolError where the
    simulator cannot be built or breaks.
    """
    numbers = {"exit": exit_address, "cycles": cycle_limit, "instructions": instruction_limit, "host_baud": host_baud}
    options = [f"{name}={value}" for name, value in numbers.items() if value is not None]
    with tempfile.TemporaryDirectory(prefix="sparsecomp-board-") as folder:
        output, sent, received = (Path(folder) / name for name in ("output", "sent", "received"))
        sent.write_bytes(serial)
        options += [
            f"semihosting={int(semihosting)}",
            f"output={output}",
            f"serial_in={sent}",
            f"serial_out={received}",
        ]
        command = command_line(board, elf, failure, image, seed) + options
        done = subprocess.run(command, input=data, capture_output=True)
        fields = report(done.returncode, done.stdout, done.stderr)
        return RunResult(**fields, output=output.read_bytes(), serial=received.read_bytes())


def command_line(
    board: Board | str, elf: Path | str | None, failure: Failure | None, image: Path | str | None, seed: int
) -> list[str]:
    """The simulator's program with the options that every run has. Raises as ``run_elf``."""
    board = board if isinstance(board, Board) else load_board(board)
    options = [*map_options(board), f"seed={seed}"]
    if elf is not None:
        options.append(f"elf={elf}")
    if failure is not None:
        options.append(f"fail_{failure.kind}={failure.at}")
    if image is not None:
        options.append(f"image={image}")
    return [str(build()), *options]


def report(code: int, text: bytes, errors: bytes) -> dict:
    """The fields of RunResult in a report. Raises InputError where the simulator refused to start."""
    if code == 2:
        raise InputError(errors.decode(errors="replace").strip(), "build the firmware for this board again")
    if code != 0:
        raise ToolError(f"the simulator broke with {code}", "please report the ELF file")
    fields = dict(line.split("=", 1) for line in text.decode().splitlines())
    fields.pop("port", None)
    found = {"stopped": fields.pop("stopped"), "message": fields.pop("message")}
    found["registers"] = tuple(int(number, 16) for number in fields.pop("registers").split(","))
    return found | {name: int(value) for name, value in fields.items()}

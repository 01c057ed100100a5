"""Runs an ELF file on the simulated device and reads the report."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sparsecomp.boards import Board, load_board
from sparsecomp.errors import InputError, ToolError
from sparsecomp_tools.virtual_board.building import build
from sparsecomp_tools.virtual_board.devices import energy_options, map_options
from sparsecomp_tools.virtual_board.failures import Failure, RandomFailures, failure_options
from sparsecomp_tools.virtual_board.supply import Supply

FAULTS = ("unmapped", "illegal", "clock", "unsimulated")


@dataclass(frozen=True)
class RunResult:
    """One run. ``stopped`` is 'exit' (the program ended with ``exit_code``), 'halted' (a jump to itself that nothing
    can end), 'asleep' (nothing can wake it), 'watched' (the watched word got the value to stop at), 'starved' (the
    supply never reaches v_on again), 'stuck' (a thousand charges left the watched word as it was), 'cycle limit',
    'instruction limit', 'interrupted' or one of FAULTS with a ``message``.

    ``cycles`` are those of MCLK, ``wait_cycles`` among them; FRAM reads are hits and misses of its cache together.
    ``output`` is what the program wrote through the simulator's system calls, ``serial`` what it sent over the UART,
    where ``mute_bytes`` found no pin and ``lost_bytes`` no receiver. ``registers`` are R0 to R15.

    ``lea_commands`` took the accelerator ``lea_cycles`` (fitted). ``lea_conflicts`` counts accesses of processor or DMA
    to its RAM while it worked, whose delay nobody knows; ``lea_saturations`` results whose sum left 32 bits, and
    ``lea_refusals`` commands that it did not carry out.

    ``boots`` counts starts from brown-out, the first included, and ``picoseconds`` virtual time, with starts and
    recharging in it. ``energy_nj`` was drawn in all (simulated), by the parts in ``ledger``: core, fram_reads (what
    cache misses cost more), fram_writes, multiplier, crc, lea, uart, timers, adc (with its
    reference), sleep and boot. ``harvested_nj`` is what
    the capacitor took.
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
    lea_commands: int
    lea_cycles: int
    lea_conflicts: int
    lea_saturations: int
    lea_refusals: int
    mute_bytes: int
    lost_bytes: int
    picoseconds: int
    sleep_picoseconds: int
    boots: int
    energy_nj: float
    harvested_nj: float
    ledger: dict[str, float]
    registers: tuple[int, ...]
    output: bytes = b""
    serial: bytes = b""

    @property
    def hit_ratio(self) -> float:
        """The part of FRAM reads that its cache answered; 1 where there were none."""
        return self.cache_hits / self.fram_reads if self.fram_reads else 1.0

    @property
    def seconds(self) -> float:
        """Virtual time."""
        return self.picoseconds * 1e-12


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
    failures: Sequence[Failure | RandomFailures] = (),
    supply: Supply | None = None,
    host_latency_us: float = 0,
    events: Path | str | None = None,
    watch: int | None = None,
    stop_value: int | None = None,
    lea_start_cycles: int | None = None,
    image: Path | str | None = None,
    seed: int = 1,
) -> RunResult:
    """Programs ``elf`` into the FRAM of ``board`` and runs it from power-up until it stops. None runs
    what ``image`` holds.

    ``semihosting`` serves the system calls of libgloss' simulator library, input being ``data``. ``serial`` is what
    the host sends over the UART, a byte whenever the device sleeps or polls, at ``host_baud`` or else at the device's
    own rate. A store of a word to ``exit_address`` ends the run with that code. ``seed`` decides what SRAM and
    registers hold at power-up. ``image`` is a file in which the FRAM is kept from run to run, made where it is
    missing.

    ``failures`` (and ``failure``, where there is only one) take the power away, and so does the ``supply`` where there
    is one. ``host_latency_us`` of virtual time pass between the board standing still and the first byte of the host's
    answer. ``events`` is a file for what ``read_events`` reads, with every write of the word of FRAM at ``watch``.

    ``lea_start_cycles`` are what a command of the accelerator takes besides its elements, instead of the upper bound
    that is fitted.

    Raises InputError for another device, an unreadable or unsuitable ELF file or image, ToolError where the
    simulator cannot be built or breaks.
    """
    numbers = {"exit": exit_address, "cycles": cycle_limit, "instructions": instruction_limit, "host_baud": host_baud}
    numbers |= {"stop_value": stop_value, "lea_start": lea_start_cycles}
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
        command = command_line(
            board,
            elf,
            Path(folder),
            failures=[*failures, *([failure] if failure else [])],
            supply=supply,
            host_latency_us=host_latency_us,
            events=events,
            watch=watch,
            image=image,
            seed=seed,
        )
        command += options
        done = subprocess.run(command, input=data, capture_output=True)
        fields = report(done.returncode, done.stdout, done.stderr)
        return RunResult(**fields, output=output.read_bytes(), serial=received.read_bytes())


def command_line(
    board: Board | str,
    elf: Path | str | None,
    folder: Path,
    *,
    failures: Sequence[Failure | RandomFailures],
    supply: Supply | None,
    host_latency_us: float,
    events: Path | str | None,
    watch: int | None,
    image: Path | str | None,
    seed: int,
) -> list[str]:
    """The simulator's program with the options that every run has; what it reads besides is put into ``folder``. Raises
    as ``run_elf``.
    """
    board = board if isinstance(board, Board) else load_board(board)
    if not 0 <= host_latency_us <= 1e9:
        raise InputError(f"a host that answers after {host_latency_us:g} us", "give 0 to 1e9 microseconds")
    options = [*map_options(board), *energy_options(board), *failure_options(failures), f"seed={seed}"]
    options.append(f"host_latency_ps={round(host_latency_us * 1e6)}")
    options += supply.options(board, folder) if supply is not None else []
    paths = {"elf": elf, "image": image, "events": events, "watch": watch}
    options += [f"{name}={value}" for name, value in paths.items() if value is not None]
    return [str(build()), *options]


def report(code: int, text: bytes, errors: bytes) -> dict:
    """The fields of RunResult in a report. Raises InputError where the simulator refused to start."""
    if code == 2:
        message = errors.decode(errors="replace").strip()
        hint = "build the firmware for this board again"
        raise InputError(message, "write it anew with `sparsecomp flash --image`" if "image" in message else hint)
    if code != 0:
        raise ToolError(f"the simulator broke with {code}", "please report the ELF file")
    fields = dict(line.split("=", 1) for line in text.decode().splitlines())
    fields.pop("port", None)
    found = {"stopped": fields.pop("stopped"), "message": fields.pop("message")}
    found["registers"] = tuple(int(number, 16) for number in fields.pop("registers").split(","))
    numbers = {name: int(value) for name, value in fields.items()}
    found["ledger"] = {
        name.removeprefix("ledger_"): numbers.pop(name) / 1e6 for name in list(numbers) if name.startswith("ledger_")
    }
    found["energy_nj"], found["harvested_nj"] = numbers.pop("energy_fj") / 1e6, numbers.pop("harvested_fj") / 1e6
    return found | numbers

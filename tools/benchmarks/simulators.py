"""Instructions a second: the virtual board, with caches, energy and peripherals on, against GDB's simulator.

``python -m sparsecomp_tools.benchmarks.simulators [--scale X] [--runs N] [--out FILE.json]``. Both run the same ELF
files by turns, each the best of several fresh processes, start-up included. Exits with 5 where the virtual board is not
at least three times as fast for every program, or where the two disagree on what a program prints.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib.resources import as_file, files
from pathlib import Path

import click

from sparsecomp.build import complaint
from sparsecomp.errors import MismatchError, SparseCompError, ToolError
from sparsecomp_tools.virtual_board import build, run_elf

BOARD = "msp430fr5994"
WANTED = 3.0  # times GDB's simulator
ROUNDS = {"checksum": 250, "sorting": 150, "printing": 70, "convolution": 150}  # 1 to 2 s of GDB's simulator
FLAGS = ("-mcpu=msp430xv2", "-msmall", "-mhwmult=f5series", "-O2", "-std=c99", "-Wall", "-Wextra", "-Werror")
LIBRARIES = ("-Wl,--start-group", "-lc", "-lgcc", "-lsim", "-lcrt", "-Wl,--end-group")
TIME_LIMIT = 600.0  # seconds
HINT = "see the README's section on the MSP430 toolchain"

# Code, constants and .persistent in FRAM below 64 KB, the rest in SRAM (SLASE54D, memory map).
LINKER_SCRIPT = """
ENTRY(_start)
MEMORY {
  RAM (rw) : ORIGIN = 0x1C00, LENGTH = 0x2000
  FRAM (rwx) : ORIGIN = 0x4000, LENGTH = 0xBF80
  RESET (r) : ORIGIN = 0xFFFE, LENGTH = 2
}
SECTIONS {
  .reset : { SHORT(_start) } > RESET
  .text : { PROVIDE(_start = .); KEEP(*(SORT(.crt_*))) *(.lowtext .text .text.*) . = ALIGN(2); } > FRAM
  .rodata : {
    *(.rodata .rodata.* .const) . = ALIGN(2);
    PROVIDE(__preinit_array_start = .); KEEP(*(.preinit_array)) PROVIDE(__preinit_array_end = .);
    PROVIDE(__init_array_start = .); KEEP(*(SORT(.init_array.*))) KEEP(*(.init_array)) PROVIDE(__init_array_end = .);
    PROVIDE(__fini_array_start = .); KEEP(*(.fini_array)) KEEP(*(SORT(.fini_array.*))) PROVIDE(__fini_array_end = .);
    KEEP(*(.eh_frame .ctors .dtors .tm_clone_table .jcr .gcc_except_table .resetvec)) . = ALIGN(2);
  } > FRAM
  .persistent : { *(.persistent) . = ALIGN(2); } > FRAM
  .data : { . = ALIGN(2); PROVIDE(__datastart = .); *(.data .data.*) . = ALIGN(2); } > RAM AT> FRAM
  PROVIDE(__romdatastart = LOADADDR(.data));
  PROVIDE(__romdatacopysize = SIZEOF(.data));
  .bss : { . = ALIGN(2); PROVIDE(__bssstart = .); *(.bss .bss.* COMMON) . = ALIGN(2); PROVIDE(end = .); } > RAM
  PROVIDE(__bsssize = SIZEOF(.bss));
  PROVIDE(_end = .);
  PROVIDE(__stack = 0x3C00);
  /DISCARD/ : { *(.comment .MP430.attributes .note*) }
}
"""


@dataclass(frozen=True)
class Case:
    """One program: instructions executed (the same for both), seconds of wall time of each simulator, the part of
    FRAM reads that the virtual board's cache answered, and the energy (simulated) that its ledger holds.
    """

    name: str
    instructions: int
    virtual_board_s: float
    gdb_s: float
    hit_ratio: float
    energy_uj: float

    @property
    def ratio(self) -> float:
        """Instructions a second of the virtual board over those of GDB's simulator."""
        return self.gdb_s / self.virtual_board_s

    def to_json(self) -> dict:
        """With the rates in millions of instructions a second."""
        rates = {
            "virtual_board_mips": round(self.instructions / self.virtual_board_s / 1e6, 2),
            "gdb_mips": round(self.instructions / self.gdb_s / 1e6, 2),
            "ratio": round(self.ratio, 2),
        }
        return asdict(self) | rates


def find_tools() -> None:
    """Raises ToolError where compiler or simulator are missing."""
    for name in ("msp430-elf-gcc", "msp430-elf-run"):
        if shutil.which(name) is None:
            raise ToolError(f"{name} is not on the PATH", HINT)


def compile_program(name: str, rounds: int, folder: Path) -> Path:
    """An ELF file that both simulators run; ``rounds`` is how long. Raises ToolError."""
    script, elf = folder / "program.ld", folder / f"{name}.elf"
    script.write_text(LINKER_SCRIPT)
    with as_file(files("sparsecomp_tools").joinpath("benchmarks/programs")) as programs:
        sources = [str(programs / f"{name}.c"), str(programs / "start.c")]
        command = ["msp430-elf-gcc", *FLAGS, f"-DROUNDS={rounds}U", *sources, "-T", str(script), "-o", str(elf)]
        done = subprocess.run([*command, *LIBRARIES], capture_output=True, text=True)
    if done.returncode != 0:
        raise ToolError(f"{name}.c does not compile: {complaint(done.stderr)}", HINT)
    return elf


def measure(name: str, elf: Path, runs: int) -> Case:
    """Runs both by turns. Raises MismatchError where they disagree."""
    ours, theirs = [], []
    for _ in range(runs):
        start = time.perf_counter()
        result = run_elf(BOARD, elf, semihosting=True)
        middle = time.perf_counter()
        gdb = subprocess.run(["msp430-elf-run", str(elf)], capture_output=True, timeout=TIME_LIMIT)
        theirs.append(time.perf_counter() - middle)
        ours.append(middle - start)
        if (result.stopped, result.exit_code, result.output) != ("exit", gdb.returncode, gdb.stdout):
            raise MismatchError(
                f"{name}: the virtual board ends with {result.stopped} {result.exit_code}, prints {result.output!r}, "
                f"GDB's simulator ends with {gdb.returncode}, prints {gdb.stdout!r}",
                "run tests/virtual_board/test_oracle.py",
            )
    return Case(name, result.instructions, min(ours), min(theirs), result.hit_ratio, result.energy_nj / 1000)


def compare(scale: float, runs: int) -> dict:
    """The report on all programs, ``scale`` times as long as usual."""
    find_tools()
    build()  # the simulator's own compilation is not measured
    cases = []
    with tempfile.TemporaryDirectory(prefix="sparsecomp-") as folder:
        for name, rounds in ROUNDS.items():
            elf = compile_program(name, max(1, round(rounds * scale)), Path(folder))
            cases.append(measure(name, elf, runs))
            shown = cases[-1].to_json()
            click.echo(
                f"{name}: {shown['instructions']:,} instructions, virtual board {shown['virtual_board_mips']} M/s, "
                f"GDB's simulator {shown['gdb_mips']} M/s, ratio {shown['ratio']}",
                err=True,
            )
    smallest = min(cases, key=lambda case: case.ratio)
    return {
        "report": "simulators",
        "version": 1,
        "board": BOARD,
        "scale": scale,
        "runs": runs,
        "wanted_ratio": WANTED,
        "smallest_ratio": round(smallest.ratio, 2),
        "slowest_program": smallest.name,
        "cases": [case.to_json() for case in cases],
    }


@click.command()
@click.option("--scale", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True)
@click.option("--runs", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the JSON into this file as well.")
def main(scale: float, runs: int, out: Path | None) -> None:
    """Measure how much faster the virtual board is than GDB's simulator."""
    try:
        report = compare(scale, runs)
    except SparseCompError as error:
        click.echo(f"error: {error.message}\nhint: {error.hint}", err=True)
        sys.exit(error.exit_code)
    text = json.dumps(report, indent=2)
    print(text)
    if out is not None:
        out.write_text(text + "\n")
    if report["smallest_ratio"] < WANTED:
        message = f"the virtual board is {report['smallest_ratio']} times as fast on {report['slowest_program']}"
        click.echo(f"error: {message}, not {WANTED:g} times", err=True)
        sys.exit(MismatchError.exit_code)


if __name__ == "__main__":
    main()

"""Cycles and energy of a dense layer's dot products: the multiplier's MACS against the low-energy accelerator.

``python -m sparsecomp_tools.benchmarks.lea [--taps N ...] [--mhz 8|16] [--out FILE.json]``. Everything runs on the
virtual board; whatever involves the accelerator is *fitted* to published measurements (device/lea_mac.c), never
measured here, and nothing has run on hardware. Each kernel gives the exact 32-bit sums, or the benchmark fails with 5.

The accelerator multiplies Q15 numbers and doubles; half of its result is the integer sum as long as every partial sum
stays within -2^30 to 2^30 - 1. That holds for any 16-bit input where the weights' absolute values sum up to less than
2^15: always for 256 weights of -127 to 127, or 128 bytes that hold weight + 128. Longer rows take several commands.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib.resources import as_file, files
from pathlib import Path

import click
import numpy as np

from sparsecomp.build import complaint
from sparsecomp.c_text import number_rows
from sparsecomp.errors import MismatchError, SparseCompError, ToolError
from sparsecomp_tools.benchmarks.simulators import HINT
from sparsecomp_tools.virtual_board import run_elf
from sparsecomp_tools.virtual_board.events import WATCH, read_events

BOARD = "msp430fr5994"
TAPS = (16, 32, 64, 128, 256, 512)
ROWS = 16
MARK, RESULTS = 0xF000, 0xF010  # where the program's linker script has them
CLOCKS = {8: (0, 0x0C), 16: (1, 0x48)}  # wait states and CSCTL1
SPARSE_CYCLES = 11  # of hand-written assembly, a non-zero weight
WAKE_NJ = 3.8 * 3.0  # JAJSG26C: 3.8 nAs to wake from LPM0; the ledger has no part for it
# A command's own cycles besides its elements: none, or all of the published constant that no driver explains.
STARTS = {"least": 0, "most": None}
FLAGS = ("-mcpu=msp430xv2", "-msmall", "-mhwmult=f5series", "-O2", "-std=gnu99", "-Wall", "-Wextra", "-Werror",
         "-nostdlib", "--param=min-pagesize=0")  # fmt: skip

LINKER_SCRIPT = """
ENTRY(_start)
MEMORY { RAM (rw) : ORIGIN = 0x1C00, LENGTH = 0x1000 FRAM (rx) : ORIGIN = 0x4000, LENGTH = 0xB000 }
SECTIONS {
  .text : { *(.start) *(.text .text.* .lowtext .rodata .rodata.*) } > FRAM
  .mark 0xF000 : { *(.mark) }
  .results 0xF010 : { *(.results) }
  .vector 0xFFB4 : { *(.lea_vector) }
  .reset 0xFFFE : { SHORT(_start) }
  .bss (NOLOAD) : { *(.bss .bss.* COMMON) } > RAM
  /DISCARD/ : { *(.comment .MP430.attributes .note*) }
}
"""


@dataclass(frozen=True)
class Kernel:
    """``number`` is KERNEL in programs/dense.c, ``unrolled`` the products a round of its loop; ``weight`` is how the
    weights lie in FRAM, ``command_taps`` how many one command may take for the result to be exact whatever the input
    is; ``rows_once``: every row has the first's weights.
    """

    number: int
    what: str
    weight: str = "int16_t"
    command_taps: int = 256
    rows_once: bool = False
    unrolled: int = 16


KERNELS = {
    "macs": Kernel(0, "the processor: int8 weights, sixteen products a round of hand-written MACS", "int8_t", 1 << 15),
    "macs_short": Kernel(0, "the same, one product a round: the cache keeps its code", "int8_t", 1 << 15, unrolled=1),
    "lea_words": Kernel(1, "int16 weights by DMA, then a command"),
    "lea_bytes": Kernel(2, "bytes weight + 128, widened by the DMA, then commands", "uint8_t", 128),
    "lea_overlapped": Kernel(3, "the next row by DMA into the accelerator's RAM while it works; how long they hold "
                                "each other up is not documented and not counted"),
    "lea_staged": Kernel(4, "the next row by DMA into SRAM while it works, then into its RAM"),
    "lea_resident": Kernel(5, "weights that are there already: what a command costs", rows_once=True),
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One kernel at one length. ``cycles`` of MCLK and ``nj`` are those of one sum, ``input_cycles`` and ``input_nj``
    what making the input ready costs once a layer. ``conflicts`` are accesses to the accelerator's RAM while it worked,
    ``wake_nj`` what waking from LPM0 adds that the ledger does not hold; ``fitted`` says whether the accelerator's time
    and current are in the numbers.
    """

    kernel: str
    taps: int
    start: str
    fitted: bool
    cycles: float
    nj: float
    cycles_a_product: float
    input_cycles: float
    input_nj: float
    commands: float
    conflicts: float
    wake_nj: float
    weight_bytes: int


def layer_data(taps: int, kernel: Kernel) -> tuple[str, np.ndarray]:
    """The program's data as C, and the sums it has to find: random weights of -127 to 127 and any 16-bit inputs."""
    chance = np.random.default_rng(taps)
    weights = chance.integers(-127, 128, (ROWS, taps))
    inputs = chance.integers(-32768, 32768, taps)
    stored = weights + 128 if kernel.weight == "uint8_t" else weights
    rows = ",\n".join(f"    {{\n{number_rows(row)}\n    }}" for row in stored)
    text = (
        "#include <stdint.h>\n\n"
        f"#define TAPS {taps}U\n#define ROWS {ROWS}U\n#define COMMAND_TAPS {min(taps, kernel.command_taps)}U\n\n"
        f"static const int16_t inputs[TAPS] = {{\n{number_rows(inputs)}\n}};\n\n"
        f"static const {kernel.weight} weights[ROWS][TAPS] = {{\n{rows}\n}};\n"
    )
    sums = weights @ inputs
    return text, np.repeat(sums[:1], ROWS) if kernel.rows_once else sums


def compile_layer(kernel: Kernel, text: str, mhz: int, folder: Path) -> Path:
    """The ELF file. Raises ToolError."""
    (folder / "dense_data.h").write_text(text)
    (folder / "dense.ld").write_text(LINKER_SCRIPT)
    wait_states, dco = CLOCKS[mhz]
    defines = [
        f"-DKERNEL={kernel.number}",
        f"-DUNROLLED={kernel.unrolled}",
        f"-DWAIT_STATES={wait_states}",
        f"-DDCO={dco:#x}",
    ]
    elf = folder / "dense.elf"
    with as_file(files("sparsecomp_tools").joinpath("benchmarks/programs")) as programs:
        command = ["msp430-elf-gcc", *FLAGS, *defines, f"-I{folder}", f"-I{programs}", str(programs / "dense.c")]
        try:
            command += ["-T", str(folder / "dense.ld"), "-o", str(elf), "-lgcc"]
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            raise ToolError("msp430-elf-gcc is not on the PATH", HINT) from None
    if done.returncode != 0:
        raise ToolError(f"dense.c does not compile: {complaint(done.stderr)}", HINT)
    return elf


def run_layer(name: str, taps: int, start: str, elf: Path, sums: np.ndarray, mhz: int) -> Case:
    """Runs one layer. Raises MismatchError where a sum is wrong."""
    kernel = KERNELS[name]
    image, marks = elf.with_suffix(".image"), elf.with_suffix(".events")
    image.unlink(missing_ok=True)
    options = {"watch": MARK, "stop_value": 3, "events": marks, "image": image, "lea_start_cycles": STARTS[start]}
    result = run_elf(BOARD, elf, cycle_limit=10**7, **options)
    found = np.frombuffer(image.read_bytes(), "<i4", ROWS, RESULTS)
    if result.stopped != "watched" or result.lea_saturations or not np.array_equal(found, sums):
        ended = f"{name}, {taps} taps: the run ended as {result.stopped} {result.message}"
        raise MismatchError(f"{ended}, with sums {found[:3]}... instead of {sums[:3]}...", "run the tests of the LEA")
    events = read_events(marks)
    at = {int(e["value"]): e for e in events[events["kind"] == WATCH]}
    cycles = {k: (int(at[k + 1]["time_ps"]) - int(at[k]["time_ps"])) * mhz / 1e6 for k in (1, 2)}
    nj = {k: (int(at[k + 1]["energy_fj"]) - int(at[k]["energy_fj"])) / 1e6 for k in (1, 2)}
    return Case(
        kernel=name,
        taps=taps,
        start=start if result.lea_commands else "",
        fitted=result.lea_commands > 0,
        cycles=round(cycles[2] / ROWS, 1),
        nj=round(nj[2] / ROWS, 2),
        cycles_a_product=round(cycles[2] / ROWS / taps, 2),
        input_cycles=round(cycles[1], 1),
        input_nj=round(nj[1], 2),
        commands=result.lea_commands / ROWS,
        conflicts=round(result.lea_conflicts / ROWS, 1),
        wake_nj=round(WAKE_NJ * result.interrupts / ROWS, 1),
        weight_bytes=taps * (2 if kernel.weight == "int16_t" else 1),
    )


def measure(taps: tuple[int, ...], mhz: int) -> list[Case]:
    """Every kernel at every length, the accelerator's with the least and the most that a command's start may take."""
    cases = []
    with tempfile.TemporaryDirectory(prefix="sparsecomp-") as folder:
        for length in taps:
            for name, kernel in KERNELS.items():
                text, sums = layer_data(length, kernel)
                elf = compile_layer(kernel, text, mhz, Path(folder))
                for start in STARTS if kernel.number != 0 else ["most"]:
                    cases.append(run_layer(name, length, start, elf, sums, mhz))
    return cases


def comparison(cases: list[Case]) -> list[dict]:
    """Each of the accelerator's cases against the processor's best of the same length, the fastest for cycles and the
    thriftiest for energy: ratios below 1 are a gain.

    ``sparse_density``: a sparse row with a larger part of its weights not zero takes the processor more cycles than the
    accelerator takes for the whole row.
    """
    own = {
        taps: [
            min(getattr(case, name) for case in cases if case.taps == taps and not case.fitted)
            for name in ("cycles", "nj")
        ]
        for taps in {case.taps for case in cases}
    }
    return [
        {
            "kernel": case.kernel,
            "taps": case.taps,
            "start": case.start,
            "cycles": round(case.cycles / own[case.taps][0], 2),
            "energy": round((case.nj + case.wake_nj) / own[case.taps][1], 2),
            "sparse_density": round(case.cycles / (SPARSE_CYCLES * case.taps), 2),
        }
        for case in cases
        if case.fitted
    ]


def table(cases: list[Case]) -> str:
    """Lines for people."""
    lines = [
        f"{'kernel':<16}{'start':<7}{'taps':>5}{'cycles':>9}{'a product':>11}{'nJ':>9}{'+ wake':>8}{'conflicts':>11}"
    ]
    for case in cases:
        lines.append(
            f"{case.kernel:<16}{case.start:<7}{case.taps:>5}{case.cycles:>9,.0f}{case.cycles_a_product:>11.2f}"
            f"{case.nj:>9.1f}{case.wake_nj:>8.1f}{case.conflicts:>11.0f}{'  fitted' if case.fitted else ''}"
        )
    return "\n".join(lines)


@click.command()
@click.option("--taps", type=click.IntRange(16, 512), multiple=True, default=TAPS, show_default=True)
@click.option("--mhz", type=click.Choice([str(mhz) for mhz in CLOCKS]), default="8", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the JSON into this file as well.")
def main(taps: tuple[int, ...], mhz: str, out: Path | None) -> None:
    """Measure dot products by the multiplier and by the accelerator; the accelerator's numbers are fitted."""
    try:
        if any(length % 16 or length > 256 and length % 256 for length in taps):
            raise click.BadParameter("16 to 256 by sixteens, or 512")
        cases = measure(taps, int(mhz))
    except SparseCompError as error:
        click.echo(f"error: {error.message}\nhint: {error.hint}", err=True)
        sys.exit(error.exit_code)
    click.echo(table(cases), err=True)
    report = {
        "report": "lea",
        "version": 1,
        "board": BOARD,
        "simulated": True,
        "mhz": int(mhz),
        "rows": ROWS,
        "kernels": {name: kernel.what for name, kernel in KERNELS.items()},
        "cases": [asdict(case) for case in cases],
        "ratios": comparison(cases),
    }
    text = json.dumps(report, indent=2)
    print(text)
    if out is not None:
        out.write_text(text + "\n")


if __name__ == "__main__":
    main()

"""One network four ways on the virtual board: float32 C in onnx2c's style, dense int16 C as the compiler makes it, and
this project's firmware with dense and with sparse weights.

``python -m sparsecomp_tools.benchmarks.side_by_side [--out FILE.json]``. All have the same weights, gcc flags and clock
(8 MHz, no wait states). All figures are simulated.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import click
import numpy as np

from sparsecomp.boards import Board, load_board, parse_board
from sparsecomp.errors import MismatchError, SparseCompError
from sparsecomp.stack import stack_depth
from sparsecomp_tools.benchmarks.plain_float import float_source
from sparsecomp_tools.benchmarks.plain_integer import integer_source
from sparsecomp_tools.benchmarks.random_networks import Network
from sparsecomp_tools.benchmarks.restart_build import build_variant, subject
from sparsecomp_tools.benchmarks.restart_measure import CURSOR, LIMIT, Image
from sparsecomp_tools.benchmarks.restart_networks import lenet
from sparsecomp_tools.benchmarks.restart_variants import OURS
from sparsecomp_tools.benchmarks.workshop import Linked, Workshop, program_file
from sparsecomp_tools.virtual_board import read_events, run_elf
from sparsecomp_tools.virtual_board.events import WATCH

BOARD = "msp430fr5994"
FLOAT_ERROR = 1e-4  # of the largest output: sums are taken in another order
SAMPLE = ("plain_input", "selftest_input", "selftest_expected")  # no constants of the network
NOTES = (
    "simulated on the virtual board, 8 MHz, no wait states; nothing was measured on silicon",
    "the network has random weights, 6.8 % of them not zero; dense programs compute with the zeros too",
    "onnx2c's style by a generator of our own; it is not onnx2c's output",
    "a program that does not fit ran on the same device with more FRAM",
    "int16 C has the model's own integers and this project's 16-bit requantization, which is in its favour",
    "only this project's programs survive power failures",
    "code includes the compiler's library and the portable kernels that stand in for walks; constants have no sample",
    "bytes of SRAM are variables and the deepest stack; of FRAM, maps and state",
)

# Code low, constants and maps high in FRAM; start.S asks for the names.
SCRIPT = """
ENTRY(_start)
MEMORY {
  ram (rw) : ORIGIN = 0x1C00, LENGTH = 0x1000
  low (rwx) : ORIGIN = 0x4000, LENGTH = 0xBF80
  high (rw) : ORIGIN = 0x10000, LENGTH = HIGH
  reset (r) : ORIGIN = 0xFFFE, LENGTH = 2
}
SECTIONS {
  .text : { KEEP(*(.start)) *(.lowtext .text .text.*) . = ALIGN(2); } > low
  .rodata : { *(.rodata .rodata.* .const) . = ALIGN(2); } > low
  .data_image : { __data_load = .; . += __data_end - __data_start; . = ALIGN(2); } > low
  .persistent : { *(.persistent) . = ALIGN(2); } > low
  .tables : { *(.tables) . = ALIGN(2); } > high
  .maps (NOLOAD) : { *(.maps) . = ALIGN(2); } > high
  .data : AT(__data_load) { __data_start = .; *(.data .data.*) . = ALIGN(2); __data_end = .; } > ram
  .bss (NOLOAD) : { __bss_start = .; *(.bss .bss.* COMMON) . = ALIGN(2); __bss_end = .; } > ram
  __hot_load = 0; __hot_start = 0; __hot_end = 0;
  __stack = ORIGIN(ram) + LENGTH(ram);
  .reset : { SHORT(_start) } > reset
}
"""


def wide_board() -> Board:
    """The board with FRAM in the whole address space above 64 KB, for what the real one does not hold."""
    text = files("sparsecomp_boards").joinpath(f"{BOARD}.toml").read_text()
    return parse_board(text.replace("size = 0x34000", "size = 0xF0000").encode(), "wide.toml")


def plain(shop: Workshop, source: str, project: Path, flags: tuple[str, ...], elf: Path) -> Linked:
    """Compiles and links a program of plain loops; ``project`` has the headers that it may want."""
    folder = shop.folder / "plain"
    folder.mkdir(exist_ok=True)
    (folder / "plain.h").write_text(program_file("plain/plain.h"))
    folders = [folder, project / "include", project / "port"]
    start = (project / "port" / "start.S").read_text()
    objects = [
        shop.compile("network.c", source, folders, flags),
        shop.compile("plain_main.c", program_file("plain/plain_main.c"), folders, flags),
        shop.compile("start.S", start, folders[1:]),
    ]
    high = next(region.size for region in shop.board.regions if region.start == 0x10000)
    script = elf.with_suffix(".ld")
    script.write_text(SCRIPT.replace("HIGH", f"{high:#x}"))
    shop.link(objects, script, elf)
    return Linked.read(elf)


def run_plain(board: Board, elf: Path, linked: Linked, image: Image) -> tuple[int, float]:
    """Cycles and microjoules of one inference; ``image`` is what is left in memory."""
    phase = linked.address("plain_phase")
    image.path.unlink(missing_ok=True)
    before, whole = (
        run_elf(board, elf, image=image.path, watch=phase, stop_value=value, cycle_limit=100 * LIMIT)
        for value in (1, 2)
    )
    if whole.stopped != "watched":
        raise MismatchError(f"a plain program ended with {whole.stopped}", whole.message)
    return whole.cycles - before.cycles, (whole.energy_nj - before.energy_nj) / 1000


def sizes(linked: Linked, elf: Path, board: Board) -> dict[str, int]:
    """Bytes of a program by what they are for."""

    def total(*prefixes: str) -> int:
        return sum(size for name, (_, size) in linked.sections.items() if name.startswith(prefixes))

    sample = sum(linked.symbols.get(name, (0, 0))[1] for name in SAMPLE)
    variables = total(".data", ".bss", ".noinit") - total(".data_image")
    return {
        "code_bytes": total(".text"),
        "constant_bytes": total(".rodata", ".tables") - sample,
        "sram_bytes": variables + stack_depth(elf, elf.parent / "no_frames", board.toolchain.prefix),
        "fram_bytes": total(".maps", ".arena", ".persistent", ".diag"),
    }


def compare(network: Network, name: str = "lenet", report: Callable[[str], None] = lambda line: None) -> dict:
    """The report on one network of bytes."""
    board, wide = load_board(BOARD), wide_board()
    capacity = sum(region.size for region in board.regions if region.kind == "fram")
    rows: list[dict] = []
    report(HEADING)
    with tempfile.TemporaryDirectory(prefix="sparsecomp-side-") as made:
        folder = Path(made)
        image = Image(folder / "fram")

        def add(label: str, linked: Linked, elf: Path, cycles: int, energy: float) -> None:
            found = sizes(linked, elf, board)
            bytes_in_fram = found["code_bytes"] + found["constant_bytes"] + found["fram_bytes"]
            row = {"program": label, "cycles": cycles, "energy_uj": round(energy, 1), **found}
            rows.append(row | {"fits": bytes_in_fram <= capacity})
            report(line(rows[-1]))

        dense = subject(name, network, board, folder / "dense", overlap=True, masks=True, encoding="dense")
        shop, wide_shop = (Workshop(b, folder) for b in (board, wide))
        raw = network.samples(1, seed=5)
        elf = folder / "plain.elf"
        linked = plain(wide_shop, float_source(dense.prepared.graph, network.wire, raw[0]), dense.folder, FLOAT, elf)
        cycles, energy = run_plain(wide, elf, linked, image)
        _check_float(dense.prepared.float_outputs((raw,))[0][0], image, linked)
        add("float32 C, onnx2c's style", linked, elf, cycles, energy)
        for level in ("-O2", "-O3"):
            source = integer_source(dense.program, dense.words[0])
            linked = plain(shop, source, dense.folder, (level,), elf)
            cycles, energy = run_plain(board, elf, linked, image)
            _check_words(dense.answers[0], image, linked.address("plain_output"))
            add(f"int16 C, gcc {level}", linked, elf, cycles, energy)
        sparse = [
            subject(name, network, board, folder / choice, overlap=True, masks=True, encoding=choice)
            for choice in ("auto", "fast")
        ]
        for label, mine in zip(
            ("dense", "sparse, fewest bytes", "sparse, fewest cycles"), (dense, *sparse), strict=True
        ):
            built = build_variant(mine, OURS, shop, folder / "ours.elf")
            cycles, energy = _run_ours(board, mine, built, image)
            add(f"sparsecomp, {label}", built.linked, built.elf, cycles, energy)
    first = rows[0]["cycles"]
    for row in rows:
        row["times_faster_than_float"] = round(first / row["cycles"], 1)
    return {
        "report": "side_by_side",
        "version": 1,
        "simulated": True,
        "board": BOARD,
        "clock_hz": board.clock_hz,
        "cflags": list(board.toolchain.cflags),
        "network": name,
        "notes": NOTES,
        "programs": rows,
    }


FLOAT = ("-DPLAIN_FLOAT",)


def _run_ours(board, mine, built, image: Image) -> tuple[int, float]:
    image.path.unlink(missing_ok=True)
    events = image.path.with_suffix(".events")
    found = run_elf(
        board, built.elf, image=image.path, events=events, watch=built.linked.address(CURSOR), cycle_limit=LIMIT
    )
    if found.stopped != "asleep" or not image.has_passed(built):
        raise MismatchError(f"the firmware ended with {found.stopped}", "its answer is not the reference's")
    record = read_events(events)
    record = record[record["kind"] == WATCH]
    ends = record[(record["value"] == 1) | (record["value"] == mine.plan.unit_count + 1)]
    return int(ends["cycles"][-1] - ends["cycles"][0]), float(ends["energy_fj"][-1] - ends["energy_fj"][0]) * 1e-9


def _check_float(expected: np.ndarray, image: Image, linked: Linked) -> None:
    words = image.read(linked.address("plain_output"), 2 * expected.size)
    found = np.ascontiguousarray(words).view("<f4")
    error = float(np.abs(found - expected.reshape(-1)).max())
    if not error <= FLOAT_ERROR * float(np.abs(expected).max()):
        raise MismatchError(f"the float program's outputs are off by {error:g}", "this is a defect of the generator")


def _check_words(expected: np.ndarray, image: Image, address: int) -> None:
    if not np.array_equal(image.read(address, expected.size), expected):
        raise MismatchError("the integer program's outputs are not the reference's", "a defect of the generator")


HEADING = (
    f"{'program':32} {'cycles':>14} {'mJ':>9} {'code B':>8} {'constants B':>11} {'SRAM B':>7} {'FRAM B':>8}  256 KB"
)


def line(row: dict) -> str:
    """One row of the table for people."""
    return (
        f"{row['program']:32} {row['cycles']:>14,} {row['energy_uj'] / 1000:>9.2f} {row['code_bytes']:>8,} "
        f"{row['constant_bytes']:>11,} {row['sram_bytes']:>7,} {row['fram_bytes']:>8,}  "
        f"{'fits' if row['fits'] else 'does not fit'}"
    )


@click.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the JSON into this file as well.")
def main(out: Path | None) -> None:
    """Measure one network as float32 C, as int16 C, and as this project's firmware."""
    try:
        report = compare(lenet(), report=lambda text: click.echo(text, err=True))
    except SparseCompError as error:
        click.echo(f"error: {error.message}\nhint: {error.hint}", err=True)
        sys.exit(error.exit_code)
    text = json.dumps(report, indent=2)
    print(text)
    if out is not None:
        out.write_text(text + "\n")


if __name__ == "__main__":
    main()

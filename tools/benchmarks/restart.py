"""What protection from power failures costs: this project's restart units against none, against tiled redo logs as
Alpaca has them and against SONIC's loop continuation, on the virtual board.

``python -m sparsecomp_tools.benchmarks.restart [--network NAME]... [--failures N] --out FILE.json``. The programs are
in benchmarks/programs/restart: our implementations of the published methods, none of the peers' code. All figures are
simulated: cycles of MCLK at 8 MHz without wait states.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import click
import numpy as np

from sparsecomp.boards import Board, load_board, parse_board
from sparsecomp.errors import SparseCompError
from sparsecomp_tools.benchmarks.restart_build import Built, Subject, build_variant, subject
from sparsecomp_tools.benchmarks.restart_measure import Image, charges, recovery, survival, uninterrupted
from sparsecomp_tools.benchmarks.restart_networks import NETWORKS
from sparsecomp_tools.benchmarks.restart_tables import kind
from sparsecomp_tools.benchmarks.restart_variants import OURS, UNPROTECTED, VARIANTS, Variant
from sparsecomp_tools.benchmarks.workshop import Workshop

BOARD = "msp430fr5994"
CHARGE = 20_000  # cycles of a small charge, waking up included
WANTED = {"ratio": 1.02, "to_product": 2000}
NOTES = (
    "simulated on the virtual board, 8 MHz, no wait states; nothing was measured on silicon",
    "the programs are our implementations of the published methods, not the peers' code",
    "ratios are to our own unprotected walks, whose sums stay in the multiplier: compiled C would be slower",
    "redo logs and SONIC's methods protect the multiply-accumulate layers; the others run as our restart units",
    "every layer is dense or in compressed rows; a map of masks has no counterpart in the other programs",
    "the model's sums have 32 bits, so SONIC's planes and backups have too: two words where SONIC writes one",
    "SONIC's pooling is done where sums become outputs; tiles of outputs keep their registers across commits",
)


def small_board(cycles: int) -> Board:
    """The board with a charge of so many cycles instead of a capacitor."""
    text = files("sparsecomp_boards").joinpath(f"{BOARD}.toml").read_text()
    return parse_board(text.replace("capacitor_uF = 100.0", f"charge_cycles = {cycles}").encode(), "small.toml")


def measure_network(name: str, variants: Sequence[Variant], failures: int, folder: Path) -> dict:
    """The report on one network."""
    board, small = load_board(BOARD), small_board(CHARGE)
    shop = Workshop(board, folder)
    network = NETWORKS[name]()
    mine = subject(name, network, board, folder / name)
    charged = subject(name, network, small, folder / f"{name}-small")
    rows: list[dict] = []
    for variant in variants:
        built = build_variant(mine, variant, shop, folder / f"{name}.elf")
        row = _row(board, mine, built, failures, Image(folder / "fram"))
        row["ratio"] = round(row["cycles"] / (rows[0]["cycles"] if rows else row["cycles"]), 4)
        if variant != UNPROTECTED:
            with_small = build_variant(charged, variant, shop, folder / f"{name}-small.elf")
            usable = small.charge_cycles - small.energy.boot_cycles
            row["charges_of_20000"] = charges(board, with_small, usable, row["cycles"])
        if variant == OURS:
            row |= _ours(board, charged, with_small, rows[0]["cycles"], Image(folder / "fram"))
        rows.append(row)
        click.echo(line(name, row), err=True)
    return {"network": name, "layers": _layers(mine), "restart_units": mine.plan.unit_count, "variants": rows}


def _row(board: Board, mine: Subject, built: Built, failures: int, image: Image) -> dict:
    found = uninterrupted(board, mine, built, image)
    variant = built.variant
    row = {
        "variant": variant.name,
        "method": variant.method,
        "cycles": found.cycles,
        "fram_writes": found.fram_writes,
        "extra_fram_bytes": built.extra_bytes(),
        "layer_cycles": found.layers,
    }
    if variant == OURS:
        back = recovery(board, mine, built, image)
        row |= {"recovery_cycles": back.to_commit, "recovery_cycles_of_all_layers": back.of_all}
        row |= {"product_cycles": back.to_product, "recovered_units": back.units}
    if variant != UNPROTECTED and failures:
        task = row.get("recovery_cycles_of_all_layers", 0) or _longest_task(mine, variant, found.layers)
        lived = survival(board, mine, built, image, found.cycles, failures, task)
        row |= {"failures": lived.failures, "failure_runs": lived.runs}
        # A unit's cycles depend a little on its values, which the starts in its middle do not have.
        row["recovery_cycles"] = max(row.get("recovery_cycles", 0), lived.largest_recovery)
    return row


def _longest_task(mine: Subject, variant: Variant, layers: dict[str, int]) -> int:
    """About the most cycles of a task: of a tile, or of a unit of the other layers."""
    others = [u.cycles for s, u in zip(mine.program.steps, mine.plan.units, strict=True) if s.kernel != "mac"]
    outputs = variant.tile if variant.unit == "outputs" else 1
    tiles = [layers[s.name] * min(1, outputs / s.items) for s in mine.program.steps if s.kernel == "mac"]
    return round(max([*others, *(tiles if variant.unit == "outputs" else [2000])]))


def _ours(board: Board, charged: Subject, built: Built, unprotected: int, image: Image) -> dict:
    """With restart units for the small charge."""
    found = uninterrupted(board, charged, built, image)
    back = recovery(board, charged, built, image)
    return {
        "small_charge": {
            "restart_units": charged.plan.unit_count,
            "cycles": found.cycles,
            "ratio": round(found.cycles / unprotected, 4),
            "recovery_cycles": back.to_commit,
            "recovery_cycles_of_all_layers": back.of_all,
            "product_cycles": back.to_product,
        }
    }


def _layers(mine: Subject) -> list[dict]:
    rows = []
    for step, units in zip(mine.program.steps, mine.plan.units, strict=True):
        row = {"name": step.name, "kernel": step.kernel, "items": step.items, "items_a_unit": units.per_unit}
        if step.kernel == "mac":
            matrix = step.attrs["matrix"]
            row |= {"kind": kind(mine.program, step), "weights": matrix.size}
            row |= {"nonzero": int(np.count_nonzero(matrix)), "encoding": step.attrs["encoded"].kind}
        rows.append(row)
    return rows


def line(name: str, row: dict) -> str:
    """One row of the table for people."""
    recovery = row.get("recovery_cycles", "")
    small = {None: "never"}.get(row.get("charges_of_20000", ""), row.get("charges_of_20000", ""))
    return (
        f"{name:10} {row['variant']:18} {row['cycles']:>12,} {row['ratio']:7.3f} {row['fram_writes']:>10,} "
        f"{row['extra_fram_bytes']:>6} {row.get('failures', ''):>5} {recovery:>7} {small:>6}"
    )


HEADING = (
    f"{'network':10} {'variant':18} {'cycles':>12} {'ratio':>7} {'FRAM words':>10} {'extra':>6} {'fails':>5} "
    f"{'recov.':>7} {'20,000':>6}"
)


def shortfalls(networks: Sequence[dict]) -> list[str]:
    """Where this project's own restart protection is not as cheap as wanted, with the layers that cost most."""
    found = []
    for network in networks:
        base, name = network["variants"][0]["layer_cycles"], network["network"]
        for row in (r for r in network["variants"] if r["variant"] == OURS.name):
            more = {layer: cycles - base[layer] for layer, cycles in row["layer_cycles"].items()}
            worst = sorted(more, key=lambda layer: -more[layer])[:2]
            if row["ratio"] > WANTED["ratio"]:
                text = ", ".join(f"{layer} {more[layer]:,} cycles" for layer in worst)
                found.append(f"{name}: {row['ratio']} times unprotected, wanted {WANTED['ratio']}; most in {text}")
            for what, part in (("", row), (" with small units", row["small_charge"])):
                if part["product_cycles"] > WANTED["to_product"]:
                    found.append(f"{name}: {part['product_cycles']} cycles from power-up to the first product{what}")
            if row["charges_of_20000"] is None:
                found.append(f"{name}: no progress with {CHARGE} cycles a charge")
    return found


def compare(names: Sequence[str], failures: int, variants: Sequence[Variant] = VARIANTS) -> dict:
    """The whole report."""
    click.echo(HEADING, err=True)
    networks = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="sparsecomp-restart-") as folder:
            networks.append(measure_network(name, variants, failures, Path(folder)))
    return {
        "report": "restart",
        "version": 1,
        "simulated": True,
        "board": BOARD,
        "clock_hz": load_board(BOARD).clock_hz,
        "notes": NOTES,
        "wanted": WANTED,
        "shortfalls": shortfalls(networks),
        "networks": networks,
    }


@click.command()
@click.option("--network", "names", multiple=True, type=click.Choice(list(NETWORKS)), help="All of them by default.")
@click.option("--failures", type=click.IntRange(min=0), default=300, show_default=True, help="Random ones a program.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the JSON into this file as well.")
def main(names: tuple[str, ...], failures: int, out: Path | None) -> None:
    """Measure what protection from power failures costs, in ours and in the peers' ways."""
    try:
        report = compare(names or tuple(NETWORKS), failures)
    except SparseCompError as error:
        click.echo(f"error: {error.message}\nhint: {error.hint}", err=True)
        sys.exit(error.exit_code)
    text = json.dumps(report, indent=2)
    print(text)
    if out is not None:
        out.write_text(text + "\n")
    for shortfall in report["shortfalls"]:
        click.echo(f"note: {shortfall}", err=True)


if __name__ == "__main__":
    main()

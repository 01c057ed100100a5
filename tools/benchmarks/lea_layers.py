"""Dense layers by the firmware's kernels: the multiplier's MACS against the low-energy accelerator.

``python -m sparsecomp_tools.benchmarks.lea_layers [--out FILE.json]``. Whole layers of a generated firmware, on the
virtual board at 8 MHz, without failures; each answer is the reference's, or the benchmark fails with 5. Whatever
involves the accelerator is *fitted* to published measurements, with the least and the most that a command's start may
take (device/lea.c); nothing was measured on hardware.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click
import torch
from torch import nn

from sparsecomp.boards import Board
from sparsecomp.errors import MismatchError, SparseCompError
from sparsecomp.frontend.saving import write_atomically
from sparsecomp.plan.accelerate import accelerate
from sparsecomp.prepare import Prepared, Request
from sparsecomp_tools.benchmarks.lea import STARTS
from sparsecomp_tools.benchmarks.measuring import BOARD, Layer, board_at, measure, prepared

HZ = 8_000_000


@dataclass(frozen=True)
class Row:
    """A layer by one walk. ``start`` is the bound of a command's start, '' for the multiplier; ``cycles`` and
    ``energy_uj`` are the whole layer's, the ratios to the multiplier's: below 1 is a gain. ``commands`` are those of a
    window's sum, ``resident_rows`` the filters whose weights stay in the accelerator's RAM during a step.
    """

    layer: str
    walk: str
    start: str
    fitted: bool
    cycles: int
    estimated: int
    energy_uj: float
    bytes: int
    cycles_ratio: float = 1.0
    energy_ratio: float = 1.0
    commands: int = 0
    resident_rows: int = 0


def shapes() -> dict[str, tuple[nn.Module, tuple[int, ...]]]:
    """Networks of one layer, and the shape of their inputs."""
    pool = nn.Sequential(nn.Conv2d(16, 16, 3), nn.ReLU(), nn.MaxPool2d(2))
    return {
        "linear 512-64": (nn.Linear(512, 64), (512,)),
        "linear 128-32": (nn.Linear(128, 32), (128,)),
        "conv 3x3x16-16": (nn.Conv2d(16, 16, 3), (16, 10, 10)),
        "conv 5x5x16-32": (nn.Conv2d(16, 32, 5), (16, 12, 12)),
        "conv 3x3x16-16, pool 2x2": (pool, (16, 10, 10)),
        "pointwise 64-32": (nn.Conv2d(64, 32, 1), (64, 6, 6)),
        "conv 5x5x1-16": (nn.Conv2d(1, 16, 5), (1, 12, 12)),
    }


def _layer(network: Prepared, board: Board, start: int | None) -> Layer:
    run = measure(network, board, lea_start_cycles=start)
    if not run.right or run.early_reads:
        raise MismatchError("the virtual board's answer is not the reference's", "this is a defect: please report it")
    return next(layer for layer in run.layers if layer.step.kernel == "mac")


def rows(name: str, module: nn.Module, shape: tuple[int, ...]) -> list[Row]:
    """By the multiplier, and by the accelerator where the planner would take it."""
    board = board_at(HZ)
    network = prepared(module, shape, Request(encoding="dense", weights="int8"))
    own = _layer(network, board, None)
    found = [
        Row(name, "walk_mac_dense", "", False, own.cycles, own.estimated, round(own.energy_nj / 1000, 2), own.nbytes)
    ]
    other = replace(network, program=accelerate(network.program, board))
    if other.program.steps == network.program.steps:
        return found
    for start, cycles in STARTS.items():
        layer = _layer(other, board, cycles)
        lea = layer.step.attrs["lea"]
        found.append(
            Row(
                layer=name,
                walk="walk_mac_dense_lea",
                start=start,
                fitted=True,
                cycles=layer.cycles,
                estimated=layer.estimated,
                energy_uj=round(layer.energy_nj / 1000, 2),
                bytes=layer.nbytes,
                cycles_ratio=round(layer.cycles / own.cycles, 3),
                energy_ratio=round(layer.energy_nj / own.energy_nj, 3),
                commands=lea.commands,
                resident_rows=lea.resident_rows,
            )
        )
    return found


def table(found: list[Row]) -> str:
    """Lines for people."""
    lines = [f"{'layer':<26}{'walk':<20}{'start':<7}{'cycles':>10}{'ratio':>7}{'uJ':>9}{'ratio':>7}{'bytes':>8}"]
    for r in found:
        lines.append(
            f"{r.layer:<26}{r.walk:<20}{r.start:<7}{r.cycles:>10,}{r.cycles_ratio:>7.2f}{r.energy_uj:>9.1f}"
            f"{r.energy_ratio:>7.2f}{r.bytes:>8,}{'  fitted' if r.fitted else ''}"
        )
    return "\n".join(lines)


@click.command()
@click.option("--only", metavar="NAME", help="Only layers whose name begins so.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the JSON into this file as well.")
def main(only: str | None, out: Path | None) -> None:
    """Measure whole layers by the multiplier and by the accelerator; the accelerator's numbers are fitted."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        cases = {name: case for name, case in shapes().items() if name.startswith(only or "")}
    try:
        found = [row for name, case in cases.items() for row in rows(name, *case)]
    except SparseCompError as error:
        click.echo(f"error: {error.message}\nhint: {error.hint}", err=True)
        sys.exit(error.exit_code)
    click.echo(table(found), err=True)
    report = {
        "report": "lea_layers",
        "version": 1,
        "board": BOARD,
        "simulated": True,
        "mhz": HZ // 1_000_000,
        "rows": [asdict(row) for row in found],
    }
    text = json.dumps(report, indent=2) + "\n"
    print(text, end="")
    if out is not None:
        write_atomically(out, text.encode())


if __name__ == "__main__":
    main()

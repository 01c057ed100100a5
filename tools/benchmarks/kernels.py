"""``python -m sparsecomp_tools.benchmarks.kernels``: cycles of layers and of networks on the virtual board.

Layers: cycles a multiply-accumulate (of non-zero weights where they are sparse) over the whole layer and in the inner
loop, at 8 MHz without wait states and at 16 MHz. Networks: cycles and energy beside the portable C at -O2 and at -O3,
the plan's estimate, and the bound 1.25 (8 a dense product + 11 a non-zero one) + 110 an output. All simulated.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import torch
from torch import nn

from sparsecomp.boards import Board
from sparsecomp.cli import style
from sparsecomp.errors import SparseCompError
from sparsecomp.frontend.saving import write_atomically
from sparsecomp.prepare import Request
from sparsecomp_tools.benchmarks.measuring import Layer, Run, board_at, measure, prepared
from sparsecomp_tools.benchmarks.networks import NETWORKS, made, thinned

SLOW, FAST = 8_000_000, 16_000_000
PORTABLE = "-DPORTABLE_KERNELS"
DENSITIES = (1.0, 0.1)
TOO_LARGE = [("64-128-64", 1.0)]  # for the memory of the device


@dataclass(frozen=True)
class Case:
    """One layer for inputs of ``shape`` (without batch), and the share of its weights that is not zero."""

    name: str
    layer: nn.Module
    shape: tuple[int, ...]
    encoding: str
    density: float = 1.0


def cases() -> list[Case]:
    """Layers of the shapes that networks have."""
    linear, conv = nn.Linear(512, 64), nn.Conv2d(16, 32, 5)
    return [
        *(Case(f"linear 512-64, {n} a filter", linear, (512,), kind, n / 512)
          for kind in ("delta8", "index16", "bitmap") for n in (32, 64, 128)),
        *(Case("conv 5x5x16-32, 32 a filter", conv, (16, 12, 12), kind, 32 / 400)
          for kind in ("delta8", "index16", "bitmap")),
        Case("linear 128-32", nn.Linear(128, 32), (128,), "dense"),
        Case("conv 3x3x16-16", nn.Conv2d(16, 16, 3), (16, 10, 10), "dense"),
        Case("conv 5x5x1-16", nn.Conv2d(1, 16, 5), (1, 12, 12), "dense"),
        Case("depthwise 3x3x16", nn.Conv2d(16, 16, 3, groups=16), (16, 10, 10), "dense"),
        Case("pointwise 64-32", nn.Conv2d(64, 32, 1), (64, 6, 6), "dense"),
    ]  # fmt: skip


def products(layer: Layer, dense: bool) -> int:
    """Multiply-accumulates of a layer, of non-zero weights only unless ``dense``."""
    matrix = layer.step.attrs["matrix"]
    rows, columns, *_ = layer.step.attrs.get("pool", (1, 1))
    weights = matrix.size if dense else int(np.count_nonzero(matrix))
    return weights * layer.step.items // len(matrix) * rows * columns


def _run(network: nn.Module, shape: tuple[int, ...], encoding: str, board: Board) -> Run:
    found = measure(prepared(network, shape, Request(encoding=encoding, weights="int8")), board)
    if not found.right or found.early_reads:
        raise SparseCompError("the virtual board's answer is not the reference's", "this is a defect: please report it")
    return found


def _layer(case: Case, clock_hz: int) -> Layer:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        case.layer.reset_parameters()
        network = thinned(nn.Sequential(case.layer), case.density)
    run = _run(network, case.shape, case.encoding, board_at(clock_hz))
    return next(layer for layer in run.layers if layer.step.kernel == "mac")


def single(case: Case) -> dict:
    """One row of the first table."""
    slow, fast = _layer(case, SLOW), _layer(case, FAST)
    count = products(slow, case.encoding == "dense")
    return {
        "layer": case.name,
        "encoding": case.encoding,
        "bytes": slow.nbytes,
        "products": count,
        "cycles": slow.cycles,
        "cycles_a_product": round(slow.cycles / count, 2),
        "at_16_mhz": round(fast.cycles / slow.cycles, 3),
        "estimate": round(slow.estimated / slow.cycles, 4),
        "energy_uj": round(slow.energy_nj / 1000, 2),
    }


def inner(rows: list[dict]) -> list[dict]:
    """Cycles that one more product costs, from layers that differ only in how many they have."""
    found = []
    for before, after in zip(rows, rows[1:], strict=False):
        if before["encoding"] == after["encoding"] and after["layer"].startswith("linear 512"):
            more = (after["cycles"] - before["cycles"]) / (after["products"] - before["products"])
            names = f"{before['layer']} to {after['layer'].split(', ')[1]}"
            found.append({"layers": names, "encoding": before["encoding"], "cycles_a_product": round(more, 2)})
    return found


def bound(run: Run) -> float:
    """1.25 (8 a dense product + 11 a non-zero one) + 110 an output, in cycles. Outputs are those that the network's
    layers compute: each window of a pool is one of its convolution's.
    """
    macs = [layer for layer in run.layers if layer.step.kernel == "mac"]
    total = sum(
        8 * products(m, True) if m.step.attrs["encoded"].kind == "dense" else 11 * products(m, False) for m in macs
    )
    windows = (layer.step.attrs.get("pool", (1, 1)) for layer in run.layers)
    steps = zip(run.layers, windows, strict=True)
    outputs = sum(layer.step.items * w[0] * w[1] for layer, w in steps if layer.step.kernel != "fill")
    return 1.25 * total + 110 * outputs


def whole(name: str, density: float) -> dict:
    """One row of the second table."""
    network, shape = made(name, density)
    encoding = "dense" if density == 1 else "csr"
    ours = _run(network, shape, encoding, board_at(SLOW))
    fast = _run(network, shape, encoding, board_at(FAST))
    portable = {
        level: _run(network, shape, encoding, board_at(SLOW, flags=(PORTABLE, level))) for level in ("-O2", "-O3")
    }
    best = min(portable.values(), key=lambda run: run.cycles)
    worst = max(abs(m.estimated / m.cycles - 1) for m in ours.layers if m.step.kernel == "mac" and m.cycles > 10_000)
    return {
        "network": name,
        "density": density,
        "cycles": ours.cycles,
        "energy_uj": round(ours.energy_uj, 1),
        **{f"portable{level}": run.cycles for level, run in portable.items()},
        "portable_energy_uj": round(best.energy_uj, 1),
        "times_faster": round(best.cycles / ours.cycles, 2),
        "at_16_mhz": round(fast.cycles / ours.cycles, 3),
        "of_bound": round(ours.cycles / bound(ours), 3),
        "estimate": round(sum(layer.estimated for layer in ours.layers) / ours.cycles, 4),
        "worst_layer_off": round(worst, 4),
        "energy_estimate": round(sum(layer.estimated_nj for layer in ours.layers) / ours.energy_uj / 1000, 3),
    }


def _progress(items: list, what: str) -> Iterator:
    progress = style.Progress()
    for count, item in enumerate(items):
        progress(what, count, len(items))
        yield item
    progress(what, len(items), len(items))


def table(rows: list[dict]) -> list[str]:
    """Rows of equal keys as Markdown."""
    head = list(rows[0])
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(str(row[key]) for key in head) + " |" for row in rows]


@click.command()
@click.option("--out", type=click.Path(path_type=Path), help="Write the figures as JSON.")
@click.option("--quick", is_flag=True, help="Two layers and one network.")
def main(out: Path | None, quick: bool) -> None:
    """Count cycles of layers and networks on the virtual board."""
    layers = cases()[:2] if quick else cases()
    every = [(name, density) for name in NETWORKS for density in DENSITIES]
    names = [("demo", 0.1)] if quick else [case for case in every if case not in TOO_LARGE]
    try:
        rows = [single(case) for case in _progress(layers, "layers")]
        networks = [whole(*case) for case in _progress(names, "networks")]
    except SparseCompError as error:
        style.show_error(error.message, error.hint)
        sys.exit(error.exit_code)
    found = {"report": "kernels", "version": 1, "layers": rows, "inner": inner(rows), "networks": networks}
    style.show_lines([*table(rows), "", *table(found["inner"]), "", *table(networks)])
    if out is not None:
        write_atomically(out, (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main(prog_name="python -m sparsecomp_tools.benchmarks.kernels")

"""``python -m sparsecomp_tools.benchmarks.memory``: activation memory with and without layer separation.

Bytes alive at once where every map exists (what no placement of whole maps can do without) beside those of the plan:
poolings within their layers, outputs over the inputs that they consume. Both count halos, the received input, which
stays, and the deepest stack; cycles are those of the virtual board.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from sparsecomp.cli import style
from sparsecomp.errors import SparseCompError
from sparsecomp.frontend.saving import write_atomically
from sparsecomp.plan.buffers import live_buffers, live_words
from sparsecomp.prepare import Request
from sparsecomp_tools.benchmarks.kernels import SLOW, table
from sparsecomp_tools.benchmarks.measuring import Run, board_at, measure, prepared
from sparsecomp_tools.benchmarks.networks import NETWORKS, made

DENSITY = 0.15


def _run(name: str, separate: bool) -> Run:
    network, shape = made(name, DENSITY)
    found = measure(prepared(network, shape, Request(weights="int8", separate=separate)), board_at(SLOW))
    if not found.right:
        raise SparseCompError(f"{name}: the answer is not the reference's", "this is a defect: please report it")
    return found


def row(name: str) -> dict:
    """One network."""
    whole, parts = _run(name, False), _run(name, True)
    alive = 2 * live_words(live_buffers(whole.plan.program)[0])[0]
    before = alive + whole.plan.state_bytes + whole.stack_bytes
    after = parts.plan.arena_bytes + parts.plan.state_bytes + parts.stack_bytes
    return {
        "network": name,
        "constant_bytes": parts.plan.constant_bytes,
        "maps_alive": alive,
        "maps_planned": parts.plan.arena_bytes,
        "peak_unseparated": before,
        "peak_separated": after,
        "times_less": round(before / after, 2),
        "cycles_unseparated": whole.cycles,
        "cycles_separated": parts.cycles,
        "cycles_ratio": round(parts.cycles / whole.cycles, 3),
    }


@click.command()
@click.option("--out", type=click.Path(path_type=Path), help="Write the figures as JSON.")
@click.option("--quick", is_flag=True, help="One network.")
def main(out: Path | None, quick: bool) -> None:
    """Compare memory plans of networks."""
    try:
        rows = [row(name) for name in (["demo"] if quick else NETWORKS)]
    except SparseCompError as error:
        style.show_error(error.message, error.hint)
        sys.exit(error.exit_code)
    style.show_lines(table(rows))
    if out is not None:
        found = {"report": "memory", "version": 1, "density": DENSITY, "networks": rows}
        write_atomically(out, (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main(prog_name="python -m sparsecomp_tools.benchmarks.memory")

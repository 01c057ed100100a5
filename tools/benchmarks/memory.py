"""``python -m sparsecomp_tools.benchmarks.memory``: activation memory with and without layer separation.

Bytes alive at once where every map exists (what no placement of whole maps can do without) beside those of the plan:
poolings within their layers, maps over each other as far as their elements are alive, then layers in bands of rows and
lifted maps too (``--tiles least``). All count halos, the received input, which stays, and the deepest stack. What the
table of the layers in parts takes is constant, and told beside it; cycles are those of the virtual board.
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


def _run(name: str, separate: bool, tiles: str) -> Run:
    network, shape = made(name, DENSITY)
    found = measure(prepared(network, shape, Request(weights="int8", separate=separate)), board_at(SLOW), tiles=tiles)
    if not found.right:
        raise SparseCompError(f"{name}: the answer is not the reference's", "this is a defect: please report it")
    return found


def _peak(run: Run) -> int:
    return run.plan.arena_bytes + run.plan.state_bytes + run.stack_bytes


def row(name: str) -> dict:
    """One network."""
    whole, shared, parts = _run(name, False, "none"), _run(name, True, "none"), _run(name, True, "least")
    alive = 2 * live_words(live_buffers(whole.plan.program)[0])[0]
    before = alive + whole.plan.state_bytes + whole.stack_bytes
    return {
        "network": name,
        "constant_bytes": parts.plan.constant_bytes,
        "maps_alive": alive,
        "maps_shared": shared.plan.arena_bytes,
        "maps_in_parts": parts.plan.arena_bytes,
        "peak_unseparated": before,
        "peak_shared": _peak(shared),
        "peak_in_parts": _peak(parts),
        "times_less_shared": round(before / _peak(shared), 2),
        "times_less": round(before / _peak(parts), 2),
        "table_bytes_more": parts.plan.code_bytes - shared.plan.code_bytes,
        "cycles_unseparated": whole.cycles,
        "cycles_shared": shared.cycles,
        "cycles_in_parts": parts.cycles,
        "cycles_ratio": round(parts.cycles / whole.cycles, 3),
        "estimate": round(float(sum(layer.estimated for layer in parts.layers) / parts.cycles), 4),
        "separation": {key: parts.plan.separation[key] for key in ("before", "chosen", "chains_tried", "chains")},
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
    style.show_lines(table([{key: value for key, value in row.items() if key != "separation"} for row in rows]))
    if out is not None:
        found = {"report": "memory", "version": 2, "density": DENSITY, "networks": rows}
        write_atomically(out, (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main(prog_name="python -m sparsecomp_tools.benchmarks.memory")

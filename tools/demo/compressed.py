"""``python -m sparsecomp_tools.demo.compressed``: the demo's network before and after compression, side by side.

Bytes, cycles and energy are those of the firmware on the virtual board (simulated) where the MSP430 compiler is
installed; otherwise cycles are the plan's estimates.
"""

import tempfile
from pathlib import Path
from typing import Any

import click

from sparsecomp.boards import load_board
from sparsecomp.build import compiler
from sparsecomp.cli import style
from sparsecomp.cli.command import GuardedCommand
from sparsecomp.errors import ToolError

BOARD = "msp430fr5994"
NEXT = "answers before the end, as far as the energy goes: sparsecomp early-exit MODEL.PT --data TRAIN.npz"


@click.command(cls=GuardedCommand)
@click.argument("before", metavar="MODEL.PT")
@click.argument("after", metavar="SMALL.PT")
@click.option("--samples", type=click.IntRange(min=1), default=20, show_default=True, help="Run on the virtual board.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def main(before: str, after: str, samples: int) -> None:
    """Deploy MODEL.PT and SMALL.PT, and print what compression changed."""
    columns = [column(path, samples) for path in (before, after)]
    rows = [("", Path(before).name, Path(after).name, "ratio")]
    for key in columns[0]:
        first, second = (c[key] for c in columns)
        if key == "accuracy, int8":
            rows.append((key, f"{first:.4f}", f"{second:.4f}", ""))
        else:
            rows.append((key, f"{first:,.0f}", f"{second:,.0f}", f"{first / second:.1f}"))
    style.show_lines([*style.table(rows, right=frozenset({1, 2, 3})), "", NEXT])


def column(path: str, samples: int) -> dict[str, float]:
    """What one model costs, by what the row is called; every answer compared bit for bit on the way."""
    host = deployed(path, "host", None)
    found: dict[str, float] = {
        "weights and tables, bytes": host.plan.constant_bytes,
        "feature maps, bytes": host.plan.arena_bytes,
        "accuracy, int8": host.accuracy.reference,
    }
    try:
        compiler(load_board(BOARD))
    except ToolError:
        planned = deployed(path, BOARD, None, until="plan")
        return found | {"cycles, estimated": sum(row.cycles for row in planned.rows)}
    measured = deployed(path, BOARD, samples).on_board.measured
    return found | {"cycles, simulated": measured.cycles, "uJ, simulated": measured.energy_uJ}


def deployed(path: str, board: str, samples: int | None, until: str | None = None) -> Any:
    """The line, or up to a stage, into a folder that is thrown away. Raises MismatchError where a level differs."""
    from sparsecomp.on_board import Bench
    from sparsecomp.pipeline import deploy

    with tempfile.TemporaryDirectory(prefix="sparsecomp-") as folder:
        bench = Bench(ports=("virtual",), smallest=False)
        out = Path(folder) / "project"
        return deploy(path, out, board=board, bench=bench, samples=samples, until=until, progress=style.Progress())


if __name__ == "__main__":
    main(prog_name="python -m sparsecomp_tools.demo.compressed")

"""``sparsecomp deploy``, also installed as ``sparsecomp-deploy``: from model.pt to verified C in one command."""

from pathlib import Path
from typing import Any

import click

from sparsecomp.cli import style
from sparsecomp.cli.command import GuardedCommand
from sparsecomp.cli.options import (
    bench_of,
    bench_options,
    board_option,
    conversion_options,
    failure_options,
    loading_options,
    model_argument,
    output_options,
)


@click.command("deploy", cls=GuardedCommand, context_settings={"help_option_names": ["-h", "--help"]})
@model_argument
@board_option
@click.option("-o", "--out", metavar="DIR", help="Where the project goes. [default: MODEL-BOARD]")
@click.option("--until", type=click.Choice(["plan", "generate", "build"]), help="Stop after this stage.")
@click.option("--data", metavar="DATA", help="Labelled samples to measure accuracy on: .npz or dataset folder.")
@loading_options
@conversion_options
@failure_options
@bench_options
@output_options
def main(model: str, board: str, out: str | None, as_json: bool, **options: Any) -> int:
    """From MODEL.PT to C that is proved to give the same bits however often the power fails.

    The host build runs while the power fails; a board's firmware is flashed and run over its serial line.
    """
    from sparsecomp.pipeline import deploy

    out = out or default_out(model, board)
    bench = bench_of(options, smallest=True)
    result = deploy(model, out, board=board, bench=bench, progress=style.Progress(), **options)
    style.show(result, as_json)
    return result.exit_code


def default_out(model: str, board: str) -> str:
    """The folder a project goes to when the user names none: ``model-msp430fr5994``, here."""
    return f"{Path(model).stem}-{Path(board).stem}"

"""``sparsecomp accuracy``: samples through a board's serial line. Exits 5 at the first answer that differs."""

from typing import Any

import click

from sparsecomp.cli import style
from sparsecomp.cli.command import GuardedCommand
from sparsecomp.cli.options import (
    bench_of,
    bench_options,
    conversion_options,
    loading_options,
    model_argument,
    output_options,
)


@click.command("accuracy", cls=GuardedCommand)
@model_argument
@click.option(
    "--board", default="msp430fr5994", show_default=True, metavar="NAME|FILE.toml", help="The board it was made for."
)
@click.option("--data", metavar="DATA", help="Labelled samples: .npz or dataset folder. [default: those in the model]")
@bench_options
@loading_options
@conversion_options
@output_options
def main(model: str, as_json: bool, **options: Any) -> int:
    """Run samples on a board that holds MODEL.PT, and compare every answer with the reference.

    The options of the conversion must be those that the firmware was made with: its hash is asked for first.
    """
    from sparsecomp.pipeline import accuracy

    result = accuracy(model, bench=bench_of(options), progress=style.Progress(), **options)
    if as_json:
        style.show_json(result.to_json())
    else:
        style.show_lines([*result.accuracy.lines(), *result.on_board.lines()])
    return result.exit_code

"""``sparsecomp convert``: the C project alone, without building or running it."""

from typing import Any

import click

from sparsecomp.cli import style
from sparsecomp.cli.command import GuardedCommand
from sparsecomp.cli.deploy import default_out
from sparsecomp.cli.options import board_option, conversion_options, loading_options, model_argument, output_options


@click.command("convert", cls=GuardedCommand)
@model_argument
@board_option
@click.option("-o", "--out", metavar="DIR", help="Where the project goes. [default: MODEL-BOARD]")
@loading_options
@conversion_options
@output_options
def main(model: str, board: str, out: str | None, as_json: bool, **options: Any) -> int:
    """Write the C project for MODEL.PT. It builds with `make` alone."""
    from sparsecomp.pipeline import convert

    result = convert(model, out or default_out(model, board), board=board, **options)
    style.show(result, as_json)
    return result.exit_code

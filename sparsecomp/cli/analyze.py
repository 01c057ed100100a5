"""``sparsecomp analyze``: will it fit, on one board, on several, or on all."""

from typing import Any

import click

from sparsecomp.boards import list_boards
from sparsecomp.cli import style
from sparsecomp.cli.command import GuardedCommand
from sparsecomp.cli.options import lea_option, loading_options, model_argument, number_options, output_options


@click.command("analyze", cls=GuardedCommand)
@model_argument
@click.option(
    "--board", "boards", multiple=True, default=["host"], show_default=True, metavar="NAME|FILE.toml|all",
    help="Target board; may be given several times.",
)  # fmt: skip
@loading_options
@number_options
@lea_option
@output_options
def main(model: str, boards: tuple[str, ...], as_json: bool, **options: Any) -> int:
    """Tell whether MODEL.PT fits, and what each layer costs."""
    from sparsecomp.pipeline import analyze

    named = list_boards() if "all" in boards else boards
    result = analyze(model, named[0] if len(named) == 1 else list(named), **options)
    style.show(result, as_json)
    return result.exit_code

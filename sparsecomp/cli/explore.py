"""``sparsecomp explore``: every state that power failures can lead to, each visited once. Exits 5 on a divergence."""

from typing import Any

import click

from sparsecomp.cli import style
from sparsecomp.cli.command import GuardedCommand
from sparsecomp.cli.options import board_option, conversion_options, loading_options, model_argument, output_options


@click.command("explore", cls=GuardedCommand)
@model_argument
@board_option
@click.option(
    "--max-states",
    type=click.IntRange(min=1),
    default=500_000,
    show_default=True,
    help="Sample instead of exhausting beyond this many states.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of inputs and samples.")
@loading_options
@conversion_options
@output_options
def main(model: str, as_json: bool, **options: Any) -> int:
    """Exhaust the crash states of MODEL.PT, a cold start and two inferences long.

    On the host the C is explored; for another board its binary, instruction by instruction on the virtual board.
    """
    from sparsecomp.pipeline import explore

    result = explore(model, progress=style.Progress(), **options)
    style.show(result, as_json)
    return result.exit_code

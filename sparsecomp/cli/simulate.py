"""``sparsecomp simulate``: the host build under power failures. Exits 5 when one changes an answer."""

from typing import Any

import click

from sparsecomp.cli import style
from sparsecomp.cli.command import GuardedCommand
from sparsecomp.cli.options import (
    conversion_options,
    failure_options,
    loading_options,
    model_argument,
    output_options,
)


@click.command("simulate", cls=GuardedCommand)
@model_argument
@failure_options
@click.option(
    "--kills", type=click.IntRange(min=0), default=20, show_default=True, help="Times to kill the process itself."
)
@click.option("--junit", metavar="FILE.xml", help="Write the outcome for a CI system.")
@click.option("--data", metavar="DATA", help="Samples to run: .npz or dataset folder. [default: those in the model]")
@loading_options
@conversion_options
@output_options
def main(model: str, as_json: bool, junit: str | None, **options: Any) -> int:
    """Run the host build of MODEL.PT on this computer while the power fails."""
    from sparsecomp.pipeline import simulate

    result = simulate(model, progress=style.Progress(), **options)
    if junit:
        from sparsecomp_tools.power import write_junit

        write_junit(junit, result.cases, suite="sparsecomp simulate")
    style.show(result, as_json)
    return result.exit_code

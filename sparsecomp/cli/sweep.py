"""``sparsecomp sweep``: many compressions of one network, and the best of them in accuracy, bytes and cycles."""

from typing import Any

import click

from sparsecomp.cli import style
from sparsecomp.cli.command import GuardedCommand
from sparsecomp.cli.options import loading_options, model_argument, output_options


@click.command("sweep", cls=GuardedCommand, context_settings={"help_option_names": ["-h", "--help"]})
@model_argument
@click.option("--data", metavar="DATA", required=True, help="Labelled samples to train on: .npz or dataset folder.")
@click.option(
    "--trials", type=click.IntRange(min=1), default=50, show_default=True, help="Compressions to try, of all workers."
)
@click.option("--min-kb", type=float, metavar="A", help="Smallest size in thousands of bytes. [default: a fiftieth]")
@click.option("--max-kb", type=float, metavar="B", help="Largest size. [default: half of the network in int8]")
@click.option("--storage", metavar="URL", help="Database that workers share. [default: sweep.db in the --out folder]")
@click.option("--study", metavar="NAME", help="Its name in the database. [default: the model's]")
@click.option(
    "--board", default="msp430fr5994", show_default=True, metavar="NAME|FILE.toml", help="Whose cycles are counted."
)
@click.option("-o", "--out", metavar="DIR", help="Where the networks go. [default: MODEL-sweep]")
@click.option("--epochs", type=click.IntRange(min=1), default=20, show_default=True, help="Epochs of each trial.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of data, training and choices.")
@loading_options
@output_options
def main(model: str, as_json: bool, **options: Any) -> int:
    """Compress MODEL.PT in many ways, and keep those of which no other is better in accuracy, bytes and cycles.

    Run it again to go on, with more --trials if wanted, or several times at once to share the work.
    """
    from sparsecomp.compression.sweeping import sweep

    def log(line: str) -> None:
        click.echo(line, err=True)

    result = sweep(model, progress=style.Progress(), log=log, **options)
    style.show(result, as_json)
    return result.exit_code

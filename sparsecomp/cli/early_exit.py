"""``sparsecomp early-exit``: from model.pt to a model.pt with exits."""

from pathlib import Path
from typing import Any

import click

from sparsecomp.cli import style
from sparsecomp.cli.command import GuardedCommand
from sparsecomp.cli.options import loading_options, model_argument, output_options
from sparsecomp.errors import InputError


@click.command("early-exit", cls=GuardedCommand, context_settings={"help_option_names": ["-h", "--help"]})
@model_argument
@click.option("--data", metavar="DATA", required=True, help="Labelled samples to train on: .npz or dataset folder.")
@click.option("--exits", metavar="LAYER,...", help="Layers to leave behind. [default: chosen by accuracy for cycles]")
@click.option("--kind", type=click.Choice(["auto", "gnet", "heads"]), default="auto", show_default=True,
              help="One global head, one head an exit, or the better of both on validation data.")  # fmt: skip
@click.option("--head-bytes", type=click.IntRange(min=1), default=2000, show_default=True, help="Bytes they may add.")
@click.option(
    "--board", default="msp430fr5994", show_default=True, metavar="NAME|FILE.toml", help="Whose cycles count."
)
@click.option("--batch", type=click.IntRange(min=1), default=64, show_default=True, help="Samples a batch.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("-o", "--out", metavar="EXITS.PT", help="Where the model goes. [default: MODEL-exits.pt]")
@loading_options
@output_options
def main(model: str, as_json: bool, **options: Any) -> int:
    """Add exits to the network in MODEL.PT, which stays as it is, and write a model.pt that deploys with them."""
    from sparsecomp.early_exit.files import add_exits_to_file

    out = options.pop("out") or f"{Path(model).stem}-exits.pt"
    named = options.pop("exits")
    exits = tuple(name.strip() for name in (named or "").split(",") if name.strip())
    if named is not None and not exits:
        raise InputError(
            "--exits names no layer", "leave it out, and exits are chosen; sparsecomp analyze shows layers"
        )

    def log(line: str) -> None:
        click.echo(line, err=True)

    result = add_exits_to_file(model, out, exits=exits, log=log, **options)
    style.show(result, as_json)
    return 0

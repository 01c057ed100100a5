"""``sparsecomp compress``: from model.pt to a smaller model.pt that deploys as it is."""

from pathlib import Path
from typing import Any

import click

from sparsecomp.cli import style
from sparsecomp.cli.command import GuardedCommand
from sparsecomp.cli.options import loading_options, model_argument, output_options


@click.command("compress", cls=GuardedCommand, context_settings={"help_option_names": ["-h", "--help"]})
@model_argument
@click.option("--data", metavar="DATA", required=True, help="Labelled samples to train on: .npz or dataset folder.")
@click.option("--target-kb", type=float, metavar="N", help="Encoded bytes to reach, in thousands.")
@click.option("--board", metavar="NAME|FILE.toml", help="Make the whole firmware fit this board.")
@click.option("--sparsity", type=float, metavar="S", help="Fraction of weights to make zero.")
@click.option("--max-drop", type=float, metavar="P", help="Stop before this much accuracy is lost (0.01: one point).")
@click.option("--spare", type=float, default=0.0, show_default=True, help="Share of the board's FRAM to leave free.")
@click.option("--steps", type=click.IntRange(min=1), help="Steps in which the size falls.")
@click.option("--epochs", type=click.IntRange(min=1), help="Epochs a step.")
@click.option("--finetune", type=click.IntRange(min=0), help="Epochs after the last step.")
@click.option("--factorize", is_flag=True, help="Try low ranks for large layers as well.")
@click.option("--batch", type=click.IntRange(min=1), default=64, show_default=True, help="Samples a batch.")
@click.option("--device", default="cpu", show_default=True, help="Torch device to train on.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("-o", "--out", metavar="SMALL.PT", help="Where the model goes. [default: MODEL-small.pt]")
@click.option("--history", metavar="DIR", help="Write history.json, a plot and checkpoints here.")
@click.option("--resume", is_flag=True, help="Go on from the last step in the --history folder.")
@loading_options
@output_options
def main(model: str, as_json: bool, **options: Any) -> int:
    """Make MODEL.PT small and sparse by retraining it, and write a model.pt that deploys as it is.

    Give one of --target-kb, --board and --sparsity.
    """
    from sparsecomp.compression.files import compress_file

    out = options.pop("out") or f"{Path(model).stem}-small.pt"

    def log(line: str) -> None:
        click.echo(line, err=True)

    result = compress_file(model, out, progress=style.Progress(), log=log, **options)
    style.show(result, as_json)
    return result.exit_code

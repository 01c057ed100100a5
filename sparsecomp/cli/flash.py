"""``sparsecomp flash``: a project's firmware onto a board. Done means read back, and answered with the right hash."""

from pathlib import Path
from typing import Any

import click

from sparsecomp.cli import style
from sparsecomp.cli.command import GuardedCommand
from sparsecomp.cli.options import output_options


@click.command("flash", cls=GuardedCommand)
@click.argument("project", metavar="PROJECT")
@click.option("--port", metavar="DEVICE", help="The board's serial port. [default: that of the one plugged in]")
@click.option("--runner", metavar="NAME", help="Flash runner. [default: the first that is installed]")
@click.option("--image", metavar="FILE", help="Write a virtual board's FRAM instead: `sparsecomp board run` takes it.")
@click.option("--mass-erase", is_flag=True, help="For the runner bsl: give up what the board holds, password and all.")
@click.option("--installed", metavar="FILE.elf", help="For the runner bsl: what the board holds, for the password.")
@output_options
def main(project: str, as_json: bool, **options: Any) -> None:
    """Build PROJECT, a directory that deploy or convert made, and write its firmware to a board."""
    from sparsecomp.flashing import flash

    result = flash(Path(project), progress=style.Progress(), **options)
    style.show(result, as_json)

"""``sparsecomp doctor``: what is installed, what is plugged in, and what is missing. Exits 4 where deploying cannot
work.
"""

import click

from sparsecomp.cli import style
from sparsecomp.cli.command import GuardedCommand
from sparsecomp.cli.options import output_options


@click.command("doctor", cls=GuardedCommand)
@click.option("--toolchain", is_flag=True, help="Print where the script is that builds the MSP430 compiler, and end.")
@output_options
def main(toolchain: bool, as_json: bool) -> int:
    """Look for compilers, flash runners and serial ports, and say what to install."""
    from sparsecomp.doctor import examine, toolchain_script

    if toolchain:
        click.echo(toolchain_script())
        return 0
    result = examine()
    style.show(result, as_json)
    return result.exit_code

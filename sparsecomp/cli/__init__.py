"""The command line: one verb a file. ``main`` is the group behind ``sparsecomp``."""

import importlib

import click

from sparsecomp import __version__
from sparsecomp.cli.command import GuardedGroup

# In the order of use. A verb's module is imported when the verb runs, so that the light ones start at once.
VERBS = {
    "compress": "From model.pt to a smaller one that deploys as it is.",
    "early-exit": "From model.pt to one with exits: an answer at any time.",
    "deploy": "From model.pt to verified C for a board.",
    "sweep": "Many compressions, and the best in accuracy, bytes and cycles.",
    "analyze": "Will it fit? On one board, on several, or on all.",
    "convert": "Write the C project only.",
    "simulate": "Run the host build under power failures.",
    "explore": "Visit every state that power failures can lead to.",
    "flash": "Write a project's firmware to a board, read it back, ask it who it is.",
    "accuracy": "Run samples on a board over its serial line, every answer compared.",
    "board": "Run a firmware on the virtual board.",
    "boards": "List boards, or show one.",
    "doctor": "What is installed, what is plugged in, what is missing.",
}


class VerbGroup(GuardedGroup):
    """A group that knows the names and one-line helps of its verbs without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        return importlib.import_module(f"sparsecomp.cli.{cmd_name.replace('-', '_')}").main

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=VerbGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sparsecomp")
def main() -> None:
    """From a trained PyTorch network to C that gives the same bits however often the power fails."""

"""``python -m sparsecomp_tools.demo.supply model.pt``: the virtual board on a capacitor, twice, with an unsteady host.

The host of the second run sleeps at random between the device's answers. Virtual time does not see that: cycles, energy
and reboots of both runs are the same, or this exits with 5.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from sparsecomp.cli import style
from sparsecomp.cli.command import GuardedCommand
from sparsecomp.cli.options import Quantity
from sparsecomp.errors import MismatchError

SLEEPS = 0.02  # the share of the device's lines before which the host sleeps
LONGEST = 0.05  # seconds


@contextmanager
def unsteady(seed: int) -> Iterator[None]:
    """The host sleeps now and then before it listens."""
    from sparsecomp_tools.link import Line

    chance, steady = random.Random(seed), Line.receive

    def receive(self: Any, seconds: float) -> Any:
        if chance.random() < SLEEPS:
            time.sleep(LONGEST * chance.random())
        return steady(self, seconds)

    Line.receive = receive
    try:
        yield
    finally:
        Line.receive = steady


@click.command(cls=GuardedCommand)
@click.argument("model", metavar="MODEL.PT")
@click.option("--data", metavar="DATA", help="Labelled samples. [default: those in the model]")
@click.option("--samples", type=click.IntRange(min=1), help="Run only the first ones.")
@click.option("--board", default="msp430fr5994", show_default=True, metavar="NAME|FILE.toml")
@click.option("--capacitor", type=Quantity("F"), default=100.0, help="[default: 100uF]")
@click.option("--power", type=Quantity("W"), default=500.0, help="[default: 500uW]")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def main(model: str, capacitor: float, power: float, **options: Any) -> None:
    """Run MODEL.PT on a virtual board that loses power again and again, twice, and compare every figure."""
    from sparsecomp.on_board import Bench
    from sparsecomp.pipeline import accuracy
    from sparsecomp_tools.virtual_board import Supply

    bench = Bench(ports=("virtual",), supply=Supply(capacitor, power))
    first = accuracy(model, bench=bench, progress=style.Progress(), **options)
    style.show_lines(first.lines()[-len(first.on_board.lines()) :])
    with unsteady(1):
        second = accuracy(model, bench=bench, progress=style.Progress(), **options)
    if second.on_board.measured != first.on_board.measured:
        raise MismatchError(
            f"the runs differ: {first.on_board.measured} and {second.on_board.measured}",
            "virtual time depends on the host: please report this",
        )
    style.show_lines(["PASS again with a host that sleeps at random: the same cycles, energy and reboots"])


if __name__ == "__main__":
    main(prog_name="python -m sparsecomp_tools.demo.supply")

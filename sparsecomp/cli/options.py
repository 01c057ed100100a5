"""Options that several verbs share."""

from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Shape(click.ParamType):
    """``1,28,28`` as a tuple of positive integers, the shape of one sample without the batch."""

    name = "C,H,W"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            shape = tuple(int(part) for part in value.replace("x", ",").split(","))
        except ValueError:
            shape = ()
        if not shape or min(shape) < 1:
            self.fail(f"'{value}' is no shape of one sample: write positive numbers like 1,28,28", param, ctx)
        return shape


def together(*decorators: Decorator) -> Decorator:
    """Several option decorators as one, in the order of reading."""

    def apply(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


model_argument = click.argument("model", metavar="MODEL.PT")

board_option = click.option(
    "--board", default="host", show_default=True, metavar="NAME|FILE.toml", help="Target board."
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else on stdout.")

debug_option = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")

output_options = together(json_option, debug_option)

loading_options = together(
    click.option("--calibrate", "calibration", metavar="DATA", help="Samples to calibrate on: .npz or dataset folder."),
    click.option("--input-shape", type=Shape(), help="Shape of one sample, where the file does not tell it."),
    click.option("--arch", metavar="FILE.py:FACTORY", help="Code that builds the network, for a state_dict."),
    click.option("--trust-pickle", is_flag=True, help="Unpickle the model. It may run any code: only your own files."),
)

number_options = together(
    click.option(
        "--encoding", type=click.Choice(["auto", "csr", "dense"]), default="auto", show_default=True,
        help="How weights are stored.",
    ),
    click.option(
        "--weights", type=click.Choice(["auto", "int8", "int16"]), default="auto", show_default=True,
        help="Width of the weights.",
    ),
)  # fmt: skip

conversion_options = together(
    click.option(
        "--numeric", type=click.Choice(["int8", "float32"]), default="int8", show_default=True,
        help="Integers, or the float output for comparison.",
    ),
    number_options,
    click.option("--volatile-input", is_flag=True, help="Give the input's memory back: one inference an input."),
)  # fmt: skip

failure_options = together(
    click.option(
        "--failures", type=click.IntRange(min=0), default=1000, show_default=True, help="Power failures to inject."
    ),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of their moments."),
)

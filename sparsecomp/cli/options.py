"""Options that several verbs share."""

import math
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
        "--encoding", type=click.Choice(["auto", "fast", "csr", "bitmap", "dense"]), default="auto", show_default=True,
        help="How weights are stored: auto takes the fewest bytes, fast the fewest cycles.",
    ),
    click.option(
        "--weights", type=click.Choice(["auto", "int8", "int16"]), default="auto", show_default=True,
        help="Width of the weights.",
    ),
)  # fmt: skip

lea_option = click.option(
    "--lea", is_flag=True, help="Dense layers by the low-energy accelerator where it is estimated to be faster."
)

POLICY_HELP = (
    "Where a network with early exits leaves: full, fixed:N, confidence:0.9, energy, adaptive:0.9, with a reserve"
    " adaptive:0.9:2, for another capacitor than the board file's adaptive:0.9:2/470uF."
)

plain_conversion_options = together(
    click.option(
        "--numeric", type=click.Choice(["int8", "float32"]), default="int8", show_default=True,
        help="Integers, or the float output for comparison.",
    ),
    number_options,
    lea_option,
    click.option(
        "--tiles", type=click.Choice(["none", "fit", "least"]), default="fit", show_default=True,
        help="Compute layers in bands of rows: never, as few as fit the board, or for the least memory of maps.",
    ),
    click.option("--volatile-input", is_flag=True, help="Give the input's memory back: one inference an input."),
)  # fmt: skip

conversion_options = together(
    plain_conversion_options,
    click.option("--policy", metavar="POLICY", help=f"{POLICY_HELP} [default: confidence:0.9, full for float32]"),
)

failure_options = together(
    click.option(
        "--failures", type=click.IntRange(min=0), default=1000, show_default=True, help="Power failures to inject."
    ),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of their moments."),
)


class Finite(click.FloatRange):
    """A float that is a number: a range alone lets nan pass."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no number to reckon with.", param, ctx)
        return number


class Quantity(click.ParamType):
    """``100uF`` or ``500uW`` as a number of microfarads or microwatts."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.name = f"N{unit}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from sparsecomp.quantities import microfarads, microwatts

        return value if isinstance(value, float) else (microfarads if self.unit == "F" else microwatts)(value)


supply_options = together(
    click.option("--capacitor", type=Quantity("F"), help="Feed the virtual board from a capacitor: 100uF."),
    click.option("--power", type=Quantity("W"), help="What the harvester gives: 500uW."),
    click.option("--trace", metavar="FILE", help="What the harvester gives, lines '<ms> <volts>' or '<ms> <uW>'."),
)


def supply_of(options: dict[str, Any]) -> Any:
    """Takes the supply's options off; a Supply, None where the power stays. Raises InputError for half a supply."""
    from sparsecomp.errors import InputError
    from sparsecomp_tools.virtual_board import Supply

    capacitor, power, trace = (options.pop(name) for name in ("capacitor", "power", "trace"))
    if capacitor is None and (power is not None or trace is not None):
        raise InputError("a harvester without a capacitor", "add --capacitor 100uF")
    return None if capacitor is None else Supply(capacitor, power, trace)


bench_options = together(
    click.option(
        "--port", "ports", multiple=True, default=("auto",), show_default=True, metavar="auto|virtual|DEVICE",
        help="Where the firmware runs; several share the work. auto: a board that is plugged in, or a virtual one.",
    ),
    click.option("--runner", metavar="NAME", help="Flash runner. [default: the first that is installed]"),
    supply_options,
    click.option("--samples", type=click.IntRange(min=1), help="Run only the first ones."),
    click.option("--log", metavar="FILE", help="Keep each answer; an interrupted run goes on from there."),
    click.option(
        "--fail-every", type=click.IntRange(min=1), metavar="CYCLES",
        help="Let the firmware lose everything volatile every so many cycles of inference, on a real board as well.",
    ),
    click.option("--plots", metavar="DIR", help="Pictures of a virtual board's run: voltage and progress, layers."),
    click.option("--patience", type=Finite(min=0.1), help="Seconds that a board may take for an answer."),
)  # fmt: skip


def bench_of(options: dict[str, Any], **more: Any) -> Any:
    """Takes the options of ``bench_options`` off, except --samples; a Bench."""
    from sparsecomp.on_board import Bench

    supply = supply_of(options)
    names = ("ports", "runner", "log", "patience", "plots", "fail_every")
    return Bench(supply=supply, **{name: options.pop(name) for name in names}, **more)

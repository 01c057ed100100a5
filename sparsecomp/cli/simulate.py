"""``sparsecomp simulate``: the host build under power failures (exits 5 when one changes an answer), or exit policies
under a supply.
"""

from typing import Any

import click
from click.core import ParameterSource

from sparsecomp.cli import style
from sparsecomp.cli.command import GuardedCommand
from sparsecomp.cli.options import (
    POLICY_HELP,
    Finite,
    Quantity,
    failure_options,
    loading_options,
    model_argument,
    output_options,
    plain_conversion_options,
    together,
)
from sparsecomp.errors import InputError

POLICIES = ("full", "fixed:0", "adaptive:0.9")

supply_options = together(
    click.option("--policy", "policies", multiple=True, metavar="POLICY",
        help=f"{POLICY_HELP} Several are compared. [default with --trace: {', '.join(POLICIES)}]",
    ),
    click.option(
        "--trace", metavar="FILE|solar|rf|100uW",
        help="Compare policies under this supply instead: lines '<ms> <uW>', a generated one, a constant power.",
    ),
    click.option("--board", default="msp430fr5994", show_default=True, metavar="NAME|FILE.toml", help="With --trace."),
    click.option(
        "--capacitor", "capacitor_uF", type=Quantity("F"), default="100uF", show_default=True, help="With --trace."
    ),
    click.option("--period", type=Finite(min=0.01), default=5.0, show_default=True,
                 help="Mean seconds between events, which arrive at random."),
    click.option("--deadline", type=Finite(min=0.001), default=2.0, show_default=True,
                 help="Seconds within which an event has to be answered."),
    click.option("--seconds", type=Finite(min=0.1), default=600.0, show_default=True, help="Virtual time."),
    click.option("--check", is_flag=True, help="Run every event on the virtual board as well."),
    click.option("--plots", metavar="DIR", help="Pictures: what policies are worth, exits taken along the trace."),
)  # fmt: skip


@click.command("simulate", cls=GuardedCommand)
@model_argument
@failure_options
@click.option(
    "--kills", type=click.IntRange(min=0), default=20, show_default=True, help="Times to kill the process itself."
)
@click.option("--junit", metavar="FILE.xml", help="Write the outcome for a CI system.")
@click.option("--data", metavar="DATA", help="Samples to run: .npz or dataset folder. [default: those in the model]")
@supply_options
@loading_options
@plain_conversion_options
@output_options
def main(model: str, as_json: bool, junit: str | None, trace: str | None, **options: Any) -> int:
    """Run the host build of MODEL.PT on this computer while the power fails; with --trace, compare exit policies."""
    if trace is not None and junit:
        raise InputError("a comparison of policies has no cases to write", "leave one of --trace and --junit out")
    if trace is not None:
        return _compare(model, trace, as_json, options)
    from sparsecomp.pipeline import simulate

    policies = options.pop("policies")
    source = click.get_current_context().get_parameter_source
    for name in ("board", "capacitor_uF", "period", "deadline", "seconds", "check", "plots"):
        if source(name) is ParameterSource.COMMANDLINE:
            option = name.removesuffix("_uF")
            raise InputError(f"--{option} belongs to a comparison of policies", "add --trace solar")
        del options[name]
    result = simulate(model, progress=style.Progress(), policy=_one(policies), **options)
    if junit:
        from sparsecomp_tools.power import write_junit

        write_junit(junit, result.cases, suite="sparsecomp simulate")
    style.show(result, as_json)
    return result.exit_code


def _one(policies: tuple[str, ...]) -> str | None:
    if len(policies) > 1:
        raise InputError("several policies, but no supply to compare them under", "add --trace solar")
    return policies[0] if policies else None


def _compare(model: str, trace: str, as_json: bool, options: dict[str, Any]) -> int:
    from sparsecomp_tools.adaptive.comparing import compare_policies

    for name in ("failures", "kills"):
        del options[name]
    policies = options.pop("policies") or POLICIES
    result = compare_policies(model, policies, trace, progress=style.Progress(), **options)
    style.show(result, as_json)
    return result.exit_code

"""``sparsecomp board``: a firmware on the virtual board, for as long as its user likes."""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from sparsecomp.cli import style
from sparsecomp.cli.command import GuardedCommand, GuardedGroup
from sparsecomp.cli.options import output_options, supply_of, supply_options


@click.group(cls=GuardedGroup)
def main() -> None:
    """Run a firmware on the virtual board (simulated)."""


@main.command("run", cls=GuardedCommand)
@click.argument("elf", metavar="[FIRMWARE.elf]", required=False)
@click.option("--board", default="msp430fr5994", show_default=True, metavar="NAME|FILE.toml", help="Which board.")
@click.option("--image", metavar="FILE", help="Keep the FRAM in this file; without an ELF file it is what runs.")
@supply_options
@click.option("--cycles", type=click.IntRange(min=1), help="Stop after so many. Without it the serial port is opened.")
@click.option("--seed", type=click.IntRange(min=1), default=1, show_default=True, help="Of SRAM at power-up.")
@click.option("--real-time", is_flag=True, help="Let virtual time pass no faster than ours.")
@click.option("--plot", metavar="FILE.png", help="Draw voltage, reboots and progress over time.")
@output_options
def run(elf: str | None, as_json: bool, plot: str | None, **options: Any) -> int:
    """Run FIRMWARE.elf cycle by cycle. Its serial port is printed; Ctrl-C takes the power away and reports."""
    from sparsecomp.errors import InputError
    from sparsecomp_tools.measure import cursor_address, plot_run
    from sparsecomp_tools.virtual_board import read_events

    if elf is None and options["image"] is None:
        raise InputError("nothing to run", "name an ELF file, or an --image that `sparsecomp flash` has written")
    supply = supply_of(options)
    _check(elf, options["image"], options["board"])
    with tempfile.TemporaryDirectory(prefix="sparsecomp-") as folder:
        events = Path(folder) / "events" if plot else None
        watch = cursor_address(elf) if plot and elf else None
        result = _run(elf, supply=supply, events=events, watch=watch, **options)
        if plot:
            plot_run(read_events(events), plot, Path(elf).stem if elf else Path(options["image"]).stem)
    if as_json:
        fields = {k: v for k, v in asdict(result).items() if not isinstance(v, bytes)}
        style.show_json({"report": "run", "version": 1, "simulated": True} | fields)
    else:
        style.show_lines(_lines(result))
    return 4 if result.message and result.stopped not in ("cycle limit", "asleep", "starved") else 0


def _check(elf: str | None, image: str | None, board: str) -> None:
    """Raises InputError where what is to run is not there, or is none; nothing was written until then."""
    from sparsecomp.boards import load_board
    from sparsecomp.errors import InputError
    from sparsecomp_tools.flash.segments import fram_segments

    if elf is not None:
        fram_segments(elf, load_board(board))
    elif image is not None and (not Path(image).is_file() or Path(image).stat().st_size == 0):
        raise InputError(f"there is no FRAM image {Path(image).name}", "write one with `sparsecomp flash --image`")


def _run(elf: str | None, *, board: str, cycles: int | None, real_time: bool, **options: Any) -> Any:
    from sparsecomp_tools.virtual_board import VirtualBoard, run_elf

    if cycles is not None:
        return run_elf(board, elf, cycle_limit=cycles, **options)
    with VirtualBoard(board, elf, real_time=real_time, **options) as running:
        try:
            click.echo(f"serial port {running.port}; Ctrl-C ends", err=True)
            running.wait()
        except KeyboardInterrupt:
            pass
        return running.stop()


def _lines(result: Any) -> list[str]:
    out = [f"stopped: {result.stopped}{': ' if result.message else ''}{result.message}"]
    if result.serial:
        out += ["serial:", *(f"  {line}" for line in result.serial.decode("ascii", "replace").splitlines())]
    waits = f"{result.wait_cycles:,} of them waiting for FRAM"
    out.append(
        f"{result.cycles:,} cycles ({waits}), {result.instructions:,} instructions, {result.seconds:.3f} s (simulated)"
    )
    out.append(
        f"FRAM: {result.fram_reads:,} reads, {result.hit_ratio:.1%} from the cache; {result.fram_writes:,} writes"
    )
    parts = ", ".join(f"{name} {nj / 1000:,.1f}" for name, nj in result.ledger.items() if nj)
    out.append(f"energy: {result.energy_nj / 1000:,.1f} uJ ({parts})")
    out.append(f"{result.boots} starts, {result.power_failures} power failures, {result.resets} resets")
    return out

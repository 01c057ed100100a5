"""``sparsecomp boards``: which boards there are, and what is known of one."""

import dataclasses
from typing import Any

import click

from sparsecomp.board_energy import Figure
from sparsecomp.boards import Board, list_boards, load_board
from sparsecomp.cli import style
from sparsecomp.cli.command import GuardedCommand, GuardedGroup
from sparsecomp.cli.options import output_options


@click.group(cls=GuardedGroup)
def main() -> None:
    """List boards, or show one."""


@main.command("list", cls=GuardedCommand)
@output_options
def list_(as_json: bool) -> None:
    """List the boards that come with the package."""
    boards = [load_board(name) for name in list_boards()]
    if as_json:
        style.show_json({"report": "boards", "version": 1, "boards": [_facts(board) for board in boards]})
        return
    rows = [("board", "FRAM B", "SRAM B", "charge", "description")]
    for board in boards:
        ram = sum(region.size for region in board.regions if not region.nonvolatile)
        fram = sum(region.size for region in board.regions if region.nonvolatile)
        rows.append(
            (board.name, f"{fram:,}", f"{ram:,}" if ram else "", f"{board.charge_cycles:,} cycles", board.description)
        )
    style.show_lines(style.table(rows, frozenset({1, 2, 3})))


@main.command("show", cls=GuardedCommand)
@click.argument("board", metavar="NAME|FILE.toml")
@output_options
def show(board: str, as_json: bool) -> None:
    """Show one board: memory, energy, compiler, flash commands, serial line."""
    loaded = load_board(board)
    if as_json:
        style.show_json({"report": "board", "version": 1, **_facts(loaded)})
    else:
        style.show_lines(_lines(loaded))


def _facts(board: Board) -> dict[str, Any]:
    facts = dataclasses.asdict(board)
    facts["energy"]["charge_cycles"] = board.charge_cycles
    facts["energy"]["charge_joules"] = board.charge_joules
    return facts


def _lines(board: Board) -> list[str]:
    energy = board.energy
    lines = [f"{board.name}: {board.description}", ""]
    rows = [("memory", "from", "to", "bytes", "kind", "holds")]
    for region in board.regions:
        span = (f"{region.start:#08x}", f"{region.end - 1:#08x}", f"{region.size:,}")
        rows.append((region.name, *span, region.kind, ", ".join(region.uses)))
    for hole in board.reserved:
        span = (f"{hole.start:#08x}", f"{hole.start + hole.size - 1:#08x}", f"{hole.size:,}")
        rows.append((hole.name, *span, "reserved", ""))
    lines += [*style.table(rows, frozenset({3})), ""]
    waits = board.fram.wait_states
    lines.append(f"clock    {board.clock_hz / 1e6:g} MHz, {waits} FRAM wait state{'' if waits == 1 else 's'}")
    charge = f"{board.charge_cycles:,} cycles, {energy.boot_cycles:,} of them to wake up"
    if board.charge_joules is not None:
        volts = f"{energy.capacitor_uF:g} uF, {energy.v_on:g} to {energy.v_off:g} V"
        charge += f" ({volts}: {board.charge_joules * 1e6:.0f} uJ at {energy.nj_per_cycle:g} nJ a cycle)"
    lines.append(f"charge   {charge}")
    lines.append(f"         source: {energy.source}{_doubt(energy.recalled)}")
    lines += [
        f"         {figure.name} {_values(figure)}; {figure.source}{_doubt(figure.recalled)}"
        for figure in energy.figures
    ]
    lines.append(f"compiler {board.toolchain.prefix}gcc {' '.join(board.toolchain.cflags)}")
    for runner in board.flash:
        words = " ".join(_quote(word) for word in runner.command) or f"{runner.name} (built in)"
        lines.append(f"flash    {words}{_doubt(runner.recalled)}")
    if board.serial:
        line = board.serial
        lines.append(f"serial   {line.uart}, TX {line.tx}, RX {line.rx}, {line.baud} baud{_doubt(line.recalled)}")
    lines.append(f"file     {board.source}, sha256 {board.sha256}")
    return lines


def _values(figure: Figure) -> str:
    """Values of a figure with their unit, and the clocks that they hold at."""
    values = "/".join(f"{value:g}" for value in figure.values) + f" {figure.unit}"
    return f"{values} at {'/'.join(f'{mhz:g}' for mhz in figure.mhz)} MHz" if figure.mhz else values


def _quote(word: str) -> str:
    return f'"{word}"' if " " in word else word


def _doubt(recalled: bool) -> str:
    return " (recalled, not checked)" if recalled else ""

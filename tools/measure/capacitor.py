"""The smallest capacitor with which a firmware finishes an inference, by trying."""

from __future__ import annotations

import shutil
import struct
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from sparsecomp.boards import Board
from sparsecomp.errors import ToolError
from sparsecomp_tools.virtual_board import RunResult, Supply, run_elf

SMALLEST_UF, LARGEST_UF = 0.1, 100_000.0
PATIENCE = 20  # times the cycles of an uninterrupted inference


@dataclass(frozen=True)
class Finish:
    """One inference under a supply: virtual seconds, starts of the device, cycles; up to where the run was given
    up if it did not finish.
    """

    finished: bool
    seconds: float
    boots: int
    cycles: int


def finish(board: Board, image: Path, cursor: int, units: int, supply: Supply, cycles: int, seed: int = 1) -> Finish:
    """Runs the inference on the input that ``image`` holds under ``supply``, from a capacitor charged to v_on.

    ``cursor`` is the progress cursor's address, ``cycles`` what an uninterrupted inference takes. The image stays as
    it is.
    """
    with tempfile.TemporaryDirectory(prefix="sparsecomp-") as folder:
        copy = Path(folder) / "fram"
        shutil.copyfile(image, copy)
        _poke(copy, cursor, 1)  # what starting an inference writes
        result: RunResult = run_elf(
            board, None, image=copy, supply=supply, cycle_limit=PATIENCE * cycles, seed=seed, watch=cursor,
            stop_value=units + 1,
        )  # fmt: skip
        done = _peek(copy, cursor) == units + 1
    return Finish(done, result.seconds, result.boots, result.cycles)


def _poke(image: Path, address: int, value: int) -> None:
    with open(image, "r+b") as file:
        file.seek(address)
        file.write(struct.pack("<H", value))


def _peek(image: Path, address: int) -> int:
    with open(image, "rb") as file:
        file.seek(address)
        return struct.unpack("<H", file.read(2))[0]


def smallest_capacitor(
    board: Board, image: Path, cursor: int, units: int, supply: Supply, cycles: int
) -> tuple[float, Finish]:
    """The smallest capacitor in microfarads, to about 5 %, with which the inference ends, and how it ends then.

    Raises ToolError where the largest does not do.
    """

    def trial(uF: float) -> Finish:
        return finish(board, image, cursor, units, replace(supply, capacitor_uF=uF), cycles)

    low, high = SMALLEST_UF, supply.capacitor_uF
    best = trial(high)
    while not best.finished:
        if high >= LARGEST_UF:
            raise ToolError(f"{high:.0f} uF do not pay for one restart unit", "use a stronger source")
        low, high = high, high * 10
        best = trial(high)
    while high / low > 1.05:
        middle = (low * high) ** 0.5
        found = trial(middle)
        if found.finished:
            high, best = middle, found
        else:
            low = middle
    return high, best

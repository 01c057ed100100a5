"""Dense layers by the low-energy accelerator (firmware/kernels/msp430/mac_dense_lea.S): how many commands make a sum
that is provably exact, what fits its RAM, and estimated cycles.

The accelerator multiplies Q15 numbers, doubles, and holds its sum in 32 bits: half of its result is the integer sum as
long as every partial sum, in whatever order, stays within -2^30 to 2^30 - 1.

Cycles: those of the processor and the DMA are counted by instruction (SLAU445I, SLAU367); those of a command are
*fitted* to published measurements and an upper bound (tools/virtual_board/device/lea.c, lea_mac.c). Nothing was
measured on hardware.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sparsecomp.kernels import mac_cycles
from sparsecomp.program import Step, Stored

WALK = "mac_dense_lea"
EXACT = 2**30 - 1
FIXED_BYTES = 16  # parameter block and result
COMMAND_CYCLES, TAP_CYCLES = 244, 1.5  # fitted
WORD_CYCLES, MOVE_CYCLES, BLOCK_CYCLES, BLOCK_WORDS = 2, 31, 29, 256  # of the DMA, and around it
OUTPUT_CYCLES, FROM_RAM, FROM_FRAM = 52.5, 6, 15  # around a command; where the row of weights is
MANY_CYCLES, NEXT_COMMAND, LAST_COMMAND, NEXT_WINDOW = 56, 60, 5, 61.5  # where a sum takes several
PIXEL_CYCLES, POOL_ROW_CYCLES, WINDOW_CYCLES, ROW_CYCLES, RUN_CYCLES = 47, 30, 29, 16, 15  # of gathering inputs
SETUP_CYCLES, RESIDENT_CYCLES = 240, 18


@dataclass(frozen=True)
class Commands:
    """A window's sum takes ``commands``, each but the last of ``command_taps`` products; ``resident_rows`` of weights
    stay in the accelerator's RAM during a step.
    """

    commands: int
    command_taps: int
    resident_rows: int = 0


def even(taps: int) -> int:
    """A vector's length for the accelerator."""
    return taps + taps % 2


def commands_for(matrix: np.ndarray, low: float, high: float) -> Commands | None:
    """The fewest commands whose sums are exact for any input in [``low``, ``high``]; None where two taps already may
    leave the range. ``matrix`` is (filters, taps) of integers.
    """
    w = matrix.astype(np.float64)
    low, high = min(low, 0.0), max(high, 0.0)
    up, down = (np.where(w > 0, w * a, w * b) for a, b in ((high, low), (-low, -high)))
    length = even(w.shape[1])
    for count in range(1, length // 2 + 1):
        taps = even(math.ceil(length / count))
        starts = np.arange(0, w.shape[1], taps)
        if len(starts) == count and max(np.add.reduceat(part, starts, axis=1).max() for part in (up, down)) <= EXACT:
            return Commands(count, taps)
    return None


def rows_that_fit(step: Step, ram_bytes: int) -> int:
    """Rows of weights for which the accelerator's RAM has room besides the inputs, at most one more than the layer has:
    one is needed.
    """
    filters, taps = step.attrs["matrix"].shape
    row = 2 * even(taps)
    return min(filters + 1, (ram_bytes - FIXED_BYTES) // row - _windows(step))


def _windows(step: Step) -> int:
    rows, columns, _, _ = step.attrs.get("pool", (1, 1, 0, 0))
    return rows * columns


def _move(words: int) -> float:
    """One call of lea_move."""
    return MOVE_CYCLES + BLOCK_CYCLES * (-(-words // BLOCK_WORDS) - 1) + WORD_CYCLES * words


def _gather(step: Step) -> float:
    """A pixel's inputs."""
    rows, columns, length = step.attrs["runs"][:3]
    each = WINDOW_CYCLES + rows * (ROW_CYCLES + columns * (RUN_CYCLES + _move(length)))
    return PIXEL_CYCLES + step.attrs.get("pool", (1,))[0] * POOL_ROW_CYCLES + _windows(step) * each


def item_cycles(step: Step, out: Stored) -> float:
    """Mean cycles of an output. But for a pixel's last one, its scaling is hidden behind the next one's command."""
    lea: Commands = step.attrs["lea"]
    filters, taps = step.attrs["matrix"].shape
    windows = _windows(step)
    streamed = filters - lea.resident_rows
    rows = (lea.resident_rows * FROM_RAM + streamed * (FROM_FRAM + _move(taps))) / filters
    work = windows * (lea.commands * COMMAND_CYCLES + TAP_CYCLES * even(taps))
    cycles = OUTPUT_CYCLES + rows + work
    if windows * lea.commands > 1:
        more = (lea.commands - 1) * NEXT_COMMAND + (LAST_COMMAND if lea.commands > 1 else 0)
        cycles += MANY_CYCLES + windows * more + (windows - 1) * NEXT_WINDOW
    pixel = mac_cycles.NEXT_PIXEL + mac_cycles.NEXT_ROW / out.width + mac_cycles.FINISH[step.attrs["shift"]]
    return cycles + (pixel + _gather(step)) / filters


def setup_cycles(step: Step) -> int:
    """Of a walk's step besides its outputs, more than any walk has: resident rows are moved."""
    rows, taps = step.attrs["lea"].resident_rows, step.attrs["matrix"].shape[1]
    return math.ceil(SETUP_CYCLES + rows * (RESIDENT_CYCLES + _move(taps)))


def call_cycles(step: Step) -> int:
    """The same of a unit that begins inside a pixel: its inputs are gathered again."""
    return math.ceil(setup_cycles(step) + _gather(step))

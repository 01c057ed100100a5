"""Cycles of the multiply-accumulate walks (firmware/kernels/msp430), counted by instruction from the table of SLAU445I.

Without wait states the MSP430's time depends on nothing but the instructions, so the counts are exact but for what the
values decide: an element that is clamped to "high" takes 3 more, one that saturates about 10 more, and how often a
window of a pool beats those before it is taken as if all orders were equally likely.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sparsecomp.program import INT16, Stored

BLOCK, ENTRIES = 16, 8  # products and entries in a row
NEXT_PIXEL, NEXT_ROW, NEXT_GROUP, NEXT_CHANNEL = 94, 14, 59, 10
FINISH = {8: 70, 16: 55, 24: 57, 32: 44, 40: 46}  # by shift: from the sum to the next output
CLAMP = 5  # where "high" is less than saturation
POOL_WINDOW, POOL_UPDATE, POOL_BEGIN, POOL_END = 26, 6, 38, 16
POOL_BESIDE, POOL_BELOW, POOL_ROW = 26, 33, 6


def item_cycles(a: Mapping[str, Any], out: Stored) -> float:
    """Mean cycles of an output, the walk from pixel to pixel included; ``a`` are the attrs of kernels/mac.py."""
    rows, columns, _, _ = a.get("pool", (1, 1, 0, 0))
    window = _start(a) + _body(a)
    finish = FINISH[a["shift"]] + (CLAMP if a["high"] < INT16[1] else 0)
    cycles = window + finish
    if rows * columns > 1:
        updates = sum(1 / (i + 1) for i in range(rows * columns))
        between = rows * POOL_ROW + (rows - 1) * POOL_BELOW + rows * (columns - 1) * POOL_BESIDE
        cycles = rows * columns * (window + POOL_WINDOW) + updates * POOL_UPDATE + between
        cycles += POOL_BEGIN + POOL_END + finish
    groups = out.channels // a["group_size"]
    if a["group_size"] == 1:  # one segment: the body of a dense layer moves on by itself
        cycles += 0 if a["encoded"].kind == "dense" else NEXT_CHANNEL
        groups = 1
    return cycles + (NEXT_PIXEL + NEXT_ROW / out.width + (groups - 1) * NEXT_GROUP) / out.channels


def _start(a: Mapping[str, Any]) -> float:
    """From the bias to the first product."""
    bias, shift = a["bias"], a["bias_shift"]
    if bias is None:
        return 8
    if shift < 15:
        return 9 if bias.dtype.itemsize == 1 else 11
    return 24 + 5 * max(0, shift - 16)


def _body(a: Mapping[str, Any]) -> float:
    """The sum of one window."""
    encoded = a["encoded"]
    if encoded.kind == "dense":
        return _dense(*a["runs"][:3])
    if encoded.kind == "bitmap":
        return _bitmap(encoded.offsets, *a["runs"][:3])
    counts = encoded.rows.astype(float)
    entered = np.where(counts > 0, 13 + 11 * counts + 3 * np.ceil(counts / ENTRIES), 0)
    return 5 + (1 if encoded.kind == "delta8" else 0) + float(entered.mean())


def _dense(rows: int, columns: int, length: int) -> float:
    if columns == 1 and length <= BLOCK:
        return 9 + rows * (8 * length + 7)
    if (rows, columns, length) == (3, 3, 1):
        return 86
    if columns == 1:
        return 5 + rows * (14 + 8 * length + 3 * -(-length // BLOCK))
    return 5 + rows * (13 + columns * (17 + 8 * length + 3 * -(-length // BLOCK)))


def _bitmap(mask: np.ndarray, rows: int, columns: int, length: int) -> float:
    """Bytes that lie whole in a run are tested bit by bit in a row, the others tap by tap in a loop."""
    taps = rows * columns * length
    filters = len(mask) // -(-taps // 8)
    bits = np.unpackbits(mask.reshape(filters, -1), axis=1, bitorder="little", count=taps)
    cycles = 13.0 + rows * 16
    begun = 0  # taps of a byte that the run before left
    for run in range(rows * columns):
        part = bits[:, run * length : (run + 1) * length]
        first = min(begun, length)
        whole = (length - first) // 8
        single = np.concatenate([part[:, :first], part[:, first + 8 * whole :]], axis=1)
        sums = part[:, first : first + 8 * whole].reshape(filters, whole, 8).sum(axis=2)
        cycles += 21 + whole * 13 + float(np.where(sums > 0, 24 + 9 * sums, 0).sum(axis=1).mean())
        cycles += single.shape[1] * 11 + 8 * float(single.sum(axis=1).mean())
        begun = (begun - first) if length <= begun else (-(length - first)) % 8
    return cycles

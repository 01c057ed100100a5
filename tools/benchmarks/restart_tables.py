"""The constants of the restart benchmark's programs in C: a layer's weights in the order of tiles and passes."""

from __future__ import annotations

import numpy as np

from sparsecomp.c_text import number_rows
from sparsecomp.errors import InputError
from sparsecomp.kernels.mac import full_bias, pool
from sparsecomp.program import Program, Step

LIMIT = 65_535  # weights of a layer, which 16 bits count
SHORT = 4  # consecutive taps that are not worth a call


def weights_source(program: Program) -> str:
    """``restart_weights`` of restart.h, one a layer. Raises InputError for a layer that the programs do not do."""
    arrays, rows = [], []
    for step in program.steps:
        if step.kernel != "mac":
            rows.append("    {OTHER, 0U, 0U, 0U, 0U, 0U, 0U, 0U, 0, 0, 0, 0},")
            continue
        arrays += _arrays(step)
        name = step.name
        numbers = ", ".join(f"{n}U" for n in _geometry(program, step))
        tables = ", ".join(f"{name}_{part}" for part in ("weights", "offsets", "rows", "bias"))
        rows.append(f"    {{{kind(program, step)}, {numbers}, {tables}}},")
    table = "const weights_t restart_weights[] = {\n" + "\n".join(rows) + "\n};\n"
    return '#include "restart.h"\n\n' + "\n".join(arrays) + "\n" + table


def kinds_source(program: Program) -> str:
    """``restart_kinds`` of restart.h."""
    kinds = (kind(program, step) for step in program.steps)
    return f'#include "restart.h"\n\nconst uint16_t restart_kinds[] = {{{", ".join(kinds)}}};\n'


def kind(program: Program, step: Step) -> str:
    """What restart.h calls the layer."""
    if step.kernel != "mac":
        return "OTHER"
    out = program.tensors[step.output]
    is_line = out.height * out.width == 1 and pool(step)[:2] == (1, 1) and step.attrs["group_size"] == out.channels
    return ("DENSE" if step.attrs["encoded"].kind == "dense" else "SPARSE") + ("_LINE" if is_line else "_MAP")


def cells(program: Program) -> int:
    """The most sums that loop-ordered buffering keeps at once in a plane."""
    most = 1
    for step in program.steps:
        if step.kernel == "mac":
            _, filters, _, height, width, _, _ = _geometry(program, step)
            most = max(most, filters if kind(program, step).endswith("LINE") else height * width)
    return most


def _geometry(program: Program, step: Step) -> tuple[int, ...]:
    """height, filters, taps, and the cells: rows, columns, elements from row to row and from column to column."""
    a, out = step.attrs, program.tensors[step.output]
    down, beside, row_step, column_step = pool(step)
    steps = (row_step if down > 1 else a["row_step"], column_step if beside > 1 else a["column_step"])
    apart = (down * steps[0], beside * steps[1]) == (a["row_step"], a["column_step"])  # windows of pools do not overlap
    filters, taps = a["matrix"].shape
    kept = a["matrix"].size if a["encoded"].kind == "dense" else np.count_nonzero(a["matrix"])
    if not apart or a["group_size"] not in (1, filters) or a["matrix"].dtype != np.int8 or kept > LIMIT:
        raise InputError(f"the benchmark does not do layer '{step.name}'", "take a plainer network")
    return out.height, filters, taps, out.height * down, out.width * beside, *steps


def _arrays(step: Step) -> list[str]:
    matrix, offsets = step.attrs["matrix"], 2 * step.attrs["offsets"]
    if step.attrs["encoded"].kind == "dense":
        values, places = matrix.reshape(-1), offsets
        rows = np.arange(len(matrix) + 1) * matrix.shape[1]
    else:
        values, places = matrix[matrix != 0], np.broadcast_to(offsets, matrix.shape)[matrix != 0]
        rows = np.concatenate([[0], np.cumsum(np.count_nonzero(matrix, axis=1))])
    found = {
        "weights": ("int8_t", values),
        "offsets": ("uint16_t", places),
        "rows": ("uint16_t", rows),
        "bias": ("int32_t", full_bias(step).astype(np.int64)),
    }
    return [
        f"WEIGHTS(0) static const {ctype} {step.name}_{name}[{len(array)}] = {{\n{number_rows(array)}\n}};"
        for name, (ctype, array) in found.items()
    ]


def tiles_source(program: Program, tile: int) -> str:
    """``restart_tiles`` of tiled_products.c for at most ``tile`` products a task."""
    rows = ", ".join(f"{{{run}U, {size}U}}" for run, size in (run_and_tile(step, tile) for step in program.steps))
    text = "#include <stdint.h>\n\ntypedef struct {\n    uint16_t run;\n    uint16_t tile;\n} tile_t;\n\n"
    return f"{text}extern const tile_t restart_tiles[];\nconst tile_t restart_tiles[] = {{{rows}}};\n"


def run_and_tile(step: Step, tile: int) -> tuple[int, int]:
    """Products of a call, 0 where taps come one by one, and of a task: whole runs of consecutive taps, or a divisor of
    one, as the published tiles divide their loops.
    """
    length = step.attrs["runs"][2] if step.kernel == "mac" and step.attrs["encoded"].kind == "dense" else 0
    if length < SHORT:
        return 0, tile
    run = max(n for n in range(1, min(tile, length) + 1) if length % n == 0)
    return run, run * (tile // run if run == length else 1)

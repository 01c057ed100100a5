"""Smooth functions by a table with linear interpolation (lookup.c). attrs: ``function``, ``table`` (257,)."""

from __future__ import annotations

import numpy as np

from sparsecomp.kernels import Array, Memory, Names, Rendered, rows_cycles, surface
from sparsecomp.program import Step, Stored

FLOAT = {
    "sigmoid": lambda x: 1.0 / (1.0 + np.exp(-x.astype(np.float64))),
    "tanh": lambda x: np.tanh(x.astype(np.float64)),
    "hardswish": lambda x: x.astype(np.float64) * np.clip(x.astype(np.float64) + 3.0, 0.0, 6.0) / 6.0,
}


def reference(step: Step, memory: Memory) -> None:
    """Cell x >> 8 of the table, the rest linear, round half up."""
    x = memory.inside(step.inputs[0])
    if memory.is_float:
        memory.inside(step.output)[...] = FLOAT[step.attrs["function"]](x)
        return
    table = step.attrs["table"].astype(np.int64)
    shifted = x.astype(np.int64) + 32768
    cell, rest = shifted >> 8, shifted & 255
    memory.inside(step.output)[...] = table[cell] + (((table[cell + 1] - table[cell]) * rest + 128) >> 8)


def cycles(step: Step) -> float:
    """Portable C on the MSP430."""
    return 320


def walk_cycles(step: Step, out: Stored) -> float:
    """The assembly on the MSP430, an item."""
    return 47 + rows_cycles(out)


def render(step: Step, names: Names) -> Rendered:
    """The fields of ``lookup_t``: the table, or the function itself in a float model."""
    a = step.attrs
    source = names.tensor(step.inputs[0])
    fields = {
        "input": names.at(source.name, source.origin),
        "input_pitch": f"{source.pitch}U",
        "output": surface(names, names.tensor(step.output)),
    }
    if names.is_float:
        return Rendered("lookup", "lookup_t", fields | {"function": f"function_{a['function']}"})
    table = Array("int16_t", f"{step.name}_table", a["table"], a["function"])
    return Rendered("lookup", "lookup_t", fields | {"table": table.name}, (table,))

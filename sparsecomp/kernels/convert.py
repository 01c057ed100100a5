"""The input as it came over the wire to elements (convert.c).

attrs: ``port`` (input port), ``kind`` ('u8', 'i8', 'i16'), ``gain``, ``offset``, ``shift``, or ``table`` (256,);
``scale`` and ``zero`` for float models.
"""

from __future__ import annotations

import numpy as np

from sparsecomp.arithmetic import requantize
from sparsecomp.kernels import Array, Memory, Names, Rendered, number, rows_cycles, surface
from sparsecomp.program import Step, Stored

KINDS = {"u8": 0, "i8": 1, "i16": 2}
LARGEST = {"u8": 255, "i8": 128, "i16": 32768}


def reference(step: Step, memory: Memory) -> None:
    """``requantize(x * gain + offset, 1, shift)``, or the table at the byte."""
    a = step.attrs
    out = memory.inside(step.output)
    raw = memory.wire[a["port"]].reshape(out.shape).astype(np.int64)
    if a["table"] is not None:
        out[...] = a["table"][raw & 255]
    elif memory.is_float:
        out[...] = raw.astype(np.float32) * np.float32(a["scale"]) + np.float32(a["zero"])
    else:
        out[...] = requantize(raw * a["gain"] + a["offset"], 1, a["shift"])


def cycles(step: Step) -> float:
    """Portable C on the MSP430."""
    return 420


# By kind, as in convert.S.
TABLE_CYCLES = {"u8": 13, "i8": 13, "i16": 14}
LOAD_CYCLES = {"u8": 5, "i8": 6, "i16": 4}


def walk_cycles(step: Step, out: Stored) -> float:
    """The assembly on the MSP430, an item."""
    a = step.attrs
    if a["table"] is not None:
        return TABLE_CYCLES[a["kind"]] + rows_cycles(out)
    gain, offset, shift = a["gain"], a["offset"], a["shift"]
    if (a["kind"], gain, offset, shift) == ("i16", 256, 0, 8):
        return 9 + rows_cycles(out)
    most = abs(gain) * LARGEST[a["kind"]] + abs(offset) + (1 << shift - 1)
    if shift == 8 and most < 1 << 31:
        whole = (gain | offset) % 256 == 0 and most < 1 << 23
        work = 12 if whole else 26
    elif shift == 16 and most < 1 << 31:
        work = 16
    else:
        work = {8: 42, 16: 35, 24: 39}.get(shift, 30)
    return LOAD_CYCLES[a["kind"]] + work + rows_cycles(out)


def render(step: Step, names: Names) -> Rendered:
    """The fields of ``convert_t``."""
    a = step.attrs
    arrays = ()
    table = "NULL"
    if a["table"] is not None:
        ctype = "float" if names.is_float else "int16_t"
        arrays = (Array(ctype, f"{step.name}_table", a["table"], "element of each byte"),)
        table = arrays[0].name
    fields = {
        "input": names.wire(a["port"]),
        "output": surface(names, names.tensor(step.output)),
        "kind": f"{KINDS[a['kind']]}U",
        "gain": str(a["gain"]),
        "offset": f"INT32_C({a['offset']})",
        "shift": f"{a['shift']}U",
        "table": table,
    }
    if names.is_float:
        fields |= {"scale": number(a["scale"], True), "zero": number(a["zero"], True)}
    return Rendered("convert", "convert_t", fields, arrays)

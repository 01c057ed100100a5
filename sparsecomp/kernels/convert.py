"""The input as it came over the wire to elements (convert.c).

attrs: ``port`` (input port), ``kind`` ('u8', 'i8', 'i16'), ``gain``, ``offset``, ``shift``, or ``table`` (256,);
``scale`` and ``zero`` for float models.
"""

from __future__ import annotations

import numpy as np

from sparsecomp.arithmetic import requantize
from sparsecomp.kernels import Array, Memory, Names, Rendered, number, surface
from sparsecomp.program import Step

KINDS = {"u8": 0, "i8": 1, "i16": 2}


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

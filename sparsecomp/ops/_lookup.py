"""Smooth functions by a table of 257 values."""

from __future__ import annotations

import numpy as np

from sparsecomp.arithmetic import round_half_up
from sparsecomp.kernels.lookup import FLOAT


def lower_lookup(node, build):
    """Emits a lookup step for the operator's function over the whole range of its input."""
    source = build.read(node.inputs[0])
    out = build.output(node.output, build.fraction(node.output), layout=source.layout)
    table = None
    if not build.is_float:
        x = (np.arange(257) * 256 - 32768) * 2.0**-source.fraction
        y = round_half_up(FLOAT[node.op](x) * 2.0**out.fraction)
        table = np.clip(y, -32768, 32767).astype(np.int16)
    build.emit("lookup", "act", (source.name,), out.name, out.elements, node, {"function": node.op, "table": table})

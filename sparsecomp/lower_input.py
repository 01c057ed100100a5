"""The wire's bytes as the network's first tensors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sparsecomp.arithmetic import round_half_up
from sparsecomp.errors import ConversionError
from sparsecomp.graph import Node
from sparsecomp.lower import Builder, hwc
from sparsecomp.program import INT16, Port, Stored
from sparsecomp.wire import Wire


def lower_input(build: Builder, name: str, wire: Wire) -> Port:
    """The wire's bytes as a tensor: as they are, or converted by the first step."""
    shape = build.graph.shapes[name]
    count = math.prod(shape)
    fraction = build.fraction(name)
    height, width, channels = hwc(shape)
    if wire.dtype == "f32":
        on_device = wire if build.is_float else Wire("i16", 2.0**-fraction)
        halo = build.halo(name)
        raw = build.add(Stored(f"{name}_wire" if any(halo) else name, height, width, channels, fraction))
        build.origins[raw.name] = name
        if any(halo):
            padded = build.output(name, fraction)
            build.copy_box(raw, padded, Node("input", name, (), name), "input")
        return Port(name, shape, raw.name, on_device, 2 * count if build.is_float else count)
    words = -(-count // 2) if wire.dtype in ("u8", "i8") else count
    words += words % build.element_words  # the next input's elements stay aligned
    map_to_int = (0, 0, 8)
    if wire.table is None and not build.is_float:
        fraction, map_to_int = affine(wire, fraction)
    build.add(Stored(f"{name}_wire", height, width, channels, fraction))
    out = build.output(name, fraction)
    attrs: dict[str, Any] = {
        "port": name,
        "kind": wire.dtype,
        "table": None,
        "gain": 0,
        "offset": 0,
        "shift": 8,
        "scale": wire.scale,
        "zero": wire.offset,
    }
    if wire.table is not None:
        values = np.asarray(wire.table, np.float64)
        attrs["table"] = (
            values.astype(np.float32)
            if build.is_float
            else np.clip(round_half_up(values * 2.0**fraction), *INT16).astype(np.int16)
        )
    attrs |= dict(zip(("gain", "offset", "shift"), map_to_int, strict=True))
    build.emit("convert", "input", (f"{name}_wire",), out.name, out.elements, Node("input", name, (), name), attrs)
    return Port(name, shape, f"{name}_wire", wire, words)


def affine(wire: Wire, fraction: int) -> tuple[int, tuple[int, int, int]]:
    """(exponent, (gain, offset, shift)) with ``requantize(raw * gain + offset, 1, shift)`` the element of a raw value.

    The exponent is ``fraction``, or the next lower one at which the gain fits 16 bits and the sum 32.
    """
    largest = {"u8": 255, "i8": 128, "i16": 32768}[wire.dtype]
    for exponent in range(fraction, fraction - 40, -1):
        for shift in (40, 32, 24, 16, 8):
            gain = round_half_up(np.float64(wire.scale * 2.0 ** (exponent + shift)))
            offset = round_half_up(np.float64(wire.offset * 2.0 ** (exponent + shift)))
            if abs(gain) <= 32767 and abs(gain) * largest + abs(offset) < 2**31:
                return exponent, (int(gain), int(offset), shift)
    raise ConversionError(
        f"the input's scale {wire.scale} and offset {wire.offset} do not fit 16-bit arithmetic",
        "use a 256-entry table, or scale the data",
    )

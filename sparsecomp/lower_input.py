"""The wire's bytes as the network's first tensors."""

from __future__ import annotations

import math

import numpy as np

from sparsecomp.arithmetic import round_half_up
from sparsecomp.builder import Builder
from sparsecomp.errors import ConversionError
from sparsecomp.graph import Node
from sparsecomp.layout import hwc
from sparsecomp.program import INT16, Port, Stored
from sparsecomp.wire import Wire


def lower_input(build: Builder, name: str, wire: Wire) -> Port:
    """The wire's bytes as a tensor: as they are, or converted by the first step."""
    return (_as_elements if wire.dtype == "f32" else _converted)(build, name, wire)


def _as_elements(build: Builder, name: str, wire: Wire) -> Port:
    """A float input, which the host turns into elements; only a halo asks for a copy on the device."""
    shape, fraction = build.graph.shapes[name], build.fraction(name)
    padded = any(build.halo(name))
    raw = build.add(Stored(f"{name}_wire" if padded else name, *hwc(shape), fraction))
    build.origins[raw.name] = name
    if padded:
        build.copy_box(raw, build.output(name, fraction), Node("input", name, (), name), "input")
    on_device = wire if build.is_float else Wire("i16", 2.0**-fraction)
    return Port(name, shape, raw.name, on_device, math.prod(shape) * build.element_words)


def _converted(build: Builder, name: str, wire: Wire) -> Port:
    """Bytes or words, which a convert step turns into elements by a table or by gain and offset."""
    shape, fraction = build.graph.shapes[name], build.fraction(name)
    count = math.prod(shape)
    words = count if wire.dtype == "i16" else -(-count // 2)
    words += words % build.element_words  # the next input's elements stay aligned
    gain, offset, shift, table = 0, 0, 8, None
    if wire.table is not None:
        table = _table(wire.table, None if build.is_float else fraction)
    elif not build.is_float:
        fraction, (gain, offset, shift) = affine(wire, fraction)
    raw = build.add(Stored(f"{name}_wire", *hwc(shape), fraction))
    out = build.output(name, fraction)
    attrs = {
        "port": name,
        "kind": wire.dtype,
        "table": table,
        "gain": gain,
        "offset": offset,
        "shift": shift,
        "scale": wire.scale,
        "zero": wire.offset,
    }
    build.emit("convert", "input", (raw.name,), out.name, out.elements, Node("input", name, (), name), attrs)
    return Port(name, shape, raw.name, wire, words)


def _table(values: tuple[float, ...], fraction: int | None) -> np.ndarray:
    """The element of each byte: int16 at the exponent ``fraction``, float32 where that is None."""
    if fraction is None:
        return np.asarray(values, np.float32)
    return np.clip(round_half_up(np.asarray(values, np.float64) * 2.0**fraction), *INT16).astype(np.int16)


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

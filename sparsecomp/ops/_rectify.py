"""Rectifiers on their own: what was not fused into the operator before."""

from __future__ import annotations


def lower_rectify(node, build, slope, low, high, fraction=None):
    """Emits a rectify step: negative values times ``slope``, then clipped to [low, high] in real values."""
    source = build.read(node.inputs[0])
    fraction = source.fraction if fraction is None else min(fraction, source.fraction + 6)
    out = build.output(node.output, fraction, low, high, layout=source.layout)
    factor = 2.0 ** (fraction - source.fraction)
    gain, shift = build.gain(factor)
    # A shift of its own gives a small slope as many bits as the other side has.
    negative, shift_negative = build.gain(factor * slope)
    attrs = {
        "gain": gain,
        "shift": shift,
        "gain_negative": negative,
        "shift_negative": shift_negative,
        "slope": slope,
        "low": out.low,
        "high": out.high,
    }
    build.emit("rectify", "act", (source.name,), out.name, out.elements, node, attrs)

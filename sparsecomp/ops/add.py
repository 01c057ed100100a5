"""Sum of two tensors of one shape (a residual connection)."""

from sparsecomp.arithmetic import round_half_up, widest_shift
from sparsecomp.errors import ConversionError

ATTRS = ()


def shape(node, shapes, params):
    if len(shapes) != 2 or shapes[0] != shapes[1]:
        raise ConversionError(
            f"{node.describe()} adds shapes {', '.join(map(str, shapes))}",
            "only tensors of the same shape can be added",
        )
    return shapes[0]


def run(node, inputs, params):
    return inputs[0] + inputs[1]


def lower(node, build):
    """An add step that brings both inputs to the output's exponent."""
    a, b = (build.canonical(name, node) for name in node.inputs)
    name, low, high = build.target(node)
    fraction = min(build.fraction(name), min(a.fraction, b.fraction) + 6)
    out = build.output(name, fraction, low, high)
    factors = [2.0 ** (fraction - x.fraction) for x in (a, b)]
    shift = widest_shift(max(factors))
    gains = [int(round_half_up(f * 2.0**shift)) for f in factors]
    attrs = {"gain_a": gains[0], "gain_b": gains[1], "shift": shift, "low": out.low, "high": out.high}
    build.emit("add", "add", (a.name, b.name), out.name, out.elements, node, attrs)

"""What convolution, linear and the unfolded batch-norm share: filters to integers, encoding, one mac step."""

from __future__ import annotations

import numpy as np

from sparsecomp.encodings import candidates, encode
from sparsecomp.filters import quantize_filters
from sparsecomp.kernels import mac_cycles


def lower_mac(node, build, source, matrix, bias, geometry, prefix, bits=None):
    """Emits the mac step of ``matrix`` (filters, taps) and ``bias`` in float, reading ``source`` by ``geometry``."""
    name, low, high = build.target(node)
    fraction = build.fraction(name)
    if build.is_float:
        values = {"matrix": matrix.astype(np.float32), "bias_shift": 0, "multiplier": np.zeros(1, np.int64), "shift": 8}
        values["bias"] = None if bias is None or not bias.any() else bias.astype(np.float32)
    else:
        filters = quantize_filters(
            matrix,
            bias,
            bits=bits or build.options.weight_bits,
            low=source.low,
            high=source.high,
            fraction_in=source.fraction,
            fraction_out=fraction,
            name=node.name,
            narrow=build.options.narrow and not bits,
        )
        fraction = filters.fraction
        build.notes += filters.notes
        values = {key: getattr(filters, key) for key in ("matrix", "bias", "bias_shift", "multiplier", "shift")}
    out = build.output(name, fraction, low, high)
    choice = "dense" if bits else build.options.encoding
    attrs = {**values, **geometry, "low": out.low, "high": out.high}
    attrs["encoded"] = _encoded(attrs, out, choice)
    build.emit("mac", prefix, (source.name,), out.name, out.elements, node, attrs)


def _encoded(attrs, out, choice):
    """The smallest encoding that is allowed, or ('fast') the one that the MSP430 is done with first."""
    if choice != "fast":
        return encode(attrs["matrix"], attrs["offsets"], choice)
    found = candidates(attrs["matrix"], attrs["offsets"], choice)
    return min(found, key=lambda e: (mac_cycles.item_cycles({**attrs, "encoded": e}, out), e.nbytes))

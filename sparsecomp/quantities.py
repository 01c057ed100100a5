"""Capacities and powers as people write them: ``100uF``, ``1.2 mW``."""

import math
import re

from sparsecomp.errors import InputError

_PREFIXES = {"p": 1e-6, "n": 1e-3, "u": 1.0, "µ": 1.0, "μ": 1.0, "m": 1e3, "": 1e6}


def microfarads(text: str) -> float:
    """``100uF``, ``1 mF`` or ``0.22F`` in microfarads. Raises InputError."""
    return _quantity(text, "F", "100uF")


def microwatts(text: str) -> float:
    """``500uW`` or ``1.2mW`` in microwatts. Raises InputError."""
    return _quantity(text, "W", "500uW")


def _quantity(text: str, unit: str, example: str) -> float:
    match = re.fullmatch(rf"\s*([0-9.]+(?:e[+-]?\d+)?)\s*([pnuµμm]?){unit}\s*", text, re.IGNORECASE)
    try:
        value = float(match[1]) if match else math.nan
    except ValueError:
        value = math.nan
    if not match or not math.isfinite(value):
        raise InputError(f"'{text}' is no quantity in {unit}", f"write it as {example}")
    return value * _PREFIXES[match[2].lower()]

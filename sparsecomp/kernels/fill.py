"""The cells around a tensor set to one value (fill.c). An item is one stored row.

attrs: ``value``, ``whole`` (True: the cells inside as well, for a tensor that is then partly overwritten), ``pitch``.
"""

from __future__ import annotations

import numpy as np

from sparsecomp.kernels import Memory, Names, Rendered, number
from sparsecomp.program import Step, Stored


def border(tensor: Stored) -> np.ndarray:
    """(stored rows, pitch) mask of the cells outside the tensor."""
    mask = np.ones((tensor.stored_height, tensor.pitch), bool)
    left = tensor.halo[1] * tensor.channels
    mask[tensor.halo[0] : tensor.halo[0] + tensor.height, left : left + tensor.width * tensor.channels] = False
    return mask


def covered(step: Step, tensor: Stored) -> np.ndarray:
    """(stored rows, pitch) mask of the cells that the step writes."""
    return border(tensor) | step.attrs["whole"]


def written(step: Step, tensor: Stored) -> np.ndarray:
    """Stored elements that the step writes."""
    return np.flatnonzero(covered(step, tensor))


def reference(step: Step, memory: Memory) -> None:
    """Every covered cell gets the value."""
    memory.grid(step.output)[:, covered(step, memory.program.tensors[step.output])] = step.attrs["value"]


def cycles(step: Step) -> float:
    """Portable C on the MSP430, a whole row."""
    return 60 + 25 * step.attrs["pitch"]


BLOCK, PASS_CYCLES = 16, 6  # words stored in a row


def walk_cycles(step: Step, out: Stored) -> float:
    """The assembly on the MSP430, a row: the mean of those filled whole and those filled at both ends."""

    def words(count: int) -> int:
        return 3 * count + PASS_CYCLES * max(1, -(-count // BLOCK))

    whole = 5 + words(out.pitch)
    if step.attrs["whole"]:
        return whole
    left = out.halo[1] * out.channels
    ends = 7 + words(left) + words(out.halo[3] * out.channels)
    return (ends * out.height + whole * (out.stored_height - out.height)) / out.stored_height


def render(step: Step, names: Names) -> Rendered:
    """The fields of ``fill_t``; a height of 0 leaves no row that has an inside."""
    tensor = names.tensor(step.output)
    fields = {
        "stored": names.at(tensor.name, 0),
        "pitch": f"{tensor.pitch}U",
        "top": f"{tensor.halo[0]}U",
        "height": f"{0 if step.attrs['whole'] else tensor.height}U",
        "left": f"{tensor.halo[1] * tensor.channels}U",
        "inside": f"{tensor.width * tensor.channels}U",
        "value": number(step.attrs["value"], names.is_float),
    }
    return Rendered("fill", "fill_t", fields)

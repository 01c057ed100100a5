"""The integer executor: the specification of every result. Host C, MSP430 code and boards equal it bit for bit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sparsecomp.arithmetic import round_half_up
from sparsecomp.errors import InputError
from sparsecomp.kernels import Memory, kernel
from sparsecomp.layout import storage_order
from sparsecomp.program import Port, Program
from sparsecomp.wire import Wire

BATCH = 64


def to_wire(port: Port, wire: Wire, samples: np.ndarray) -> np.ndarray:
    """Samples (N, *shape), raw in the user's ``wire`` type, as the device receives them: (N, elements), HWC order.

    A float input travels as int16 at the exponent of the input tensor, rounded half up and saturated.
    """
    order = storage_order(port.shape)
    if samples.shape[1:] != port.shape:
        raise InputError(
            f"input '{port.name}' has samples of shape {samples.shape[1:]}, the network reads {port.shape}",
            f"reshape the data to (N, {', '.join(map(str, port.shape))})",
        )
    flat = np.ascontiguousarray(samples).reshape(len(samples), -1)[:, order]
    if wire.dtype != "f32" or port.wire.dtype == "f32":
        return flat.astype(port.wire.numpy_dtype)
    values = wire.to_float(flat.astype(np.float32)).astype(np.float64)
    return np.clip(round_half_up(values / port.wire.scale), -32768, 32767).astype(np.int16)


def wire_words(program: Program, wire: Sequence[np.ndarray]) -> np.ndarray:
    """The words that are delivered, (N, words of all inputs): bytes in pairs, little-endian."""
    parts = []
    for port, values in zip(program.inputs, wire, strict=True):
        raw = np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)
        short = port.words * 2 - raw.shape[1]
        parts.append(np.pad(raw, ((0, 0), (0, short))))
    return np.ascontiguousarray(np.concatenate(parts, axis=1)).view("<i2")


def execute(program: Program, wire: Sequence[np.ndarray], seed: int = 0, watch=None) -> Memory:
    """Runs one batch. ``wire`` holds (N, elements) an input, as from to_wire.

    ``watch(index, step, memory)`` is called after each step. Memory starts as random words: a result that depends on a
    cell nobody wrote differs from seed to seed.
    """
    memory = Memory(program, len(wire[0]), seed)
    for port, values in zip(program.inputs, wire, strict=True):
        memory.wire[port.name] = values
        if port.wire.dtype in ("i16", "f32"):
            memory.stored(port.tensor)[...] = values
    for index, step in enumerate(program.steps):
        kernel(step.kernel).reference(step, memory)
        if watch:
            watch(index, step, memory)
    return memory


@dataclass(frozen=True)
class Answers:
    """Outputs of a run: ``elements`` (N, elements) an output as they lie in memory, ``values`` (N, *shape) in torch's
    order and real units.
    """

    elements: tuple[np.ndarray, ...]
    values: tuple[np.ndarray, ...]

    def words(self, index: int) -> list[np.ndarray]:
        """The 16-bit words of answer ``index``, one array an output."""
        return [np.ascontiguousarray(e[index]).view("<i2") for e in self.elements]


def to_values(program: Program, elements: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Elements in memory order (N, elements) as real values (N, *shape) in torch's order."""
    values = []
    for port, stored in zip(program.outputs, elements, strict=True):
        flat = np.empty((len(stored), math.prod(port.shape)), np.float64)
        flat[:, storage_order(port.shape)] = stored
        values.append((flat * program.scale(port.tensor)).reshape(len(stored), *port.shape))
    return tuple(values)


def run(program: Program, wire: Sequence[np.ndarray]) -> Answers:
    """Outputs for any number of samples, in batches."""
    parts: list[list[np.ndarray]] = [[] for _ in program.outputs]
    for i in range(0, len(wire[0]), BATCH):
        memory = execute(program, [w[i : i + BATCH] for w in wire])
        for part, port in zip(parts, program.outputs, strict=True):
            part.append(memory.stored(port.tensor).copy())
    elements = tuple(np.concatenate(part) if part else np.zeros((0, 0), np.int16) for part in parts)
    return Answers(elements, to_values(program, elements))


def exit_elements(program: Program, wire: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Scores (N, classes) of every exit as they lie in memory, whether the policy takes it or not."""
    parts: list[list[np.ndarray]] = [[] for _ in program.exits]
    for i in range(0, len(wire[0]), BATCH):
        memory = execute(program, [w[i : i + BATCH] for w in wire])
        for part, leaving in zip(parts, program.exits, strict=True):
            part.append(memory.inside(leaving.tensor).reshape(memory.batch, -1).copy())
    return tuple(np.concatenate(part) for part in parts)


def exit_scores(program: Program, wire: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """The same in real values."""
    elements = exit_elements(program, wire)
    return tuple(e * program.scale(leaving.tensor) for e, leaving in zip(elements, program.exits, strict=True))

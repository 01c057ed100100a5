"""Holds the levels against each other: float and integer reference by quality, reference and host C bit by bit."""

from __future__ import annotations

import math
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparsecomp.errors import MismatchError, ToolError
from sparsecomp.graph import Graph
from sparsecomp.kernels import Memory, written
from sparsecomp.layout import storage_order
from sparsecomp.ops import run_float
from sparsecomp.program import Program, Step
from sparsecomp.quantize import sqnr_db
from sparsecomp.reference import Answers, execute, wire_words

LAYER_SAMPLES = 32


@dataclass(frozen=True)
class LayerError:
    """How far a layer's integers are from the float network's values, over a few samples."""

    sqnr_db: float
    max_error: float


def layer_errors(
    graph: Graph, program: Program, wire: Sequence[np.ndarray], real: Sequence[np.ndarray]
) -> tuple[LayerError | None, ...]:
    """One entry a step; None where a step writes only a part of its tensor. ``real`` are the float inputs."""
    count = min(LAYER_SAMPLES, len(wire[0]))
    floats = run_float(graph, [x[:count] for x in real])
    computing = (s for s in program.steps if s.kernel != "fill" or s.attrs["whole"])
    last = {program.base(step.output): step.name for step in computing}
    errors: list[LayerError | None] = []

    def watch(index: int, step: Step, memory: Memory) -> None:
        name = program.base(step.output)
        origin = program.origins.get(name)
        if origin is None or last[name] != step.name:
            errors.append(None)
            return
        expected = _stored_order(floats[origin], program, name)
        values = memory.inside(name).reshape(count, -1).astype(np.float64) * program.scale(name)
        errors.append(LayerError(sqnr_db(expected, values), float(np.abs(values - expected).max())))

    execute(program, [w[:count] for w in wire], watch=watch)
    return tuple(errors)


def _stored_order(values: np.ndarray, program: Program, name: str) -> np.ndarray:
    """Float values (N, *shape) as (N, elements) in the order of the stored tensor."""
    layout = program.tensors[name].layout
    flat = values.reshape(len(values), -1)
    return flat[:, storage_order(layout or values.shape[1:])].astype(np.float64)


def run_device(copy: Path, program: Program, wire: Sequence[np.ndarray], dump: Path | None = None) -> list[bytes]:
    """Answers of the built host device, one byte string an input: every output's words in order."""
    words = wire_words(program, wire)
    with tempfile.TemporaryDirectory() as folder:
        inputs, answers, fram = (Path(folder) / name for name in ("inputs", "answers", "fram"))
        inputs.write_bytes(words.tobytes())
        command = [str(copy / "build" / "device"), str(fram), str(inputs), str(answers)]
        done = subprocess.run([*command, *(["--dump", str(dump)] if dump else [])], capture_output=True, text=True)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines()
            raise ToolError(f"the host process ended with {done.returncode}: {lines[-1] if lines else 'no message'}")
        data = answers.read_bytes()
    size = len(data) // len(words)
    return [data[i * size + 4 : (i + 1) * size] for i in range(len(words))]


def compare_layers(copy: Path, program: Program, wire: Sequence[np.ndarray]) -> int:
    """Every layer of the first sample, host C against reference; the number of elements compared.

    Raises MismatchError naming the first layer and element that differ.
    """
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / "dump"
        run_device(copy, program, [w[:1] for w in wire], dump)
        found = parse_dump(dump.read_bytes(), len(program.steps), leaves=bool(program.exits))
    return check_layers(program, wire, found, "host C")


def parse_dump(data: bytes, count: int, *, leaves: bool = False) -> list[np.ndarray]:
    """Words of each layer from records of (layer, words) and the words themselves, all little-endian uint16. Where the
    inference ``leaves`` at an exit, the layers behind it have none.
    """
    words = np.frombuffer(data, "<i2")
    layers: list[np.ndarray] = []
    at = 0
    for index in range(count):
        header = words[at : at + 2].astype(np.uint16)
        if leaves and layers and (len(header) < 2 or header[0] != index):
            break
        if len(header) < 2 or header[0] != index:
            raise MismatchError(f"the dump of layers breaks off at layer {index}", "the build does not match the plan")
        layers.append(words[at + 2 : at + 2 + int(header[1])])
        at += 2 + int(header[1])
    return layers


def check_layers(program: Program, wire: Sequence[np.ndarray], found: Sequence[np.ndarray], level: str) -> int:
    """Compares dumped layers of the first sample with the reference, in the elements that each has written: others of
    its map may have given way to later ones, or come later themselves.
    """
    compared, size = 0, program.element_words

    def watch(index: int, step: Step, memory: Memory) -> None:
        nonlocal compared
        if index >= len(found) or step.kernel == "exit":  # which writes where the inference ends, if it does
            return
        cells = written(step, program.tensors[step.output])
        words = np.sort((size * cells[:, None] + np.arange(size)).reshape(-1))
        expected = np.ascontiguousarray(memory.stored(step.output)[0]).view("<i2")
        same = expected.size == found[index].size
        differing = words[expected[words] != found[index][words]] if same else words
        if differing.size:
            at = int(differing[0])
            value = int(found[index][at]) if at < found[index].size else "nothing"
            raise MismatchError(
                f"{level} differs from the reference first in layer {index} '{step.name}' ({step.source}) "
                f"at element {at}: {value} instead of {int(expected[at])}",
                "this is a defect of sparsecomp: please report the model",
            )
        compared += words.size

    execute(program, [w[:1] for w in wire], watch=watch)
    return compared


def compare_answers(
    copy: Path, program: Program, wire: Sequence[np.ndarray], answers: Answers, first: int = 0
) -> list[bytes]:
    """Answers of the built host device, each held against the reference's bit by bit.

    ``first`` is the number of the first sample, for messages. Raises MismatchError, naming the first layer and element
    that differ where that sample alone shows it.
    """
    found = run_device(copy, program, wire)
    for index, data in enumerate(found):
        expected = b"".join(w.tobytes() for w in answers.words(index))
        if data != expected:
            compare_layers(copy, program, [w[index : index + 1] for w in wire])
            raise MismatchError(
                f"host C answers sample {first + index} differently from the reference, but only after those before it",
                "this is a defect of sparsecomp: please report the model",
            )
    return found


def decode_answers(program: Program, found: Sequence[bytes]) -> tuple[np.ndarray, ...]:
    """Answers of a device as element arrays (N, elements), one an output."""
    dtype = "<f4" if program.is_float else "<i2"
    table = np.stack([np.frombuffer(data, dtype) for data in found])
    sizes = [math.prod(port.shape) for port in program.outputs]
    return tuple(np.split(table, np.cumsum(sizes)[:-1], axis=1))

"""Runs ELF files in GDB's MSP430 simulator and reads what they write."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparsecomp.errors import InputError, ToolError
from sparsecomp.program import Program
from sparsecomp_tools.msim.building import FLOAT_FLAGS, compile_project, tool

TIMEOUT = 600  # seconds; the simulator runs some 13 million instructions a second
REASONS = {
    3: "the runtime refused an input while it was idle",
    4: "an input is shorter than the model's",
    5: "the simulator takes no output",
}  # exit codes of msim_main.c


@dataclass(frozen=True)
class Inference:
    """The words of one inference: ``layers[i]`` is the tensor that step i writes, whole and with its halo, as it was
    when the step was complete; ``outputs`` the answer. All int16.
    """

    layers: tuple[np.ndarray, ...]
    outputs: tuple[np.ndarray, ...]


def run_elf(elf: Path, data: bytes = b"", *, timeout: float = TIMEOUT) -> bytes:
    """What a program writes when it reads ``data``. Raises ToolError where it does not end with 0 in ``timeout`` s."""
    try:
        done = subprocess.run([tool("run"), str(elf)], input=data, capture_output=True, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"the simulated program did not end within {timeout:g} s", "use a smaller model") from error
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        reason = REASONS.get(done.returncode, lines[-1] if lines else "no message")
        raise ToolError(f"the simulated program ended with {done.returncode}: {reason}")
    return done.stdout


def run_msim(
    directory: Path | str,
    program: Program,
    inputs: Sequence[np.ndarray],
    *,
    model: str = "large",
    timeout: float = TIMEOUT,
) -> list[Inference]:
    """Compiles a generated directory for the memory model 'small' or 'large' and answers ``inputs`` one by one.

    An input is an array of int16 words as they are delivered (``reference.wire_words``). Raises ToolError where
    toolchain or simulator are missing or fail, InputError where an input has another length than the first.
    """
    words = [np.ascontiguousarray(one, "<i2").reshape(-1) for one in inputs]
    if not words or any(one.size != words[0].size for one in words):
        raise InputError("the inputs are not equally long, or there are none", "give one array of words an inference")
    flags = FLOAT_FLAGS if program.is_float else ()
    with tempfile.TemporaryDirectory(prefix="sparsecomp-msim-") as folder:
        elf = compile_project(directory, Path(folder) / "model.elf", model=model, flags=flags)
        data = run_elf(elf, b"".join(one.tobytes() for one in words), timeout=timeout)
    return parse(data, len(program.steps), len(program.outputs), len(words))


def parse(data: bytes, layers: int, outputs: int, inferences: int) -> list[Inference]:
    """Records as msim_main.c writes them. Raises ToolError where they are not those of these inferences."""
    words = np.frombuffer(data[: len(data) // 2 * 2], "<i2")
    found, at = [], 0
    for index in range(inferences):
        records = []
        for number in range(layers + outputs):
            head = words[at : at + 2].astype(np.uint16)
            body = words[at + 2 : at + 2 + int(head[1])] if len(head) == 2 else words[:0]
            if len(head) < 2 or head[0] != number or body.size != head[1]:
                raise ToolError(
                    f"the simulated program's output breaks off in inference {index}, record {number}",
                    "the directory does not belong to this program",
                )
            records.append(body)
            at += 2 + body.size
        found.append(Inference(tuple(records[:layers]), tuple(records[layers:])))
    if at != words.size or len(data) % 2:
        raise ToolError("the simulated program wrote more than its layers", "the directory is another program's")
    return found

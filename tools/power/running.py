"""What a run of the harness needs and gives: words in files, one line of JSON back."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sparsecomp.errors import InputError, MismatchError, SparseCompError, ToolError

PATIENCE_SECONDS = 3600.0

Words = Any  # an int16 or float32 array of any shape, or bytes


def to_bytes(words: Words) -> bytes:
    """The words as they lie in memory. Raises InputError for anything but 16-bit or 32-bit elements."""
    if isinstance(words, (bytes, bytearray, memoryview)):
        content = bytes(words)
    else:
        array = np.ascontiguousarray(words)
        if array.dtype.str[1:] not in ("i2", "u2", "f4"):
            raise InputError(f"words are int16 or float32, not {array.dtype}", "convert the array first")
        content = array.tobytes()
    if len(content) % 2:
        raise InputError(f"{len(content)} bytes are no 16-bit words", "pad the last word")
    return content


def write_stream(
    folder: Path, inputs: Sequence[Words], expected: Sequence[Sequence[Words]]
) -> tuple[Path, Path, list[bytes]]:
    """Both files of a stream, and each answer's bytes. Where several answers are right, those of an input come one
    after the other, as many for each. Raises InputError where the lengths disagree or are 0.
    """
    if not inputs or len(inputs) != len(expected):
        raise InputError(f"{len(inputs)} inputs and {len(expected)} answers", "give one answer for each input")
    answers = [b"".join(to_bytes(output) for output in outputs) for outputs in expected]
    (folder / "inputs").write_bytes(b"".join(to_bytes(words) for words in inputs))
    (folder / "expected").write_bytes(b"".join(answers))
    return folder / "inputs", folder / "expected", answers


def failure(code: int, stderr: str, what: str) -> SparseCompError:
    """The exception for a process of ours that ended with ``code``."""
    line = (stderr.strip().splitlines() or [f"{what} ended with code {code}"])[-1].removeprefix("error: ")
    if code == MismatchError.exit_code:
        return MismatchError(line, "the runtime or the port is at fault")
    if code == InputError.exit_code:
        return InputError(line, "check that the data belong to this model")
    return ToolError(f"{what}: {line}", "see the message")


def run_harness(program: Path, mode: str, files: tuple[Path, Path], seed: int, number: int) -> dict[str, Any]:
    """The result of one run. Raises what the harness reports, by its exit code."""
    command = [str(program), mode, *map(str, files), str(seed), str(number)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise ToolError("the power-failure harness does not end", "explore fewer states, or fewer failures") from error
    if done.returncode != 0:
        raise failure(done.returncode, done.stderr, "the power-failure harness")
    return json.loads(done.stdout)

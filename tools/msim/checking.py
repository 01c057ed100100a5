"""MSP430 code against the reference, layer by layer and bit by bit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sparsecomp.errors import MismatchError
from sparsecomp.program import Program
from sparsecomp.reference import run, wire_words
from sparsecomp.validate import check_layers
from sparsecomp_tools.msim.running import TIMEOUT, Inference, run_msim


def compare(program: Program, wire: Sequence[np.ndarray], found: Sequence[Inference], level: str) -> int:
    """Every layer and output of every inference against the reference; the number of words compared.

    A tensor is compared where its last step has written it, halo included. ``wire`` as from ``reference.to_wire``:
    (N, elements) an input. Raises MismatchError naming the first differing layer and element of ``level``.
    """
    answers = run(program, wire)
    compared = 0
    for index, inference in enumerate(found):
        compared += check_layers(program, [w[index : index + 1] for w in wire], inference.layers, level)
        for port, expected, words in zip(program.outputs, answers.words(index), inference.outputs, strict=True):
            if not np.array_equal(expected, words):
                raise MismatchError(
                    f"{level} answers sample {index} differently from the reference in '{port.name}'",
                    "this is a defect of sparsecomp: please report the model",
                )
            compared += words.size
    return compared


def check_msim(
    directory: Path | str,
    program: Program,
    wire: Sequence[np.ndarray],
    *,
    model: str = "large",
    timeout: float = TIMEOUT,
) -> int:
    """Runs ``wire`` in the simulator and compares everything; the number of words compared.

    Raises what ``run_msim`` and ``compare`` raise.
    """
    found = run_msim(directory, program, list(wire_words(program, wire)), model=model, timeout=timeout)
    return compare(program, wire, found, f"MSP430 code ({model} model)")

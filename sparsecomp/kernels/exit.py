"""An early exit (exit.c): whether the inference ends here and, if it does, its answer.

attrs: ``number`` (from 0, the last one is the whole network). The step writes the answer, a copy of the scores that it
reads, and behind it (``Step.more``) the number of the exit; where the inference goes on it writes nothing.
"""

from __future__ import annotations

from sparsecomp.exits import leaves
from sparsecomp.kernels import Memory, Names, Rendered
from sparsecomp.program import Step


def reference(step: Step, memory: Memory) -> None:
    """Samples that leave here keep this answer, whatever later exits would say."""
    scores = memory.inside(step.inputs[0]).reshape(memory.batch, -1)
    number = step.attrs["number"]
    leaving = leaves(memory.program.policy, number, scores) & ~memory.left
    memory.stored(step.output)[leaving] = scores[leaving]
    memory.stored(step.more[0])[leaving] = number
    memory.left |= leaving


def cycles(step: Step) -> float:
    """C on the MSP430: two scores compared, one copied a class; perhaps a reading of the supply."""
    return 1300 + 45 * step.attrs["classes"]


def render(step: Step, names: Names) -> Rendered:
    """The fields of ``exit_t``."""
    a, scores = step.attrs, names.tensor(step.inputs[0])
    fields = {
        "scores": names.at(scores.name, 0),
        "answer": names.at(step.output, 0),
        "exit": names.at(step.more[0], 0),
        "classes": f"{a['classes']}U",
        "number": f"{a['number']}U",
    }
    return Rendered("exit", "exit_t", fields)

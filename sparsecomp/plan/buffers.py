"""Which tensors need bytes of their own, and from which step to which."""

from __future__ import annotations

from sparsecomp.plan import Buffer
from sparsecomp.program import Program

DELIVERY = -1  # the step before the first: when the input arrives
RECEIVED = "(input)"  # the buffer of the received record, where it lies in an arena


def live_buffers(program: Program, volatile_input: bool = False) -> tuple[tuple[Buffer, ...], dict[str, int], int]:
    """Buffers of the arena, word offset of each input in the received record, and the record's words.

    The received input lies outside the arena and stays; with ``volatile_input`` its tensors are buffers like others,
    alive from delivery to their last reader.
    """
    end = len(program.steps)
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for index, step in enumerate(program.steps):
        for name in step.inputs:
            last[program.base(name)] = index
        for name in step.outputs:
            out = program.base(name)
            first.setdefault(out, index)
            last[out] = max(last.get(out, index), index)
    # An exit's scores are the best answer there is until a later one's are complete.
    for name in (*(port.tensor for port in program.outputs), *(e.tensor for e in program.exits)):
        last[program.base(name)] = end
    offsets, words = {}, 0
    for port in program.inputs:
        offsets[port.name] = words
        words += port.words
    inputs = {port.tensor for port in program.inputs}
    buffers = [
        Buffer(name, program.tensors[name].stored * program.element_words, first[name], last[name])
        for name in first
        if name not in inputs
    ]
    if volatile_input:
        stop = max(last.get(port.tensor, DELIVERY) for port in program.inputs)
        buffers.append(Buffer(RECEIVED, words, DELIVERY, stop))
    return tuple(buffers), offsets, words


def live_words(buffers: tuple[Buffer, ...]) -> tuple[int, int]:
    """The largest number of words alive at once, and the step at which that is."""
    times = sorted({b.first for b in buffers})
    loads = [(sum(b.words for b in buffers if b.first <= t <= b.last), -t) for t in times]
    most, when = max(loads, default=(0, 0))
    return most, -when

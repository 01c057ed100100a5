"""Independent checks of a plan. They share no code with the planner, always run, and raise ConversionError."""

from __future__ import annotations

import numpy as np

from sparsecomp.errors import ConversionError
from sparsecomp.plan import Plan
from sparsecomp.plan.buffers import RECEIVED


def _words(plan: Plan, tensor: str) -> tuple[str, int, int] | None:
    """(memory, first word, end) of a tensor; None for a tensor that has no bytes in this plan."""
    base = plan.program.base(tensor)
    place = plan.placements.get(base)
    if place is not None:
        return (f"arena{place.arena}", place.offset, place.offset + place.buffer.words)
    for port in plan.program.inputs:
        if port.tensor == base:
            offset = plan.wire_offsets[port.name]
            if plan.volatile_input:
                received = plan.placements[RECEIVED]
                return (f"arena{received.arena}", received.offset + offset, received.offset + offset + port.words)
            return ("input", offset, offset + port.words)
    raise ConversionError(f"the plan gives tensor '{tensor}' no bytes")


def _meet(a: tuple[str, int, int], b: tuple[str, int, int]) -> bool:
    return a[0] == b[0] and a[1] < b[2] and b[1] < a[2]


def check_regions(plan: Plan) -> None:
    """Every buffer lies inside its arena, every arena inside its region, and is large enough for its tensor."""
    for place in plan.placements.values():
        arena = plan.arenas[place.arena]
        if place.offset < 0 or place.end > arena.words or arena.words > arena.capacity:
            raise ConversionError(f"buffer '{place.buffer.name}' leaves its arena in '{arena.region}'")
        if place.buffer.name != RECEIVED:
            tensor = plan.program.tensors[place.buffer.name]
            if place.buffer.words < tensor.stored * plan.program.element_words:
                raise ConversionError(f"buffer '{tensor.name}' is smaller than its tensor")


def check_hazards(plan: Plan) -> None:
    """Walks the steps and remembers who wrote each word last: every read must find what its producer wrote.

    A step's own output may not touch any of its inputs, unless it consumes one restart unit by unit: a unit that is run
    again after a failure would read what it has already overwritten. A tensor written in parts (halo and inside,
    concatenation) must stay whole between them.
    """
    owner: dict[str, dict[int, str]] = {}
    begun: set[str] = set()

    def write(tensor: str, name: str) -> None:
        memory, begin, end = _words(plan, tensor)
        words = owner.setdefault(memory, {})
        if name in begun and any(words.get(word) != name for word in range(begin, end)):
            raise ConversionError(f"'{name}' is overwritten between two of its parts: a buffer is reused too early")
        begun.add(name)
        words.update(dict.fromkeys(range(begin, end), name))

    def read(tensor: str, reader: str) -> None:
        memory, begin, end = _words(plan, tensor)
        base = plan.program.base(tensor)
        for word in range(begin, end):
            found = owner.get(memory, {}).get(word)
            if found != base:
                raise ConversionError(
                    f"{reader} reads word {word} of '{tensor}', which holds '{found or 'nothing'}': a buffer is reused "
                    "too early"
                )

    for port in plan.program.inputs:
        write(port.tensor, port.tensor)
    for index, step in enumerate(plan.program.steps):
        for name in step.inputs:
            read(name, f"step '{step.name}'")
        for name in step.inputs:
            over = any(_meet(_words(plan, name), _words(plan, out)) for out in step.outputs)
            if over and not _consumes(plan, index):
                raise ConversionError(
                    f"step '{step.name}' writes over its own input '{name}': it could not be run again after a failure"
                )
        if not plan.volatile_input:
            for port in plan.program.inputs:
                if any(_meet(_words(plan, port.tensor), _words(plan, out)) for out in step.outputs):
                    raise ConversionError(f"step '{step.name}' overwrites the received input")
        for out in step.outputs:
            write(out, plan.program.base(out))
    for port in plan.program.outputs:
        read(port.tensor, f"output '{port.name}'")
    for leaving in plan.program.exits:
        read(leaving.tensor, f"the best answer so far, of exit '{leaving.name}'")


def _consumes(plan: Plan, index: int) -> bool:
    """Whether every restart unit of a multiply-accumulate step finds its input whole, also when it is run again: no
    word that it reads is written by it or by a unit before it.
    """
    step, units = plan.program.steps[index], plan.units[index]
    if step.kernel != "mac":
        return False
    source, out = plan.program.tensors[step.inputs[0]], plan.program.tensors[step.output]
    _, begin, _ = _words(plan, step.inputs[0])
    _, target, _ = _words(plan, step.output)
    size = plan.program.element_words
    a = step.attrs
    rows, columns, below, beside = a.get("pool", (1, 1, 0, 0))
    pool = (np.arange(rows)[:, None] * below + np.arange(columns) * beside).reshape(-1)
    groups = np.arange(out.channels // a["group_size"]) * a["group_step"]
    taps = np.unique(pool[:, None, None] + groups[:, None] + a["offsets"])
    written = np.zeros(max(begin + source.stored * size, target + out.stored * size) + size, bool)
    for first in range(0, step.items, units.per_unit):
        items = np.arange(first, min(first + units.per_unit, step.items))
        row, column = np.divmod(np.unique(items // out.channels), out.width)
        windows = a["start"] + row * a["row_step"] + column * a["column_step"]
        reads = begin + size * np.unique(windows[:, None] + taps)
        row, rest = np.divmod(items, out.width * out.channels)
        writes = target + size * (out.origin + row * out.pitch + rest)
        for word in range(size):
            written[writes + word] = True
        if any(written[reads + word].any() for word in range(size)):
            return False
    return True


def check_units(plan: Plan) -> None:
    """Units cover every item once, are numbered without gaps, fit the cursor and fit one charge."""
    number = 0
    for step, units in zip(plan.program.steps, plan.units, strict=True):
        covered = units.per_unit * (units.count - 1)
        if units.first != number or not covered < step.items <= covered + units.per_unit:
            raise ConversionError(f"the restart units of '{step.name}' do not cover its items")
        if units.per_step < step.items and units.per_step % units.per_unit:
            raise ConversionError(f"the steps of '{step.name}' do not end with restart units")
        number += units.count
        if units.cycles + plan.board.energy.boot_cycles > plan.board.charge_cycles:
            raise ConversionError(f"a restart unit of '{step.name}' does not fit one charge")
        if plan.board.charge_fram_writes is not None and units.writes > plan.board.charge_fram_writes:
            raise ConversionError(f"a restart unit of '{step.name}' writes more words than one charge allows")
    if number + 1 > 65535:
        raise ConversionError(f"{number} restart units do not fit a 16-bit cursor")


def check(plan: Plan) -> Plan:
    """All checks; returns the plan."""
    check_regions(plan)
    check_hazards(plan)
    check_units(plan)
    return plan

"""Independent checks of a plan. They share no code with the planner, always run, and raise ConversionError."""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from sparsecomp.errors import ConversionError
from sparsecomp.plan import Plan
from sparsecomp.plan.buffers import RECEIVED
from sparsecomp.plan.cells import unit_cells

WORDS = 1 << 20  # more than a tensor has


def _place(plan: Plan, tensor: str) -> tuple[str, int]:
    """(memory, first word) of a tensor's bytes."""
    base = plan.program.base(tensor)
    first = plan.program.offset(tensor) * plan.program.element_words
    place = plan.placements.get(base)
    if place is not None:
        return f"arena{place.arena}", place.offset + first
    for port in plan.program.inputs:
        if port.tensor == base:
            first += plan.wire_offsets[port.name]
            if plan.volatile_input:
                received = plan.placements[RECEIVED]
                return f"arena{received.arena}", received.offset + first
            return "input", first
    raise ConversionError(f"the plan gives tensor '{tensor}' no bytes")


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


class _Memory:
    """Which word of which tensor lies in each word of memory: what was written there last."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        program = plan.program
        self.size = program.element_words
        self.names = [name for name in program.tensors if program.base(name) == name]
        self.number = {name: i + 1 for i, name in enumerate(self.names)}
        self.owner = {f"arena{i}": np.zeros(a.words, np.int64) for i, a in enumerate(plan.arenas)}
        self.owner["input"] = np.zeros(plan.wire_words, np.int64)

    def words(self, tensor: str, cells: np.ndarray, size: int) -> tuple[str, np.ndarray, np.ndarray]:
        """(memory, words, what should be in them) of elements of a tensor, or (``size`` 1) of words of an input."""
        memory, first = _place(self.plan, tensor)
        program = self.plan.program
        local = (size * cells[:, None] + np.arange(size)).reshape(-1)
        content = self.number[program.base(tensor)] * WORDS + size * program.offset(tensor) + local
        return memory, first + local, content

    def write(self, tensor: str, cells: np.ndarray, size: int) -> None:
        memory, words, content = self.words(tensor, cells, size)
        self.owner[memory][words] = content

    def read(self, tensor: str, cells: np.ndarray, size: int, reader: str, output: str = "") -> None:
        """Raises where one of the elements is not what its producer wrote."""
        memory, words, content = self.words(tensor, cells, size)
        found = self.owner[memory][words]
        if (found != content).any():
            at = int(np.flatnonzero(found != content)[0])
            holder = int(found[at] // WORDS)
            name = self.names[holder - 1] if holder else "nothing"
            if output and name == self.plan.program.base(output) != self.plan.program.base(tensor):
                _refuse_overwriting(reader, tensor)
            raise ConversionError(
                f"{reader} reads word {words[at]} of '{tensor}', which holds '{name}': a buffer is reused too early"
            )


def _refuse_overwriting(reader: str, tensor: str) -> NoReturn:
    raise ConversionError(f"{reader} writes over its own input '{tensor}': it could not be run again after a failure")


def check_hazards(plan: Plan) -> None:
    """Walks the restart units and remembers what each word holds: every element that a unit reads must be what its
    producer wrote, and none may be overwritten by the unit itself, which would then read something else when it is run
    again after a failure.
    """
    program, memory = plan.program, _Memory(plan)
    inputs = {port.tensor: port.words for port in program.inputs}
    for name, words in inputs.items():
        memory.write(name, np.arange(words), 1)
    for step, units in zip(program.steps, plan.units, strict=True):
        reader = f"step '{step.name}'"
        target, _ = _place(plan, step.output)
        if target == "input":
            raise ConversionError(f"{reader} overwrites the received input")
        for reads, writes in unit_cells(program, step, units):
            _, written, _ = memory.words(step.output, writes, memory.size)
            for name, cells in reads:
                size = 1 if step.kernel == "convert" else memory.size
                memory.read(name, cells, size, reader, step.output)
                source, words, _ = memory.words(name, cells, size)
                if source == target and np.isin(words, written).any():
                    _refuse_overwriting(reader, name)
            memory.write(step.output, writes, memory.size)
            for name in step.more:
                memory.write(name, np.arange(program.tensors[name].stored), memory.size)
    for leaving in program.exits:
        cells = np.arange(program.tensors[leaving.tensor].stored)
        memory.read(leaving.tensor, cells, memory.size, f"the best answer so far, of exit '{leaving.name}',")
    for port in program.outputs:
        cells = np.arange(program.tensors[port.tensor].stored)
        memory.read(port.tensor, cells, memory.size, f"output '{port.name}'")


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

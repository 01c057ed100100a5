"""Programs cut into parts at random: chains in bands of rows, lifted maps."""

from __future__ import annotations

from random import Random

from sparsecomp.bands import in_bands, lifted, may_be_banded, may_be_lifted
from sparsecomp.program import Program


def chains(program: Program) -> list[tuple[int, int]]:
    """Every pair of steps between which all can be computed in bands."""
    count = len(program.steps)
    return [(i, j) for i in range(count) for j in range(i + 1, count) if may_be_banded(program, i, j)]


def in_parts(program: Program, chance: Random) -> Program:
    """The program with up to two chains in bands and up to two maps lifted, where any can be."""
    for _ in range(2):
        found = [(i, j) for i, j in chains(program) if not any("part_of" in s.attrs for s in program.steps[i : j + 1])]
        if found:
            i, j = chance.choice(found)
            height = program.tensors[program.steps[j].output].height
            program = in_bands(program, i, j, chance.randint(1, max(1, height - 1)))
    for _ in range(chance.randint(0, 2)):
        names = [name for name in program.tensors if may_be_lifted(program, name)]
        if names:
            name = chance.choice(names)
            program = lifted(program, name, chance.randint(1, min(5, program.tensors[name].stored)))
    return program

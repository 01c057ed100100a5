"""Bytes of constant data, from the very arrays that the C will have."""

from __future__ import annotations

from sparsecomp.kernels import kernel
from sparsecomp.program import Program, Step, Stored


class SizeOnly:
    """Names for rendering a step only to count its constant bytes."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.is_float = program.is_float

    def at(self, tensor: str, element: int) -> str:
        return "0"

    def tensor(self, name: str) -> Stored:
        return self.program.tensors[name]

    def wire(self, port: str) -> str:
        return "0"

    def positions(self, step: Step) -> int:
        return 0


def constant_bytes(program: Program) -> tuple[int, ...]:
    """Constant data of each step in bytes, as the linker will place it."""
    names = SizeOnly(program)
    return tuple(kernel(step.kernel).render(step, names).nbytes for step in program.steps)

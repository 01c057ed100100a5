"""Bytes of constant data, from the very arrays that the C will have."""

from __future__ import annotations

from sparsecomp.errors import ConversionError
from sparsecomp.kernels import Rendered, kernel, rendered
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
    """Constant data of each step in bytes, as the linker will place it. Raises ConversionError where a step shares
    arrays that are not its own.
    """
    names = SizeOnly(program)
    by_name = {step.name: step for step in program.steps}
    for step in program.steps:
        owner = step.attrs.get("shares")
        if owner is not None and not _same(*(kernel(s.kernel).render(s, names) for s in (step, by_name[owner]))):
            raise ConversionError(f"step '{step.name}' has other constants than '{owner}', whose arrays it shares")
    return tuple(rendered(step, names).nbytes for step in program.steps)


def _same(one: Rendered, other: Rendered) -> bool:
    pairs = zip(one.arrays, other.arrays, strict=False)
    alike = all(a.ctype == b.ctype and a.values.tobytes() == b.values.tobytes() for a, b in pairs)
    return alike and len(one.arrays) == len(other.arrays)

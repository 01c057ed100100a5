"""Layers that use the same weights: exponents alike, so that their constant arrays are, and those stored once.

A network may call one layer several times, and does where one head serves several exits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from sparsecomp.exits import EXIT_SUFFIX
from sparsecomp.graph import Graph, Node
from sparsecomp.kernels import kernel
from sparsecomp.plan.sizes import SizeOnly
from sparsecomp.program import Program

AS_THEIR_INPUT = ("reshape", "max_pool", "max_pool_channels", "upsample", "relu", "dropout")  # in its exponent


def repeated(graph: Graph) -> list[list[Node]]:
    """Operators with the same parameters, where there are several."""
    groups: dict[tuple, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        if node.params:
            groups[node.op, *sorted(node.params.items())].append(node)
    return [group for group in groups.values() if len(group) > 1]


def exponents_alike(graph: Graph, fractions: Mapping[str, int], fused: Mapping[str, Node]) -> dict[str, int]:
    """``fractions`` with one exponent for what the layers of a group read, one for what they write: the coarsest."""
    out = dict(fractions)
    for group in repeated(graph) if fractions else ():
        read = [name for node in group for name in _with_origins(graph, node.inputs[0])]
        written = [fused[node.name].output if node.name in fused else node.output for node in group]
        for names in (read, written):
            coarsest = min(out[name] for name in names)
            out |= dict.fromkeys(names, coarsest)
    return out


def _with_origins(graph: Graph, name: str) -> list[str]:
    """The tensor, and those before it of which it has the exponent."""
    names, node = [name], graph.producer(name)
    while node is not None and node.op in AS_THEIR_INPUT:
        names += node.inputs
        node = graph.producer(node.inputs[0])
    return names


def share_arrays(program: Program) -> Program:
    """The program in which a step with the same constant arrays as an earlier one uses those."""
    names, owners, steps = SizeOnly(program), {}, []
    for step in program.steps:
        arrays = kernel(step.kernel).render(step, names).arrays
        key = (
            step.kernel,
            step.name.endswith(EXIT_SUFFIX),
            *((a.ctype, a.name.removeprefix(step.name), a.values.tobytes()) for a in arrays),
        )
        owner = owners.setdefault(key, step.name) if arrays else step.name
        steps.append(step if owner == step.name else replace(step, attrs={**step.attrs, "shares": owner}))
    return replace(program, steps=tuple(steps))

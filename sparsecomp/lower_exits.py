"""Early exits as steps: behind the scores of each, one that decides and, where the inference ends, answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sparsecomp.builder import Builder
from sparsecomp.exits import ANSWER, EXIT_SUFFIX, NUMBER, Exit
from sparsecomp.graph import Graph, Node
from sparsecomp.program import Port, Stored


def exit_heads(graph: Graph) -> set[str]:
    """Names of the operators that only early exits need: the whole network's answer does without them."""
    needed = {graph.outputs[-1]}
    for node in reversed(graph.nodes):
        if node.output in needed:
            needed |= set(node.inputs)
    return {node.name for node in graph.nodes if node.output not in needed}


def one_exponent(graph: Graph, fractions: Mapping[str, int]) -> dict[str, int]:
    """The exponents with that of all exits' scores alike, the coarsest of them: an answer has only one."""
    if not fractions:
        return {}
    coarsest = min(fractions[name] for name in graph.outputs)
    return {**fractions, **dict.fromkeys(graph.outputs, coarsest)}


def lower_exit(build: Builder, number: int, node: Node) -> Exit:
    """Emits exit ``number``, whose scores ``node`` has computed."""
    build.suffix = EXIT_SUFFIX
    name, temperature = build.options.exits[number]
    fraction = build.fraction(build.graph.outputs[0])
    scores = build.canonical(node.output, node)
    if scores.fraction != fraction:
        aligned = replace(scores, name=f"{scores.name}_scores", fraction=fraction, alias="", halo=(0, 0, 0, 0))
        build.copy_box(scores, build.add(aligned), node, "scores")
        scores = aligned
    if number == 0:
        build.add(Stored(ANSWER, 1, 1, scores.elements, fraction))
        build.add(Stored(NUMBER, 1, 1, 1))
    attrs = {"number": number, "classes": scores.elements}
    build.emit("exit", "exit", (scores.name,), ANSWER, 1, Node("exit", name, (), node.output), attrs, (NUMBER,))
    return Exit(name, scores.name, temperature)


def exit_ports(build: Builder) -> tuple[Port, ...]:
    """What a device with early exits gives: the answer, and the number of its exit."""
    return (Port("answer", build.graph.shapes[build.graph.outputs[0]], ANSWER), Port("exit", (1,), NUMBER))

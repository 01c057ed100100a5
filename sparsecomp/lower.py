"""From the simplified float graph to a Program: stored tensors and kernel steps, operator by operator.

Each operator's module has ``lower(node, build)``, which adds its tensors and steps to the Builder.
"""

from __future__ import annotations

from collections.abc import Mapping

from sparsecomp.builder import Builder, Options
from sparsecomp.exits import EXIT_SUFFIX, Exit, PolicyRequest, make_policy
from sparsecomp.fuse import fuse_pooling, halos_last
from sparsecomp.graph import Graph, Node
from sparsecomp.lower_exits import exit_heads, exit_ports, lower_exit, one_exponent
from sparsecomp.lower_input import lower_input
from sparsecomp.ops import operator
from sparsecomp.passes.order_exits import in_order
from sparsecomp.program import Port, Program
from sparsecomp.share import exponents_alike, repeated, share_arrays
from sparsecomp.wire import Wire

ACTIVATIONS = ("relu", "clip")  # those that are a clamp of the result
FUSING = ("conv", "linear", "add", "avg_pool", "adaptive_avg_pool", "batch_norm", "max_pool")


def _fusable(graph: Graph) -> dict[str, Node]:
    """The activation behind each operator that can compute it as well, by the operator's name."""
    fused = {}
    for node in graph.nodes:
        readers = graph.consumers(node.output)
        alone = len(readers) == 1 and node.output not in graph.outputs
        if node.op in FUSING and alone and readers[0].op in ACTIVATIONS:
            fused[node.name] = readers[0]
    return fused


def lower(
    graph: Graph, wires: tuple[Wire, ...], fractions: Mapping[str, int], options: Options, notes: tuple[str, ...] = ()
) -> Program:
    """The program of a simplified graph; ``fractions`` come from calibrate (unused for float32)."""
    if options.exits:
        graph = in_order(graph)
        fractions = one_exponent(graph, fractions)
    fused = _fusable(graph)
    build = Builder(graph, exponents_alike(graph, fractions, fused), options, notes=list(notes), fused=fused)
    inputs = tuple(lower_input(build, name, wire) for name, wire in zip(graph.inputs, wires, strict=True))
    absorbed = {node.name for node in build.fused.values()}
    exits: list[Exit] = []
    heads = exit_heads(graph) if options.exits else ()
    for node in graph.nodes:
        build.suffix = EXIT_SUFFIX if node.name in heads else ""
        if node.name not in absorbed:
            operator(node.op).lower(node, build)
        if options.exits and node.output in graph.outputs:
            exits.append(lower_exit(build, len(exits), node))
    outputs = tuple(Port(name, graph.shapes[name], build.tensors[name].name) for name in graph.outputs)
    policy = None
    if exits:
        outputs, fraction = exit_ports(build), build.tensors[exits[0].tensor].fraction
        policy = make_policy(PolicyRequest(), exits, fraction, build.is_float)
    program = Program(
        build.tensors,
        tuple(build.steps),
        inputs,
        outputs,
        options.numeric,
        tuple(build.notes),
        build.origins,
        tuple(exits),
        policy,
    )
    program = halos_last(fuse_pooling(program)) if options.separate else program
    return share_arrays(program) if repeated(graph) else program

"""A float network as C of the kind that onnx2c writes: dense loops in float32, static buffers, one function a layer.

The style is onnx2c's, the generator and every line of its output are ours. It is kinder to the compiler than the
original: 16-bit indices, a sum in a variable, and no bounds test where nothing is padded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from sparsecomp.c_text import number_rows
from sparsecomp.errors import InputError
from sparsecomp.graph import Graph, Node
from sparsecomp.wire import Wire


def float_source(graph: Graph, wire: Wire, raw: np.ndarray) -> str:
    """C of a chain of layers, with ``raw`` bytes (*shape) as its input. Raises InputError for other layers."""
    parts = ['#include "plain.h"\n', _table("plain_input", "uint8_t", raw.reshape(-1), "")]
    calls = []
    (name,) = graph.inputs
    shape = graph.shapes[name]
    source, count = "map0", math.prod(shape)
    parts.append(f"MAP static float map0[{count}];\n")
    calls.append(
        f"    for (uint16_t i = 0U; i < {count}U; i++) {{\n"
        f"        map0[i] = (float)plain_input[i] * {wire.scale!r}F + {wire.offset!r}F;\n    }}\n"
    )
    for node in graph.nodes:
        out = graph.shapes[node.output]
        if node.op == "reshape":
            shape = out
            continue
        if node.op not in LAYERS:
            raise InputError(f"no plain C for '{node.op}'", "take a chain of convolutions, poolings and linear layers")
        last = node.output == graph.outputs[0]
        target = "plain_output" if last else f"map{len(calls)}"
        parts += [_table(f"{node.name}_{role}", "float", graph.params[key]) for role, key in node.params.items()]
        parts.append(f"MAP {'' if last else 'static '}float {target}[{math.prod(out)}];\n")
        parts.append("\n".join(_function(graph, node, shape, out)))
        arguments = [f"(const void *){source}", *(f"(const void *){node.name}_{role}" for role in node.params)]
        calls.append(f"    {node.name}({', '.join(arguments)}, (void *){target});\n")
        source, shape = target, out
    return "\n".join(parts) + "\nvoid plain_network(void)\n{\n" + "".join(calls) + "}\n"


def _table(name: str, ctype: str, values: np.ndarray, static: str = "static ") -> str:
    return f"TABLE {static}const {ctype} {name}[{values.size}] = {{\n{number_rows(values.reshape(-1))}\n}};\n"


def _array(ctype: str, name: str, shape: tuple[int, ...]) -> str:
    return f"{ctype} {name}" + "".join(f"[{n}]" for n in shape)


def _function(graph: Graph, node: Node, shape: tuple[int, ...], out: tuple[int, ...]) -> Iterator[str]:
    weights = {role: graph.params[key].shape for role, key in node.params.items()}
    parameters = [_array("const float", "x", shape)]
    parameters += [_array("const float", role, size) for role, size in weights.items()]
    yield f"static void {node.name}({', '.join(parameters)}, {_array('float', 'y', out)})"
    yield "{"
    yield from LAYERS[node.op](node, out, weights)
    yield "}\n"


def _loops(bounds: dict[str, int], body: Callable[[str], Iterator[str]], depth: int = 1) -> Iterator[str]:
    """Nested loops over the ranges, the body in the innermost one."""
    for index, (name, count) in enumerate(bounds.items()):
        yield "    " * (depth + index) + f"for (uint16_t {name} = 0U; {name} < {count}U; {name}++) {{"
    yield from body("    " * (depth + len(bounds)))
    for index in reversed(range(len(bounds))):
        yield "    " * (depth + index) + "}"


def _conv(node: Node, out: tuple[int, ...], weights: dict) -> Iterator[str]:
    a = node.attrs
    if len(out) != 3 or a["groups"] != 1 or any(map(any, a["padding"])) or (*a["stride"], *a["dilation"]) != (1,) * 4:
        raise InputError(f"no plain C for convolution '{node.name}'", "take one without stride, padding and groups")
    _, channels, height, width = weights["weight"]

    def taps(indent: str) -> Iterator[str]:
        yield f"{indent}sum += x[c][i + k][j + l] * weight[m][c][k][l];"

    def output(indent: str) -> Iterator[str]:
        yield f"{indent}float sum = {'bias[m]' if 'bias' in weights else '0.0F'};"
        yield from _loops({"c": channels, "k": height, "l": width}, taps, 4)
        yield f"{indent}y[m][i][j] = sum;"

    yield from _loops({"m": out[0], "i": out[1], "j": out[2]}, output)


def _linear(node: Node, out: tuple[int, ...], weights: dict) -> Iterator[str]:
    def taps(indent: str) -> Iterator[str]:
        yield f"{indent}sum += x[k] * weight[m][k];"

    def output(indent: str) -> Iterator[str]:
        yield f"{indent}float sum = {'bias[m]' if 'bias' in weights else '0.0F'};"
        yield from _loops({"k": weights["weight"][1]}, taps, 2)
        yield f"{indent}y[m] = sum;"

    yield from _loops({"m": out[0]}, output)


def _relu(node: Node, out: tuple[int, ...], weights: dict) -> Iterator[str]:
    names = "mij"[: len(out)]
    place = "".join(f"[{n}]" for n in names)

    def each(indent: str) -> Iterator[str]:
        yield f"{indent}y{place} = x{place} > 0.0F ? x{place} : 0.0F;"

    yield from _loops(dict(zip(names, out, strict=True)), each)


def _max_pool(node: Node, out: tuple[int, ...], weights: dict) -> Iterator[str]:
    (down, beside), (height, width) = node.attrs["stride"], node.attrs["kernel"]
    cell = f"x[m][i * {down}U + k][j * {beside}U + l]"

    def cells(indent: str) -> Iterator[str]:
        yield f"{indent}best = {cell} > best ? {cell} : best;"

    def output(indent: str) -> Iterator[str]:
        yield f"{indent}float best = x[m][i * {down}U][j * {beside}U];"
        yield from _loops({"k": height, "l": width}, cells, 4)
        yield f"{indent}y[m][i][j] = best;"

    yield from _loops({"m": out[0], "i": out[1], "j": out[2]}, output)


LAYERS = {"conv": _conv, "linear": _linear, "relu": _relu, "max_pool": _max_pool}

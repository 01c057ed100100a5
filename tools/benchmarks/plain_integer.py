"""A network in integers as C that leaves all to the compiler: plain loops, int16 elements and weights, int32 sums.

Its numbers are the model's own, so its answers are bit-equal to the reference. Requantization is numeric.h's, in halves
of 16 bits: the usual 64-bit product would cost some 540 cycles an output more.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sparsecomp.c_text import number_rows
from sparsecomp.errors import InputError
from sparsecomp.kernels.mac import full_bias, pool
from sparsecomp.program import Program, Step


def integer_source(program: Program, words: np.ndarray) -> str:
    """C of a chain of layers with ``words`` as its delivered input. Raises InputError for other layers."""
    raw = np.ascontiguousarray(words).view(np.uint8)
    parts = ['#include "plain.h"\n#include "numeric.h"\n', _table("plain_input", "uint8_t", raw, "")]
    calls = []
    for step in program.steps:
        if step.kernel not in ("convert", "mac"):
            raise InputError(
                f"no plain C for '{step.name}'", "take a chain of convolutions, poolings and linear layers"
            )
        target = "plain_output" if step is program.steps[-1] else f"map_{program.base(step.output)}"
        size = program.tensors[step.output].elements
        parts.append(f"MAP {'' if target == 'plain_output' else 'static '}int16_t {target}[{size}];\n")
        if step.kernel == "convert":
            parts += _convert(step, size)
            calls.append(f"    {step.name}({target});\n")
            continue
        source = f"map_{program.base(step.inputs[0])}"
        down, beside, *_ = pool(step)
        parts += _layer(program, step)
        if down * beside == 1:
            calls.append(f"    {step.name}({source}, {target});\n")
        else:
            parts += [f"MAP static int16_t whole_{step.name}[{size * down * beside}];\n", *_pooling(program, step)]
            calls.append(f"    {step.name}({source}, whole_{step.name});\n")
            calls.append(f"    pool_{step.name}(whole_{step.name}, {target});\n")
    return "\n".join(parts) + "\nvoid plain_network(void)\n{\n" + "".join(calls) + "}\n"


def _table(name: str, ctype: str, values: np.ndarray, static: str = "static ") -> str:
    return f"TABLE {static}const {ctype} {name}[{values.size}] = {{\n{number_rows(values.reshape(-1))}\n}};\n"


def _convert(step: Step, size: int) -> Iterator[str]:
    a = step.attrs
    if a["kind"] != "u8" or a["table"] is not None:
        raise InputError("plain C reads bytes", "take a network on images")
    yield f"""static void {step.name}(int16_t *y)
{{
    for (uint16_t i = 0U; i < {size}U; i++) {{
        y[i] = requantize((int32_t)plain_input[i] * {a["gain"]} + INT32_C({a["offset"]}), 1U, {a["shift"]}U);
    }}
}}
"""


def _layer(program: Program, step: Step) -> Iterator[str]:
    """A convolution before its pooling, or a linear layer; rows of taps are consecutive."""
    a, out, source = step.attrs, program.tensors[step.output], program.tensors[step.inputs[0]]
    rows, columns, length, row_step, _ = a["runs"]
    down, beside, below, right = pool(step)
    below, right = (below if down > 1 else a["row_step"]), (right if beside > 1 else a["column_step"])
    if columns != 1 or any(source.halo) or any(out.halo) or a["start"] or a["group_size"] != out.channels:
        raise InputError(f"no plain C for '{step.name}'", "take layers without padding and groups")
    filters, taps = a["matrix"].shape
    scales = np.broadcast_to(a["multiplier"], (filters,)).astype(np.uint16)
    yield _table(f"{step.name}_weight", "int16_t", a["matrix"].astype(np.int16))
    yield _table(f"{step.name}_bias", "int32_t", full_bias(step).astype(np.int64))
    yield _table(f"{step.name}_scale", "uint16_t", scales)
    yield f"""static void {step.name}(const int16_t *x, int16_t *y)
{{
    for (uint16_t i = 0U; i < {out.height * down}U; i++) {{
        for (uint16_t j = 0U; j < {out.width * beside}U; j++) {{
            for (uint16_t m = 0U; m < {filters}U; m++) {{
                int32_t sum = {step.name}_bias[m];
                for (uint16_t k = 0U; k < {rows}U; k++) {{
                    const int16_t *w = {step.name}_weight + m * {taps}U + k * {length}U;
                    const int16_t *row = x + i * {below}U + j * {right}U + k * {row_step}U;
                    for (uint16_t t = 0U; t < {length}U; t++) {{
                        sum += (int32_t)w[t] * row[t];
                    }}
                }}
                *y++ = clamp(requantize(sum, {step.name}_scale[m], {a["shift"]}U), {int(a["low"])}, {int(a["high"])});
            }}
        }}
    }}
}}
"""


def _pooling(program: Program, step: Step) -> Iterator[str]:
    out = program.tensors[step.output]
    down, beside, *_ = pool(step)
    pitch = out.width * beside * out.channels
    yield f"""static void pool_{step.name}(const int16_t *x, int16_t *y)
{{
    for (uint16_t i = 0U; i < {out.height}U; i++) {{
        for (uint16_t j = 0U; j < {out.width}U; j++) {{
            for (uint16_t m = 0U; m < {out.channels}U; m++) {{
                const int16_t *cell = x + i * {down * pitch}U + j * {beside * out.channels}U + m;
                int16_t best = *cell;
                for (uint16_t k = 0U; k < {down}U; k++) {{
                    for (uint16_t l = 0U; l < {beside}U; l++) {{
                        const int16_t value = cell[k * {pitch}U + l * {out.channels}U];
                        best = value > best ? value : best;
                    }}
                }}
                *y++ = best;
            }}
        }}
    }}
}}
"""

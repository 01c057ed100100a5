"""Layer separation by rows, on the program: layers behind each other are computed in bands, a few rows of each in turn.

Of a map between two of them only those rows are then alive that somebody still reads. Its tensor stays as it is; each
band is a step of its own that writes some of its rows and shares the layer's arrays. So nothing is computed twice and
no row is kept by a copy: a window reaches back into rows that still lie where they were written. The planner lets maps
whose rows come and go like this lie close to each other (plan/overlap.py).

A map may also be lifted: copied to higher addresses, from its last elements to its first ones, partly into bytes of its
own. An output lies below the input that it consumes, so after some layers there is no room left below.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sparsecomp.program import Program, Step, Stored

BANDED = ("mac", "add", "rectify", "lookup", "max_pool", "fill")


def may_be_banded(program: Program, first: int, last: int) -> bool:
    """Whether the steps from ``first`` to ``last``, both included, can be computed in bands: each writes all of a map
    of its own row by row (or its halo), and the last one is no halo.
    """
    chain = program.steps[first : last + 1]
    outputs = {step.output for step in chain}
    writers = [program.base(step.output) for step in program.steps if step.kernel != "fill" or step.attrs["whole"]]
    inner = {name for step in chain for name in step.inputs if program.base(name) in outputs}
    return (
        chain[-1].kernel != "fill"
        and all(step.kernel in BANDED and not step.attrs.get("whole") for step in chain)
        and all(not program.tensors[name].alias for name in outputs | inner)
        and all(writers.count(name) == 1 for name in outputs)
        and program.tensors[chain[-1].output].height > 1
    )


def in_bands(program: Program, first: int, last: int, rows: int) -> Program:
    """The program with the steps from ``first`` to ``last`` in bands of ``rows`` rows of the last one's map."""
    chain = program.steps[first : last + 1]
    tensors, steps = dict(program.tensors), []
    done = [0] * len(chain)
    count = [0] * len(chain)
    height = tensors[chain[-1].output].height
    for end in range(rows, height + rows, rows):
        for i, (begin, target) in enumerate(_band(program, chain, done, end)):
            if begin < target:
                step = _rows(program, tensors, chain[i], begin, target)
                steps.append(_named(step, chain[i], count[i]))
                done[i], count[i] = target, count[i] + 1
    steps = (*program.steps[:first], *steps, *program.steps[last + 1 :])
    return replace(program, tensors=tensors, steps=steps)


def _band(program: Program, chain: tuple[Step, ...], done: list[int], end: int) -> list[tuple[int, int]]:
    """The rows of each step's map that are computed next, so that the last map is complete up to row ``end``."""
    final = program.tensors[chain[-1].output]
    wanted = {final.name: min(end, final.height)}
    found = []
    for step, begin in zip(reversed(chain), reversed(done), strict=True):
        out = program.tensors[step.output]
        target = out.height if end >= final.height else max(begin, wanted.get(out.name, 0))
        if begin < target and step.kernel != "fill":
            for name in step.inputs:
                base = program.base(name)
                wanted[base] = max(wanted.get(base, 0), _rows_read(program, step, name, target))
        found.append((begin, target))
    return found[::-1]


def _rows_read(program: Program, step: Step, name: str, target: int) -> int:
    """Rows of an input that have to be there for the first ``target`` rows of the output."""
    a, source, out = step.attrs, program.tensors[name], program.tensors[step.output]
    if step.kernel == "mac":
        rows, columns, below, beside = a.get("pool", (1, 1, 0, 0))
        cell = a["start"] + (target - 1) * a["row_step"] + (out.width - 1) * a["column_step"]
        cell += (rows - 1) * below + (columns - 1) * beside + int(a["offsets"].max(initial=0))
        cell += (out.channels // a["group_size"] - 1) * a["group_step"]
        # The cells above a map are filled with its first row, also where a window has nothing but them.
        return min(max(cell // source.pitch + 1 - source.halo[0], 1), source.height)
    if step.kernel == "max_pool":
        return min(_first_row(step, target - 1) + (a["kernel"][0] - 1) * a["dilation"][0] + 1, source.height)
    return target


def _first_row(step: Step, row: int) -> int:
    """Of a pooling's window; negative above its input."""
    return row * step.attrs["stride"][0] - step.attrs["pad"][0]


def _rows(program: Program, tensors: dict[str, Stored], step: Step, begin: int, end: int) -> Step:
    """The step for some rows of its map."""
    out, attrs = program.tensors[step.output], dict(step.attrs)
    if step.kernel == "fill":
        view = _view(tensors, out, begin, end, halo=True)
        return replace(step, output=view.name, items=view.stored_height)
    inputs = step.inputs
    if step.kernel == "mac":
        attrs["start"] += begin * attrs["row_step"]
    elif step.kernel == "max_pool":
        top = max(_first_row(step, begin), 0)
        inputs = (_view(tensors, program.tensors[inputs[0]], top, _rows_read(program, step, inputs[0], end)).name,)
        attrs["pad"] = (top - _first_row(step, begin), attrs["pad"][1])
    else:
        inputs = tuple(_view(tensors, program.tensors[name], begin, end).name for name in inputs)
    view = _view(tensors, out, begin, end)
    return replace(
        step,
        inputs=inputs,
        output=view.name,
        items=view.elements,
        attrs=attrs,
        macs=step.macs * (end - begin) // out.height,
    )


def _view(tensors: dict[str, Stored], tensor: Stored, begin: int, end: int, *, halo: bool = False) -> Stored:
    """Some rows of a tensor, with the cells beside them; with ``halo`` those above the first and below the last too."""
    top = tensor.halo[0] if halo and begin == 0 else 0
    bottom = tensor.halo[2] if halo and end == tensor.height else 0
    name = f"{tensor.name}[{begin}:{end}]" + (" and halo" if halo else "")
    view = replace(
        tensor,
        name=name,
        height=end - begin,
        halo=(top, tensor.halo[1], bottom, tensor.halo[3]),
        alias=tensor.name,
        offset=(tensor.halo[0] + begin - top) * tensor.pitch,
        layout=(),
    )
    return tensors.setdefault(name, view)


def _named(step: Step, layer: Step, count: int) -> Step:
    """The first band has the layer's name and arrays."""
    if count == 0:
        return step
    attrs: dict[str, Any] = dict(step.attrs)
    attrs |= {"shares": layer.attrs.get("shares", layer.name), "part_of": layer.name}
    return replace(step, name=f"{layer.name}_band{count}", attrs=attrs)


def may_be_lifted(program: Program, name: str) -> bool:
    """Whether a map is complete at some step, and read by later ones alone."""
    given = {program.base(port.tensor) for port in (*program.inputs, *program.outputs)}
    writers = [i for i, step in enumerate(program.steps) if program.base(step.output) == name]
    readers = [i for i, step in enumerate(program.steps) if name in map(program.base, step.inputs)]
    once = f"{name} lifted" not in program.tensors
    return once and name not in given and bool(writers and readers) and writers[-1] < readers[0]


def lifted(program: Program, name: str, pieces: int) -> Program:
    """The program with a map copied in ``pieces`` to another place, which later steps read in its stead."""
    tensors = dict(program.tensors)
    above = {name: f"{name} lifted"}
    tensors[above[name]] = replace(tensors[name], name=above[name])
    for tensor in program.tensors.values():  # in the order in which they were made: an alias behind its tensor
        if tensor.alias in above:
            above[tensor.name] = f"{tensor.name} lifted"
            tensors[above[tensor.name]] = replace(tensor, name=above[tensor.name], alias=above[tensor.alias])
    last = max(i for i, step in enumerate(program.steps) if program.base(step.output) == name)
    layer = f"lift{1 + len({step.layer for step in program.steps if step.layer.startswith('lift')})}"
    copies = _copies(tensors[name], above[name], pieces, layer)
    later = [replace(s, inputs=tuple(above.get(n, n) for n in s.inputs)) for s in program.steps[last + 1 :]]
    return replace(program, tensors=tensors, steps=(*program.steps[: last + 1], *copies, *later))


def _copies(tensor: Stored, to: str, pieces: int, layer: str) -> Iterator[Step]:
    size = -(-tensor.stored // pieces)
    for piece, begin in enumerate(reversed(range(0, tensor.stored, size))):
        count = min(size, tensor.stored - begin)
        box = {"size": (1, 1, count), "input_step": (count, count, 1), "output_step": (count, count, 1)}
        attrs = {**box, "input_start": begin, "output_start": begin, "gain": 256, "shift": 8, "part_of": layer}
        yield Step("copy", f"{layer}_part{piece}" if piece else layer, (tensor.name,), to, count, attrs, tensor.name)

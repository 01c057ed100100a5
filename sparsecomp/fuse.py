"""Layer separation, on the program: a multiply-accumulate layer computes the max-pooling that follows it.

An output is then the largest of several windows' sums, requantized once: the map in between never exists, and neither
do its requantizations. The result is the same, since requantizing and clamping never change the order of two sums.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sparsecomp.program import Program, Step


def fuse_pooling(program: Program) -> Program:
    """The program with every max-pooling in its layer that can be there without computing a sum twice."""
    steps = list(program.steps)
    tensors, origins = dict(program.tensors), dict(program.origins)
    for pooling in program.steps:
        layer = _layer_before(program, pooling)
        if layer is not None:
            steps[steps.index(pooling)] = _fused(program, layer, pooling)
            steps.remove(layer)
            del tensors[layer.output]
            origins.pop(layer.output, None)
    return replace(program, steps=tuple(steps), tensors=tensors, origins=origins)


def halos_last(program: Program) -> Program:
    """The program with each halo filled behind the step that computes what it surrounds.

    The tensor then begins its life with that step, so that it may lie over what the step consumes.
    """
    steps = list(program.steps)
    for fill in program.steps:
        if fill.kernel != "fill" or fill.attrs["whole"]:
            continue
        at = steps.index(fill)
        later = [i for i in range(at + 1, len(steps)) if program.base(steps[i].output) == program.base(fill.output)]
        reader = next((i for i in range(at + 1, len(steps)) if _reads(program, steps[i], fill.output)), len(steps))
        if later and later[0] < reader:
            steps.insert(later[0], steps.pop(at))
    return replace(program, steps=tuple(steps))


def _reads(program: Program, step: Step, name: str) -> bool:
    return program.base(name) in {program.base(n) for n in step.inputs}


def _layer_before(program: Program, pooling: Step) -> Step | None:
    """The layer whose output ``pooling`` alone reads, in windows that lie inside it and do not overlap."""
    if pooling.kernel != "max_pool":
        return None
    name, a = pooling.inputs[0], pooling.attrs
    sharing = [t.name for t in program.tensors.values() if program.base(t.name) == program.base(name)]
    writers = [s for s in program.steps if s.output in sharing]
    readers = [s for s in program.steps if set(s.inputs) & set(sharing)]
    leaves = any(port.tensor in sharing for port in program.outputs)
    if len(sharing) > 1 or leaves or len(readers) != 1 or [s.kernel for s in writers] != ["mac"]:
        return None
    source, out = program.tensors[name], program.tensors[pooling.output]
    ends = [(n - 1) * s + k for n, s, k in zip(out.shape[:2], a["stride"], a["kernel"], strict=True)]
    inside = not any(a["pad"]) and all(end <= size for end, size in zip(ends, source.shape[:2], strict=True))
    apart = all(k <= max(1, s) for k, s in zip(a["kernel"], a["stride"], strict=True))
    single = all(d == 1 or k == 1 for d, k in zip(a["dilation"], a["kernel"], strict=True))
    return writers[0] if inside and apart and single and "pool" not in writers[0].attrs else None


def _fused(program: Program, layer: Step, pooling: Step) -> Step:
    a, b = layer.attrs, pooling.attrs
    (rows, columns), (down, beside) = b["kernel"], b["stride"]
    computed = program.tensors[pooling.output].elements * rows * columns
    attrs = {
        **a,
        "pool": (rows, columns, a["row_step"], a["column_step"]),
        "row_step": down * a["row_step"],
        "column_step": beside * a["column_step"],
        **{bound: float(np.clip(a[bound], b["low"], b["high"])) for bound in ("low", "high")},
    }
    return replace(
        layer,
        output=pooling.output,
        items=pooling.items,
        attrs=attrs,
        source=f"{layer.source}+{pooling.source}",
        macs=layer.macs * computed // program.tensors[layer.output].elements,
    )

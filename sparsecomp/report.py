"""What people and programs read: the per-layer table, the verdict, plan.json and report.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sparsecomp.device_header import has_serial
from sparsecomp.kernels import kernel
from sparsecomp.kernels.mac import nnz
from sparsecomp.plan import Plan
from sparsecomp.plan.buffers import RECEIVED
from sparsecomp.plan.sizes import SizeOnly
from sparsecomp.plan.units import inference_writes, layer_cycles, step_writes, walks
from sparsecomp.program import Step
from sparsecomp.validate import LayerError

VERSION = 1


@dataclass(frozen=True)
class LayerRow:
    """One step of the program. Bytes are of FRAM; ``cycles`` is an estimate for the portable C; ``sqnr_db`` and
    ``max_error`` compare with the float network, None where the step writes a part of a tensor.
    """

    name: str
    op: str
    source: str
    shape: tuple[int, ...]
    macs: int
    weights: int
    nonzero: int
    encoding: str
    fram_bytes: int
    activation_bytes: int
    units: int
    cycles: int
    writes: int
    sqnr_db: float | None = None
    max_error: float | None = None
    lea: bool = False  # by the low-energy accelerator: cycles are fitted


def layer_rows(plan: Plan, errors: Sequence[LayerError | None] | None = None) -> tuple[LayerRow, ...]:
    """Rows in execution order."""
    rows = []
    program = plan.program
    for index, (step, units) in enumerate(zip(program.steps, plan.units, strict=True)):
        mac = step.kernel == "mac"
        out = program.tensors[step.output]
        error = errors[index] if errors else None
        rows.append(
            LayerRow(
                step.name,
                step.kernel,
                step.source,
                out.shape,
                step.macs,
                step.attrs["matrix"].size if mac else 0,
                nnz(step) if mac else 0,
                step.attrs["encoded"].kind if mac else "",
                plan.weight_bytes[index],
                2 * out.stored * program.element_words,
                units.count,
                layer_cycles(plan, index),
                step_writes(program, step),
                error.sqnr_db if error else None,
                error.max_error if error else None,
                bool(step.attrs.get("lea")),
            )
        )
    return tuple(rows)


def layer_table(rows: Sequence[LayerRow]) -> list[str]:
    """The rows as aligned text; "from" names the modules of the user's network."""
    head = tuple("layer,op,from,output,MACs,nonzero,encoding,FRAM B,map B,units,SQNR dB,max error".split(","))
    cells = [head]
    for r in rows:
        cells.append(
            (
                r.name,
                r.op,
                "" if r.op == "fill" else r.source,
                "x".join(str(n) for n in r.shape),
                f"{r.macs:,}" if r.macs else "",
                f"{r.nonzero}/{r.weights}" if r.weights else "",
                f"{r.encoding}, LEA" if r.lea else r.encoding,
                str(r.fram_bytes) if r.fram_bytes else "",
                str(r.activation_bytes),
                str(r.units),
                "exact" if r.sqnr_db == 200.0 else "" if r.sqnr_db is None else f"{r.sqnr_db:.1f}",
                "" if r.max_error is None else f"{r.max_error:.2g}",
            )
        )
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    left = {0, 1, 2, 3, 6}
    return [
        "  ".join(
            c.ljust(w) if i in left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def verdict(plan: Plan) -> str:
    """FITS or TIGHT, with the bytes."""
    share = 100 * plan.fram_bytes / plan.fram_capacity
    word = "TIGHT" if share > plan.board.limits.tight_percent else "FITS"
    code = f", {plan.code_bytes} code (estimated)" if plan.code_bytes else ""
    return (
        f"{word} {plan.board.name}: {plan.fram_bytes} of {plan.fram_capacity} bytes of FRAM ({share:.1f} %): "
        f"{plan.constant_bytes} weights and tables, {plan.arena_bytes} feature maps, {plan.state_bytes} input and "
        f"progress{code}"
    )


def restart_line(plan: Plan) -> str:
    """Units, and what one charge must pay for."""
    charge = plan.charge
    writes = "" if charge.available_writes is None else f" and {charge.available_writes} FRAM writes"
    return (
        f"{plan.unit_count} restart units; the worst asks {charge.cycles} cycles (estimated) and {charge.writes} FRAM "
        f"writes of one charge, which has {charge.available_cycles} cycles{writes}"
    )


def plan_json(plan: Plan) -> dict[str, Any]:
    """plan.json: where every byte lies, how inference is cut, and what persistent records there are."""
    program = plan.program
    return {
        "report": "plan",
        "version": VERSION,
        "board": {"name": plan.board.name, "sha256": plan.board.sha256},
        "numeric": program.numeric,
        "fram": {
            "needed": plan.fram_bytes,
            "capacity": plan.fram_capacity,
            "constants": plan.constant_bytes,
            "feature_maps": plan.arena_bytes,
            "input_and_progress": plan.state_bytes,
            "code_estimated": plan.code_bytes,
            "constants_by_region": dict(plan.tables),
        },
        "arenas": [
            {
                "region": a.region,
                "start": a.start,
                "bytes": 2 * a.words,
                "capacity": 2 * a.capacity,
                "alive_at_once": 2 * a.live,
            }
            for a in plan.arenas
        ],
        "buffers": [
            {
                "name": p.buffer.name,
                "arena": p.arena,
                "offset": 2 * p.offset,
                "bytes": 2 * p.buffer.words,
                "first_layer": p.buffer.first,
                "last_layer": p.buffer.last,
            }
            for p in sorted(plan.placements.values(), key=lambda p: (p.arena, p.offset, p.buffer.first))
        ],
        "layers": [
            {
                "name": s.name,
                "kernel": s.kernel,
                "source": s.source,
                "inputs": list(s.inputs),
                "output": s.output,
                "first_unit": u.first,
                "units": u.count,
                "items_per_unit": u.per_unit,
                "cycles_per_unit_estimated": u.cycles,
                "fram_writes_per_unit": u.writes,
                "tile": asdict(u.tile) if u.tile else None,
                "walk": _walk(plan, s),
                "cycles_fitted": bool(s.attrs.get("lea")),
            }
            for s, u in zip(program.steps, plan.units, strict=True)
        ],
        "charge": asdict(plan.charge),
        "fram_writes_per_inference": inference_writes(plan),
        "persistent": persistent_records(plan),
    }


def _walk(plan: Plan, step: Step) -> str | None:
    """The function in assembly that computes a layer, None where it is C."""
    if not walks(plan.program, step, plan.board):
        return None
    return f"walk_{kernel(step.kernel).render(step, SizeOnly(plan.program)).walk}"


def persistent_records(plan: Plan) -> list[dict[str, Any]]:
    """Everything that outlives a failure, with the rule that keeps it whole."""
    received = "an arena" if plan.volatile_input else "its own bytes"
    records = [
        {"name": "model_progress.cursor", "bytes": 2, "class": "commit word", "rule": "written last, after each unit"},
        {
            "name": "model_progress.held",
            "bytes": 2,
            "class": "commit word",
            "rule": "0 before an input is written, 1 after it is complete",
        },
        {"name": "model_progress.id", "bytes": 4, "class": "exposed by held", "rule": "complete before held is 1"},
        {
            "name": RECEIVED,
            "bytes": 2 * plan.wire_words,
            "class": "exposed by held",
            "rule": f"complete before held is 1; in {received}",
        },
    ]
    records += [
        {
            "name": f"model_arena{i}",
            "bytes": 2 * a.words,
            "class": "exposed by cursor",
            "rule": "a unit writes only its own items, and reads only what earlier units have committed",
        }
        for i, a in enumerate(plan.arenas)
    ]
    return records + (_serial_records(plan) if has_serial(plan.board) else [])


def _serial_records(plan: Plan) -> list[dict[str, Any]]:
    """What the serial line keeps. Counters are diagnostics: no inference reads them."""
    layers = len(plan.program.steps)
    return [
        {"name": "filled", "bytes": 2, "class": "commit word", "rule": "0 at open, then after the words it counts"},
        {
            "name": "opened",
            "bytes": 4,
            "class": "exposed by filled",
            "rule": "complete before the first word is counted",
        },
        {"name": "until", "bytes": 2, "class": "commit word", "rule": "written before the inference that it bounds"},
        {"name": "boots", "bytes": 10, "class": "diagnostics", "rule": "counted at each start"},
        {"name": "forced failures", "bytes": 8, "class": "diagnostics", "rule": "written by x-fail and at each start"},
        {"name": "layer_cycles", "bytes": 4 * layers, "class": "diagnostics", "rule": "added to after each unit"},
    ]


def rows_json(rows: Sequence[LayerRow]) -> list[dict[str, Any]]:
    """The rows as plain values."""
    return [asdict(r) | {"shape": list(r.shape)} for r in rows]


def to_json(value: dict) -> bytes:
    """Stable JSON text of a report."""
    return (json.dumps(value, indent=2, sort_keys=True, default=_plain) + "\n").encode()


def _plain(value):
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")

"""What people and programs read: the per-layer table, the verdict, plan.json and report.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sparsecomp.exits import reading, volts_of
from sparsecomp.kernels.mac import nnz
from sparsecomp.plan import Plan
from sparsecomp.plan.units import layer_cycles, step_writes
from sparsecomp.validate import LayerError

VERSION = 1


@dataclass(frozen=True)
class LayerRow:
    """One layer of the program, in ``parts`` steps. Bytes are of FRAM; ``cycles`` is an estimate; ``sqnr_db`` and
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
    parts: int = 1


def layer_rows(plan: Plan, errors: Sequence[LayerError | None] | None = None) -> tuple[LayerRow, ...]:
    """Rows in the order in which layers begin; one that is computed in parts is one row."""
    program = plan.program
    parts: dict[str, list[int]] = {}
    for index, step in enumerate(program.steps):
        parts.setdefault(step.layer, []).append(index)
    rows = []
    for name, indices in parts.items():
        step = program.steps[indices[0]]
        mac = step.kernel == "mac"
        out = program.tensors[program.base(step.output) if len(indices) > 1 else step.output]
        error = next((errors[i] for i in reversed(indices) if errors[i]), None) if errors else None
        rows.append(
            LayerRow(
                name,
                step.kernel,
                step.source,
                out.shape,
                sum(program.steps[i].macs for i in indices),
                step.attrs["matrix"].size if mac else 0,
                nnz(step) if mac else 0,
                step.attrs["encoded"].kind if mac else "",
                sum(plan.weight_bytes[i] for i in indices),
                2 * out.stored * program.element_words,
                sum(plan.units[i].count for i in indices),
                sum(layer_cycles(plan, i) for i in indices),
                sum(step_writes(program, program.steps[i]) for i in indices),
                error.sqnr_db if error else None,
                error.max_error if error else None,
                bool(step.attrs.get("lea")),
                len(indices),
            )
        )
    return tuple(rows)


def layer_table(rows: Sequence[LayerRow]) -> list[str]:
    """The rows as aligned text; "from" names the modules of the user's network."""
    head = tuple("layer,op,from,output,MACs,nonzero,encoding,FRAM B,map B,parts,units,SQNR dB,max error".split(","))
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
                str(r.parts) if r.parts > 1 else "",
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


def policy_lines(plan: Plan) -> list[str]:
    """Where a network with early exits leaves, in volts where its supply decides; nothing for others."""
    program, policy = plan.program, plan.program.policy
    if policy is None:
        return []
    if not policy.energy:
        return [f"exit policy {policy.text}"]
    if policy.capacitor_uF is None:
        return [f"exit policy {policy.text}: a host has all the supply it wants"]
    asked = [
        f"{volts_of(level):.2f} V at '{leaving.name}'"
        for leaving, level in zip(program.exits[: policy.limit], policy.levels, strict=False)
    ]
    full = f"; {volts_of(policy.plenty):.2f} V are plenty" if policy.plenty else ""
    steady = plan.board.energy.volts
    ends = [e.name for e, level in zip(program.exits, policy.levels, strict=False) if level > reading(steady)]
    always = f"; a steady {steady:g} V always ends at '{ends[0]}'" if ends[: policy.limit] else ""
    return [f"exit policy {policy.text}, for a capacitor of {policy.capacitor_uF:g} uF: goes on from "
            f"{', '.join(asked)}{full}{always}"]  # fmt: skip


def policy_json(plan: Plan) -> dict[str, Any] | None:
    """The exits and the policy's words, as the firmware begins with them."""
    policy = plan.program.policy
    if policy is None:
        return None
    words = {key: getattr(policy, key) for key in ("capacitor_uF", "limit", "plenty", "margins", "levels")}
    exits = [{"name": leaving.name, "temperature": leaving.temperature} for leaving in plan.program.exits]
    return {"policy": policy.text} | words | {"exits": exits}


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

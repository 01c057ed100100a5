"""plan.json: where every byte lies and why it survives, how inference is cut, and what each choice was made among."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sparsecomp.device_header import has_serial
from sparsecomp.encodings import candidates
from sparsecomp.kernels import mac_cycles, rendered
from sparsecomp.plan import Plan
from sparsecomp.plan.buffers import RECEIVED
from sparsecomp.plan.energy import layer_energy_nj
from sparsecomp.plan.overlap import gaps, lives
from sparsecomp.plan.sizes import SizeOnly
from sparsecomp.plan.units import inference_writes, layer_cycles, walks
from sparsecomp.program import Step
from sparsecomp.report import VERSION, policy_json


def plan_json(plan: Plan) -> dict[str, Any]:
    """plan.json: where every byte lies, how inference is cut, and what persistent records there are."""
    program = plan.program
    return {
        "report": "plan",
        "version": VERSION,
        "board": {"name": plan.board.name, "sha256": plan.board.sha256},
        "numeric": program.numeric,
        "early_exit": policy_json(plan),
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
                "layer": s.layer,
                "kernel": s.kernel,
                "source": s.source,
                "inputs": list(s.inputs),
                "output": s.output,
                "first_unit": u.first,
                "units": u.count,
                "items_per_unit": u.per_unit,
                "cycles_per_unit_estimated": u.cycles,
                "fram_writes_per_unit": u.writes,
                "items_per_step": u.per_step,
                "cycles_estimated": layer_cycles(plan, i),
                "nj_estimated": _rounded(layer_energy_nj(plan, i)),
                "cycles_fitted": bool(s.attrs.get("lea")),
                "walk": _walk(plan, s),
                "shares_arrays_of": s.attrs.get("shares"),
                **(_choices(plan, i) if s.kernel == "mac" else {}),
            }
            for i, (s, u) in enumerate(zip(program.steps, plan.units, strict=True))
        ],
        "maps_sharing_bytes": _overlaps(plan),
        "separation": plan.separation,
        "charge": asdict(plan.charge),
        "fram_writes_per_inference": inference_writes(plan),
        "persistent": persistent_records(plan),
    }


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)


def _walk(plan: Plan, step: Step) -> str | None:
    """The function in assembly that computes a layer, None where it is C."""
    if not walks(plan.program, step, plan.board):
        return None
    return f"walk_{rendered(step, SizeOnly(plan.program)).walk}"


def _choices(plan: Plan, index: int) -> dict[str, Any]:
    """Why a layer is stored as it is: bytes of weights and cycles an output of each encoding that could hold it."""
    step = plan.program.steps[index]
    a, out = step.attrs, plan.program.tensors[step.output]
    others = {}
    for encoded in candidates(a["matrix"], a["offsets"], "auto"):
        cycles = mac_cycles.item_cycles({**a, "encoded": encoded}, out) if plan.board.has_walks else None
        others[encoded.kind] = {"bytes": encoded.nbytes, "cycles_an_output": cycles and round(cycles, 1)}
    return {"encoding": a["encoded"].kind, "encodings": others, "pooled_windows": list(a.get("pool", (1, 1))[:2])}


def _overlaps(plan: Plan) -> list[dict[str, Any]]:
    """Maps that share bytes while both are alive: how far below the one the other has to begin, or how far above, and
    the bytes in common.
    """
    buffers = [place.buffer for place in plan.placements.values()]
    found = []
    for (one, other), (below, above) in gaps(lives(plan.program, buffers, plan.units), buffers).items():
        a, b = plan.placements[one], plan.placements[other]
        shared = min(a.end, b.end) - max(a.offset, b.offset) if a.arena == b.arena else 0
        if shared > 0:
            found.append({"one": one, "other": other, "below": 2 * below, "above": 2 * above, "bytes": 2 * shared})
    return found


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

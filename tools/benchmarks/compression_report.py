"""The compression benchmark's summary: mean losses, paired differences with intervals, the headline, the ablation."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from sparsecomp.cli.style import table
from sparsecomp_tools.benchmarks.compressing import Job, read
from sparsecomp_tools.benchmarks.contenders import ABLATION, CONTENDERS, LONG
from sparsecomp_tools.benchmarks.intervals import paired

VERSION = 1
POINT = 1.0  # the loss that the headline allows, on validation data
RIVALS = [name for name in CONTENDERS if name != "ours"]


def summary(jobs: Iterable[Job], folder: Path) -> dict[str, Any]:
    """Everything that the jobs done so far say, without single answers."""
    found = {job: outcome for job in jobs if (outcome := read(job, folder)) is not None}
    runs = [
        {"task": j.task, "fold": j.fold, "method": j.method, "target": j.target}
        | {key: o[key] for key in ("val", "test", "bytes", "cycles_estimated", "layers", "float_bytes") if key in o}
        for j, o in found.items()
    ]
    return {
        "report": "compression benchmark",
        "version": VERSION,
        "comparisons": _comparisons(found),
        "headline": _headlines(found),
        "ablation": _ablation(found),
        "runs": runs,
    }


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """``new`` with what ``old`` says of tasks that ``new`` knows nothing of; the ablation is one whole."""
    done = {run["task"] for run in new["runs"]}
    kept = {
        key: [row for row in old[key] if row["task"] not in done] + new[key]
        for key in ("comparisons", "headline", "runs")
    }
    return new | kept | {"ablation": new["ablation"] or old["ablation"]}


def _folds(found: dict[Job, dict], task: str, method: str, target: int) -> dict[int, dict]:
    return {j.fold: o for j, o in found.items() if (j.task, j.method, j.target) == (task, method, target)}


def _comparisons(found: dict[Job, dict]) -> list[dict[str, Any]]:
    """Ours and each rival at each budget, over the folds that all of them have finished."""
    rows = []
    settings = sorted({(j.task, j.target) for j in found if j.method in RIVALS}, key=lambda s: (s[0], -s[1]))
    for task, target in settings:
        ours, floats = _folds(found, task, "ours", target), _folds(found, task, "float", 0)
        others = {name: _folds(found, task, name, target) for name in RIVALS}
        common = sorted(set(ours) & set(floats).intersection(*map(set, others.values())))
        if not common:
            continue
        row: dict[str, Any] = {"task": task, "target": target, "folds": common}
        row["float"] = 100 * _pooled(floats, common)
        for name, outcomes in {"ours": ours, **others}.items():
            row[name] = {
                "accuracy": 100 * _pooled(outcomes, common),
                "loss": row["float"] - 100 * _pooled(outcomes, common),
                "bytes": max(outcomes[f]["bytes"] for f in common),
            }
        for name, outcomes in others.items():
            difference = paired(*_joined(ours, outcomes, common, task))
            row[f"ours - {name}"] = vars(difference) | {"verdict": difference.verdict}
        rows.append(row)
    return rows


def _pooled(outcomes: dict[int, dict], folds: list[int]) -> float:
    return float(np.concatenate([outcomes[f]["right"] for f in folds]).mean())


def _joined(ours: dict[int, dict], others: dict[int, dict], folds: list[int], task: str) -> tuple[np.ndarray, ...]:
    """Right or wrong of both over all folds, and clusters: MNIST's folds share their test images, others share none."""
    first, second = (np.concatenate([o[f]["right"] for f in folds]) for o in (ours, others))
    apart = 0 if task == "mnist" else 1
    clusters = [np.asarray(ours[f]["cluster"]) + apart * f * 1_000_000 for f in folds]
    return first, second, np.concatenate(clusters)


def _headlines(found: dict[Job, dict]) -> list[dict[str, Any]]:
    """The fewest bytes with at most a point lost on validation data, and what the test data then say."""
    rows = []
    for task in sorted({j.task for j in found}):
        floats = _folds(found, task, "float", 0)
        best = None
        for target in sorted({j.target for j in found if j.task == task and j.method == LONG}, reverse=True):
            ours = _folds(found, task, LONG, target)
            if not floats or set(ours) != set(floats):
                continue
            lost = 100 * float(np.mean([floats[f]["val"] - ours[f]["val"] for f in floats]))
            if lost > POINT:
                break
            best = target, lost, ours
        if best is not None:
            target, lost, ours = best
            folds = sorted(floats)
            most = max(o["bytes"] for o in ours.values())
            rows.append(
                {
                    "task": task,
                    "target": target,
                    "bytes": most,
                    "ratio": floats[folds[0]]["float_bytes"] / most,
                    "validation_loss": lost,
                    "test_loss": 100 * (_pooled(floats, folds) - _pooled(ours, folds)),
                    "test": 100 * _pooled(ours, folds),
                }
            )
    return rows


def _ablation(found: dict[Job, dict]) -> list[dict[str, Any]]:
    """Mean validation and test accuracy at 2 KB with one part left out, against all parts on the same folds."""
    by_part: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for job, outcome in found.items():
        whole = found.get(Job(job.task, job.fold, "ours", job.target))
        if job.method in ABLATION and whole is not None:
            by_part[job.method].append((outcome["val"] - whole["val"], outcome["test"] - whole["test"], 1.0))
    return [
        {"part": part, "val": 100 * float(np.mean([v[0] for v in values])),
         "test": 100 * float(np.mean([v[1] for v in values])), "runs": len(values)}
        for part, values in by_part.items()
    ]  # fmt: skip


def lines(found: dict[str, Any]) -> list[str]:
    """For people."""
    head = ("task", "bytes", "float", "ours", *RIVALS, *(f"ours - {name}" for name in RIVALS), "folds")
    rows = [head]
    for row in found["comparisons"]:
        differences = [row[f"ours - {name}"] for name in RIVALS]
        rows.append(
            (
                row["task"],
                f"{row['target']:,}",
                f"{row['float']:.2f}",
                *(f"{row[name]['accuracy']:.2f}" for name in ("ours", *RIVALS)),
                *(f"{d['points']:+.2f} +- {d['half']:.2f} {d['verdict']}" for d in differences),
                str(len(row["folds"])),
            )
        )
    out = table(rows)
    if found["headline"]:
        out += ["", f"at most a point lost on validation data ({LONG}):"]
        out += [
            f"  {h['task']}: {h['bytes']:,} bytes, {h['ratio']:.0f} times fewer than float32; validation loss "
            f"{h['validation_loss']:.2f}, test loss {h['test_loss']:.2f} points, test accuracy {h['test']:.2f}"
            for h in found["headline"]
        ]
    if found["ablation"]:
        rows = [("left out or replaced, at 2,000 bytes", "validation", "test", "runs")]
        rows += [
            (a["part"], f"{a['val']:+.2f}", f"{a['test']:+.2f}", str(a["runs"]))
            for a in sorted(found["ablation"], key=lambda a: a["val"])
        ]
        out += ["", *table(rows)]
    return out

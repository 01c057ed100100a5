"""The early-exit benchmark's summary: accuracy over bytes and cycles of each answer, and both kinds at equal bytes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from sparsecomp.cli.style import table
from sparsecomp_tools.benchmarks.early_exit_jobs import BUDGETS, EXITS, Job, read
from sparsecomp_tools.benchmarks.early_exit_networks import BYTES
from sparsecomp_tools.benchmarks.intervals import paired

VERSION = 1
KINDS = ("gnet", "heads", "auto")  # auto: the better one on validation data, fold by fold
POINT = 1.0  # that gNet may be below


def summary(jobs: Iterable[Job], folder: Path) -> dict[str, Any]:
    """Everything that the jobs done so far say, without single answers."""
    found = {job: outcome for job in jobs if (outcome := read(job, folder)) is not None}
    tasks = sorted({job.task for job in found}, key=list(EXITS).index)
    runs = []
    for job, outcome in found.items():
        for row in outcome["rows"]:
            kept = {key: value for key, value in row.items() if key != "right"}
            runs.append({"task": job.task, "fold": job.fold, **kept})
    fronts, comparisons = [], []
    for task in tasks:
        mine = {job.fold: outcome for job, outcome in found.items() if job.task == task}
        fronts += _fronts(task, mine)
        comparisons += _comparisons(task, mine)
    return {
        "report": "early-exit benchmark",
        "version": VERSION,
        "backbone_bytes": BYTES,
        "fronts": fronts,
        "comparisons": comparisons,
        "overall": _overall(fronts),
        "behind": [c for c in comparisons if any(e["points"] < -POINT for e in c["exits"])],
        "seconds": round(sum(outcome["seconds"] for outcome in found.values())),
        "runs": runs,
    }


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """``new`` with what ``old`` says of tasks that ``new`` knows nothing of."""
    done = {run["task"] for run in new["runs"]}
    keys = ("fronts", "comparisons", "behind", "runs")
    both = new | {key: [row for row in old[key] if row["task"] not in done] + new[key] for key in keys}
    return both | {"overall": _overall(both["fronts"])}


def _row(outcome: dict, kind: str, budget: int) -> dict:
    if kind == "published":
        return next(r for r in outcome["rows"] if r["kind"] == kind)
    rows = [r for r in outcome["rows"] if r["budget"] == budget and r["kind"] != "published"]
    if kind == "auto":
        return max(rows, key=lambda r: (float(np.mean(r["val"])), -r["head_bytes"]))
    return next(r for r in rows if r["kind"] == kind)


def _clusters(task: str, outcomes: dict[int, dict]) -> np.ndarray:
    """What test samples of all folds come from: MNIST's folds share their test images, others share none."""
    apart = 0 if task == "mnist" else 1_000_000
    return np.concatenate([np.asarray(outcomes[f]["cluster"]) + apart * f for f in sorted(outcomes)])


def _right(outcomes: dict[int, dict], kind: str, budget: int, answer: int) -> np.ndarray:
    return np.concatenate([_row(outcomes[f], kind, budget)["right"][answer] for f in sorted(outcomes)])


def _fronts(task: str, outcomes: dict[int, dict]) -> list[dict[str, Any]]:
    """Of each contender: bytes that the exits add, and of each answer its accuracy, interval and cycles."""
    cluster, found = _clusters(task, outcomes), []
    for kind, budget in [(kind, budget) for kind in KINDS for budget in BUDGETS] + [("published", 0)]:
        rows = [_row(outcomes[fold], kind, budget) for fold in sorted(outcomes)]
        answers = []
        for index, name in enumerate((*EXITS[task], "full")):
            right = _right(outcomes, kind, budget, index)
            mean = _difference(right, np.zeros_like(right), cluster)
            answers.append(
                {"name": name, "accuracy": mean["points"], "half": mean["half"]}
                | {"cycles": float(np.mean([row["cycles"][index] for row in rows]))}
                | {"alone": float(np.mean([row["alone"][index] for row in rows]))}
            )
        found.append(
            {"task": task, "kind": kind, "budget": budget, "folds": len(rows)}
            | {"head_bytes": float(np.mean([row["head_bytes"] for row in rows]))}
            | {"bytes": float(np.mean([row["bytes"] for row in rows])), "answers": answers}
        )
    return found


def _overall(fronts: list[dict[str, Any]]) -> dict[str, float]:
    """Accuracy of each kind, the mean over tasks, budgets and exits, every task and budget counting alike."""
    means = {}
    for kind in KINDS:
        each = [np.mean([a["accuracy"] for a in f["answers"][:-1]]) for f in fronts if f["kind"] == kind]
        means[kind] = float(np.mean(each))
    return means


def _comparisons(task: str, outcomes: dict[int, dict]) -> list[dict[str, Any]]:
    """gNet less individual heads at equal bytes, and less the published head at no more bytes than that has."""
    cluster, found = _clusters(task, outcomes), []
    least = min(_row(outcome, "published", 0)["head_bytes"] for outcome in outcomes.values())
    smaller = max((budget for budget in BUDGETS if budget <= least), default=None)
    pairs = [("heads", budget, budget) for budget in BUDGETS]
    pairs += [("published", 0, smaller)] if smaller is not None else []
    for other, theirs, ours in pairs:
        ahead = [
            (_right(outcomes, "gnet", ours, i).astype(float), _right(outcomes, other, theirs, i).astype(float))
            for i in range(len(EXITS[task]))
        ]
        exits = [_difference(*pair, cluster) for pair in ahead]
        mean = _difference(*(np.mean(side, axis=0) for side in zip(*ahead, strict=True)), cluster)
        found.append({"task": task, "other": other, "budget": ours, "exits": exits, "mean": mean})
    return found


def _difference(first: np.ndarray, second: np.ndarray, cluster: np.ndarray) -> dict[str, Any]:
    """As ``paired``; without an interval where all samples are of one cluster, such as one speaker."""
    if len(set(cluster.tolist())) == 1:
        return {"points": 100 * float((first.astype(float) - second).mean()), "half": None, "verdict": ""}
    found = paired(first, second, cluster)
    return vars(found) | {"verdict": found.verdict}


def lines(found: dict[str, Any]) -> list[str]:
    """For people."""
    rows = [("task", "exits", "bytes added", "accuracy of each answer, % (95 % interval)", "million cycles", "folds")]
    for front in found["fronts"]:
        answers = front["answers"]
        accuracy = ", ".join(f"{a['accuracy']:.1f}{_half(a['half'], 1)}" for a in answers)
        cycles = ", ".join(f"{a['cycles'] / 1e6:.2f}" for a in answers)
        added, folds = f"{front['head_bytes']:,.0f}", str(front["folds"])
        rows.append((front["task"], front["kind"], added, accuracy, cycles, folds))
    out = table(rows)
    rows = [("task", "bytes", "gNet less", "at each exit, points", "mean of the exits")]
    for c in found["comparisons"]:
        each = ", ".join(_points(e) for e in c["exits"])
        rows.append((c["task"], f"{c['budget']:,}", c["other"], each, f"{_points(c['mean'])} {c['mean']['verdict']}"))
    out += ["", *table(rows), ""]
    behind = [
        f"{c['task']} at {c['budget']:,} bytes, exit {i + 1} of {len(c['exits'])}: {_points(e)} against {c['other']}"
        for c in found["behind"]
        for i, e in enumerate(c["exits"])
        if e["points"] < -POINT
    ]
    means = ", ".join(f"{kind} {mean:.2f}" for kind, mean in found["overall"].items())
    out.append(f"mean accuracy over tasks, budgets and exits: {means}")
    return [*out, f"gNet more than {POINT:g} point below: " + ("; ".join(behind) or "nowhere")]


def _points(row: dict[str, Any]) -> str:
    return f"{row['points']:+.2f}{_half(row['half'], 2)}"


def _half(half: float | None, digits: int) -> str:
    return "" if half is None else f"±{half:.{digits}f}"

"""The early-exit benchmark's summary: what is compared with what, over which samples, and where gNet is behind."""

import json

import numpy as np
import pytest

from sparsecomp_tools.benchmarks.early_exit import jobs
from sparsecomp_tools.benchmarks.early_exit_jobs import BUDGETS, EXITS, Job, read
from sparsecomp_tools.benchmarks.early_exit_report import lines, merged, summary
from sparsecomp_tools.benchmarks.intervals import paired
from sparsecomp_tools.benchmarks.tasks import TASKS

COUNT = 40


def right(share, seed):
    return np.random.default_rng(seed).random(COUNT) < share


def row(kind, budget, answers, head_bytes=None):
    return {
        "kind": kind, "budget": budget, "head_bytes": head_bytes or budget, "bytes": 8000 + budget, "right": answers,
        "cycles": [1_000_000, 2_000_000, 3_000_000], "alone": [1_000_000, 1_900_000, 2_800_000],
        "val": [0.5, 0.6], "test": [float(a.mean()) for a in answers],
    }  # fmt: skip


def outcome(fold, gnet=0.8, heads=0.8, published_bytes=1482):
    rows = [
        row(kind, budget, [right(share, fold), right(share, fold + 10), right(0.9, fold + 20)])
        for kind, share in (("gnet", gnet), ("heads", heads))
        for budget in BUDGETS
    ]
    rows.append(row("published", published_bytes + fold, [right(0.5, fold + i) for i in range(3)]))
    return {"rows": rows, "cluster": list(range(COUNT)), "seconds": 10.0, "backbone": 8000, "count": COUNT}


@pytest.fixture
def found(monkeypatch):
    outcomes = {}
    monkeypatch.setattr("sparsecomp_tools.benchmarks.early_exit_report.read", lambda job, folder: outcomes.get(job))
    return outcomes


def test_every_fold_of_every_task_is_a_job():
    assert {(j.task, j.fold) for j in jobs(False)} == {(n, f) for n, t in TASKS.items() for f in range(t.folds)}
    assert len({job.key for job in jobs(False)}) == len(jobs(False)) == 19
    assert set(jobs(True)) < set(jobs(False))


def test_kinds_are_compared_over_all_folds_at_equal_bytes(found):
    found |= {Job("fashion", fold): outcome(fold, gnet=0.6) for fold in (0, 1)}
    report = summary(list(found), None)
    first = next(c for c in report["comparisons"] if (c["other"], c["budget"]) == ("heads", 1000))
    sides = [np.concatenate([right(share, fold) for fold in (0, 1)]) for share in (0.6, 0.8)]
    expected = paired(*sides, np.arange(2 * COUNT))
    assert (first["exits"][0]["points"], first["exits"][0]["half"]) == (expected.points, expected.half)
    assert len(first["exits"]) == len(EXITS["fashion"])  # the whole network's answer is not a matter of heads
    assert first["mean"]["points"] == pytest.approx(np.mean([e["points"] for e in first["exits"]]))
    assert {(c["other"], c["budget"]) for c in report["behind"]} == {("heads", b) for b in BUDGETS}
    assert "fashion at 1,000 bytes, exit 1 of 2" in lines(report)[-1]


def test_the_published_head_meets_a_gnet_of_no_more_bytes(found):
    found[Job("fashion", 0)] = outcome(0)
    report = summary(list(found), None)
    assert [c["budget"] for c in report["comparisons"] if c["other"] == "published"] == [1000]
    found[Job("fashion", 0)] = outcome(0, published_bytes=300)
    assert not [c for c in summary(list(found), None)["comparisons"] if c["other"] == "published"]


def test_fronts_hold_bytes_cycles_and_intervals(found):
    found[Job("fashion", 0)] = outcome(0)
    report = summary(list(found), None)
    assert len(report["fronts"]) == 3 * len(BUDGETS) + 1
    answer = report["fronts"][0]["answers"][0]
    assert answer["accuracy"] == pytest.approx(100 * right(0.8, 0).mean()) and answer["half"] > 0
    assert (answer["cycles"], report["fronts"][0]["answers"][1]["alone"]) == (1e6, 1.9e6)
    assert lines(report)[-1].endswith("nowhere")
    assert json.loads(json.dumps(report)) == report


def test_auto_is_the_better_kind_on_validation_data_in_each_fold(found):
    found |= {Job("fashion", fold): outcome(fold, gnet=0.9, heads=0.5) for fold in (0, 1)}
    for entry in found[Job("fashion", 1)]["rows"]:
        entry["val"] = [0.7, 0.9] if entry["kind"] == "heads" else [0.5, 0.9]
    report = summary(list(found), None)
    answer = next(f for f in report["fronts"] if f["kind"] == "auto")["answers"][0]
    assert answer["accuracy"] == pytest.approx(50 * (right(0.9, 0).mean() + right(0.5, 1).mean()))
    assert report["overall"]["gnet"] > report["overall"]["auto"] > report["overall"]["heads"]


def test_one_speaker_alone_has_no_interval(found):
    one = outcome(0)
    one["cluster"] = [0] * COUNT
    for entry in one["rows"]:
        entry["right"].append(entry["right"][-1])
        entry["cycles"], entry["alone"] = [1, 2, 3, 4], [1, 2, 3, 4]
    found[Job("digits", 0)] = one
    report = summary(list(found), None)
    assert report["fronts"][0]["answers"][0]["half"] is None
    assert "±" not in lines(report)[1]


def test_tasks_that_are_not_run_again_stay(found):
    found[Job("fashion", 0)] = outcome(0)
    old = summary(list(found), None)
    found.clear()
    found[Job("mnist", 0)] = outcome(0)
    both = merged(old, summary(list(found), None))
    assert {f["task"] for f in both["fronts"]} == {"fashion", "mnist"}


def test_a_job_that_is_not_done_is_none_and_bits_come_back(tmp_path):
    job = Job("fashion", 3)
    assert read(job, tmp_path) is None
    bits = right(0.5, 0)
    packed = np.packbits(bits).tobytes().hex()
    (tmp_path / f"{job.key}.json").write_text(json.dumps({"rows": [{"right": [packed]}], "count": COUNT}))
    assert np.array_equal(read(job, tmp_path)["rows"][0]["right"][0], bits)

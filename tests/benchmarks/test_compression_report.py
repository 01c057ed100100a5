"""The compression benchmark's statistics and summary."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from sparsecomp_tools.benchmarks.compressing import Job
from sparsecomp_tools.benchmarks.compression import jobs
from sparsecomp_tools.benchmarks.compression_report import lines, merged, summary
from sparsecomp_tools.benchmarks.contenders import ABLATION, CONTENDERS, LONG, STEPS, method_for
from sparsecomp_tools.benchmarks.intervals import paired


def test_independent_samples_give_students_interval():
    rng = np.random.default_rng(0)
    first, second = rng.random(400) < 0.9, rng.random(400) < 0.8
    found = paired(first, second, np.arange(400))
    low, high = ttest_1samp(first.astype(float) - second, 0).confidence_interval(0.95)
    assert found.points == pytest.approx(50 * (low + high))
    assert found.half == pytest.approx(50 * (high - low))
    assert found.verdict == "ahead" and paired(second, first, np.arange(400)).verdict == "behind"


def test_samples_of_one_cluster_count_once():
    rng = np.random.default_rng(1)
    first, second = rng.random(30) < 0.9, rng.random(30) < 0.8
    alone = paired(first, second, np.arange(30))
    copied = paired(np.repeat(first, 20), np.repeat(second, 20), np.repeat(np.arange(30), 20))
    assert copied.points == pytest.approx(alone.points) and copied.half == pytest.approx(alone.half)


def test_every_contender_trains_as_many_epochs():
    for name in (*CONTENDERS, *ABLATION):
        method = method_for(name, 80_000, 2000)
        assert method.epochs * STEPS + method.finetune == 20
        if method.schedule == "geometric":
            assert 80_000 * (1 - method.step) ** STEPS == pytest.approx(2000)
    assert len({job.key for job in jobs(False)}) == len(jobs(False))
    assert {job.task for job in jobs(True)} < {job.task for job in jobs(False)}


def outcome(right, val, nbytes=None, clusters=None):
    right = np.array(right, bool)
    found = {"right": right, "val": val, "test": right.mean(), "cluster": clusters or list(range(len(right)))}
    return found | ({"float_bytes": 4000} if nbytes is None else {"bytes": nbytes, "cycles_estimated": 9, "layers": []})


def test_the_summary_compares_common_folds_and_chooses_on_validation(monkeypatch):
    answers = {}
    for fold in (0, 1):
        answers[Job("har", fold, "float")] = outcome([1] * 20, 0.95)
        for target, right in ((100, [1] * 19 + [0]), (50, [1] * 10 + [0] * 10)):
            found = outcome(right, 0.945 if target == 100 else 0.7, target)
            answers[Job("har", fold, "ours", target)] = answers[Job("har", fold, LONG, target)] = found
        answers[Job("har", fold, "gradual", 100)] = outcome([0, 1] * 10, 0.5, 100)
    answers[Job("har", 0, "published", 100)] = outcome([0] * 20, 0.1, 99)
    answers[Job("har", 0, "without distillation", 100)] = outcome([1] * 18 + [0] * 2, 0.9, 100)
    monkeypatch.setattr("sparsecomp_tools.benchmarks.compression_report.read", lambda job, folder: answers.get(job))
    found = summary(list(answers), None)
    (row,) = found["comparisons"]  # at 50 bytes there is no rival
    assert row["folds"] == [0] and row["ours"]["accuracy"] == 95 and row["published"]["loss"] == 100
    assert row["ours - published"]["verdict"] == "ahead"
    (headline,) = found["headline"]
    assert headline["target"] == 100 and headline["ratio"] == 40 and headline["test_loss"] == pytest.approx(5)
    (part,) = found["ablation"]
    assert part["test"] == pytest.approx(-5)
    assert any("40 times" in line for line in lines(found))
    other = {key: [] for key in ("headline", "ablation")}
    other |= {"comparisons": [{"task": "digits"}], "runs": [{"task": "digits"}]}
    both = merged(other, found)
    assert {r["task"] for r in both["comparisons"]} == {"digits", "har"} and both["ablation"] == found["ablation"]

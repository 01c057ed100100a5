"""The benchmark of whole layers with the accelerator."""

import json

import pytest
from click.testing import CliRunner
from toolchain import require_msp430

from sparsecomp_tools.benchmarks import lea_layers


def run(*words):
    require_msp430()
    pytest.importorskip("torch")
    return CliRunner().invoke(lea_layers.main, [str(word) for word in words])


def test_a_layer_by_both_walks(tmp_path):
    done = run("--only", "linear 128", "--out", tmp_path / "report.json")
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert json.loads(done.stdout) == report and report["simulated"]
    own, least, most = report["rows"]
    assert (own["walk"], own["fitted"], own["cycles_ratio"]) == ("walk_mac_dense", False, 1)
    assert least["start"] == "least" and most["start"] == "most" and least["fitted"] and most["fitted"]
    assert least["cycles"] < most["cycles"] < own["cycles"] and most["energy_uj"] < own["energy_uj"]
    assert most["estimated"] == pytest.approx(most["cycles"], rel=0.02)  # which the planner chooses by
    assert most["bytes"] == own["bytes"] + 128 * 32
    assert "fitted" in done.stderr


def test_a_layer_that_the_multiplier_does_faster():
    (row,) = json.loads(run("--only", "conv 5x5x1-").stdout)["rows"]
    assert row["walk"] == "walk_mac_dense"

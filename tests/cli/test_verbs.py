"""The verbs on a small saved model, from the command line to what they leave on disk."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest
from toolchain import require_msp430


def test_deploy_proves_a_model_on_the_host(cli, model, tmp_path):
    out = tmp_path / "project"
    result = cli("deploy", "--board", "host", model, "-o", out, "--failures", 50)
    assert result.code == 0, result.err
    assert any(line.startswith("FITS") for line in result.out.splitlines())
    for name in ("model.c", "model.h", "headers/headers.h", "headers/input.h", "Makefile", "plan.json", "report.json"):
        assert (out / name).is_file(), name


def test_deploy_prints_json_and_nothing_else(cli, model, tmp_path):
    result = cli("deploy", model, "-o", tmp_path / "project", "--failures", 20, "--json")
    assert result.code == 0, result.err
    document = json.loads(result.out)
    assert document["report"] and document["version"] >= 1


@pytest.mark.parametrize("until", ["plan", "generate", "build"])
def test_deploy_stops_where_it_is_told(cli, model, tmp_path, until):
    out = tmp_path / "project"
    result = cli("deploy", model, "-o", out, "--until", until)
    assert result.code == 0, result.err
    assert (out / "model.c").exists() == (until != "plan")


def test_deploy_for_a_board_runs_its_firmware(cli, model, tmp_path):
    require_msp430()
    result = cli("deploy", "--board", "msp430fr5994", model, "-o", tmp_path / "project", "--port", "virtual")
    assert result.code == 0, result.err
    assert (tmp_path / "project" / "model.c").is_file()
    assert "PASS" in result.out and "virtual (simulated msp430fr5994)" in result.out
    assert "one inference (simulated):" in result.out


def test_deploy_measures_accuracy_on_given_data(cli, model, tmp_path):
    images = np.random.default_rng(5).random((6, 8, 8), dtype=np.float32)
    np.savez(tmp_path / "test.npz", x=images, y=np.zeros(6, np.int64))
    result = cli("deploy", model, "-o", tmp_path / "p", "--data", tmp_path / "test.npz", "--failures", 5, "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)


def test_analyze_on_all_boards(cli, model):
    result = cli("analyze", model, "--board", "all")
    assert result.code == 0, result.err
    assert all(name in result.out for name in ("host", "msp430fr5994", "msp430fr5969"))
    one = json.loads(cli("analyze", model, "--json").out)
    assert one["report"] and one["version"] >= 1


def test_convert_twice_gives_the_same_bytes(cli, model, tmp_path):
    trees = []
    for name in ("a", "b"):
        result = cli("convert", model, "-o", tmp_path / name)
        assert result.code == 0, result.err
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        trees.append({path.relative_to(tmp_path / name): path.read_bytes() for path in files})
    assert trees[0] == trees[1] and len(trees[0]) > 5


def test_simulate_writes_junit(cli, model, tmp_path):
    report = tmp_path / "out.xml"
    result = cli("simulate", model, "--failures", 40, "--seed", 7, "--kills", 2, "--junit", report)
    assert result.code == 0, result.err
    suite = ElementTree.parse(report).getroot()
    assert int(suite.attrib["tests"]) >= 1 and suite.attrib["failures"] == "0"
    assert any(line.startswith("PASS") for line in result.out.splitlines())


def test_explore_exhausts_a_small_model(cli, model):
    result = cli("explore", model)
    assert result.code == 0, result.err
    assert "exhausted" in result.out and "states" in result.out
    document = json.loads(cli("explore", model, "--json").out)
    assert document["report"] and document["version"] >= 1

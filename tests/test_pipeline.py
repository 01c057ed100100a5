"""The verbs as functions: what they return, where they stop, what they leave on disk."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.resources import files as package_files
from pathlib import Path

import numpy as np
import pytest
from small import Net, chain, loaded, residual, samples
from toolchain import require_msp430

import sparsecomp
from sparsecomp import pipeline
from sparsecomp.boards import list_boards, load_board
from sparsecomp.build import built
from sparsecomp.errors import InputError, MismatchError, ToolError
from sparsecomp.on_board import Bench
from sparsecomp.prepare import Request, prepare
from sparsecomp.report import VERSION
from sparsecomp.results import Analysis, Conversion, Deployment, SimulationResult
from sparsecomp.validate import compare_layers

QUICK = {"failures": 20, "kills": 0}


def files(directory) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in Path(directory).rglob("*") if p.is_file()}


def document(result, report: str) -> dict:
    """The result's JSON, through text and back."""
    text = json.dumps(result.to_json(), allow_nan=False)
    found = json.loads(text)
    assert (found["report"], found["version"]) == (report, VERSION)
    assert isinstance(VERSION, int)
    assert all(isinstance(line, str) for line in result.lines())
    return found


def test_analyze_on_several_boards(model):
    result = sparsecomp.analyze(model, ["host", "msp430fr5969"])
    assert isinstance(result, Analysis) and dataclasses.is_dataclass(result)
    found = document(result, "analysis")
    assert [b["board"] for b in found["boards"]] == ["host", "msp430fr5969"]
    assert [b["fits"] for b in found["boards"]] == [True, True]
    assert [layer["name"] for layer in found["layers"] if layer["op"] == "mac"] == ["conv1", "fc1"]
    assert result.exit_code == 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.rows = ()


def test_analyze_of_what_fits_nowhere_says_so_and_has_no_rows():
    net = Net((1000,))
    big = loaded(net.graph(net.linear("x", 500)))
    result = sparsecomp.analyze(big, "msp430fr5969")
    found = document(result, "analysis")
    assert result.exit_code == 3
    assert found["layers"] == [] and found["boards"][0]["plan"] is None
    assert found["boards"][0]["verdict"].startswith("DOES NOT FIT msp430fr5969: the model needs")


def test_analyze_needs_no_calibration_data_and_says_that_it_had_none(tmp_path):
    model = dataclasses.replace(loaded(chain()), calibration=None, samples=None)
    assert any("not calibrated" in note for note in sparsecomp.analyze(model).notes)
    with pytest.raises(InputError, match="no calibration data"):
        sparsecomp.deploy(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_convert_writes_a_project_and_returns_what_it_wrote(model, tmp_path):
    result = sparsecomp.convert(model, tmp_path / "out")
    assert isinstance(result, Conversion)
    found = document(result, "conversion")
    assert found["files"] == len(files(tmp_path / "out"))
    plan = json.loads((tmp_path / "out/plan.json").read_text())
    listed = plan.pop("files")
    assert plan == found["plan"]
    assert set(listed) == set(files(tmp_path / "out")) - {"plan.json", "report.json"}


@pytest.mark.parametrize("until, stage", [("plan", "plan"), ("generate", "generate"), ("build", "build")])
def test_deploy_stops_where_it_is_told(model, tmp_path, until, stage):
    result = sparsecomp.deploy(model, tmp_path / "out", until=until, **QUICK)
    found = document(result, "deployment")
    assert isinstance(result, Deployment)
    assert found["stage"] == stage and found["accuracy"] is None and found["power"] is None
    assert (tmp_path / "out").exists() == (until != "plan")
    assert (result.directory is None) == (until == "plan")
    assert not (tmp_path / "out/build").exists()


def test_the_whole_line_and_its_report(model, tmp_path):
    result = sparsecomp.deploy(model, tmp_path / "out", failures=200, kills=2)
    found = document(result, "deployment")
    assert found["stage"] == "validate" and result.exit_code == 0
    assert found["accuracy"]["samples"] == 12 and found["accuracy"]["metric"] == "accuracy"
    assert found["accuracy"]["float_network"] == 1.0
    assert found["accuracy"]["reference"] == found["accuracy"]["host_c"] == found["accuracy"]["agreement"]
    assert found["compared_elements"] == sum(np.prod(layer["shape"]) for layer in found["layers"])
    assert (result.power.failures, result.power.kills) == (200, 2)
    assert json.loads((tmp_path / "out/report.json").read_text()) == found


def test_an_unknown_stage_is_refused_with_the_known_ones(model, tmp_path):
    with pytest.raises(InputError, match="'linking'") as refusal:
        sparsecomp.deploy(model, tmp_path / "out", until="linking")
    assert "generate" in refusal.value.hint


@pytest.mark.parametrize("board", [name for name in list_boards() if name != "host"])
def test_a_board_runs_its_firmware(board, model, tmp_path):
    require_msp430()
    bench = Bench(ports=("virtual",))
    result = sparsecomp.deploy(model, tmp_path / "out", board=board, bench=bench, samples=2)
    assert result.stage == "validate"
    found = document(result, "deployment")
    assert any(f"linked for {board}" in remark for remark in found["remarks"])
    assert found["board"]["simulated"] and found["board"]["samples"] == 2
    assert found["compared_elements"] > 0 and found["accuracy"]["host_c"] == found["accuracy"]["board"]
    measured = found["board"]["measured"]
    assert measured["inferences"] == 2 and measured["reboots"] == 0
    assert sum(layer["cycles"] for layer in measured["layers"]) == pytest.approx(measured["cycles"], abs=20)


def test_a_board_without_a_serial_line_stops_after_the_build(model, tmp_path):
    require_msp430()
    text = package_files("sparsecomp_boards").joinpath("msp430fr5994.toml").read_text()
    (tmp_path / "mute.toml").write_text(text[: text.index("[serial]")])
    result = sparsecomp.deploy(model, tmp_path / "out", board=tmp_path / "mute.toml")
    assert result.stage == "build" and "has no [serial]" in result.remarks[-1]
    assert "selftest_verdict" in (tmp_path / "out/main.c").read_text()


def test_a_directory_of_somebody_else_is_left_alone(model, tmp_path):
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "chapter.tex").write_text("years of work")
    for verb in (sparsecomp.convert, sparsecomp.deploy):
        with pytest.raises(InputError, match="'thesis' holds files"):
            verb(model, foreign)
    assert files(foreign) == {"chapter.tex": b"years of work"}
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="no directory"):
        sparsecomp.convert(model, tmp_path / "file")
    with pytest.raises(InputError, match="there is no directory"):
        sparsecomp.convert(model, tmp_path / "a" / "b")


@pytest.mark.parametrize("name", ["notes.txt", "main.c", "headers/mine.h"])
def test_what_the_user_added_or_changed_in_a_project_is_not_lost(model, tmp_path, name):
    sparsecomp.convert(model, tmp_path / "out")
    (tmp_path / "out" / name).write_text("mine")
    with pytest.raises(InputError, match=name):
        sparsecomp.convert(model, tmp_path / "out")
    assert (tmp_path / "out" / name).read_text() == "mine"


def test_what_make_left_is_replaced(model, tmp_path):
    sparsecomp.convert(model, tmp_path / "out")
    (tmp_path / "out/build").mkdir()
    (tmp_path / "out/build/selftest").write_text("")
    sparsecomp.convert(model, tmp_path / "out")
    assert not (tmp_path / "out/build").exists()


def test_a_foreign_directory_with_a_plan_of_its_own_is_left_alone(model, tmp_path):
    (tmp_path / "house").mkdir()
    (tmp_path / "house/plan.json").write_text('{"rooms": 4}')
    with pytest.raises(InputError, match="'house' holds files"):
        sparsecomp.convert(model, tmp_path / "house")
    assert files(tmp_path / "house") == {"plan.json": b'{"rooms": 4}'}


def test_our_own_directory_is_replaced_as_a_whole(model, tmp_path):
    sparsecomp.convert(loaded(residual()), tmp_path / "out")
    before = files(tmp_path / "out")
    sparsecomp.convert(model, tmp_path / "out")
    after = files(tmp_path / "out")
    assert "headers/conv3.h" in before and "headers/conv3.h" not in after
    assert os.listdir(tmp_path) == ["out"]
    (tmp_path / "empty").mkdir()
    sparsecomp.convert(model, tmp_path / "empty")
    assert files(tmp_path / "empty") == after


def test_a_failure_leaves_nothing_and_keeps_what_was_there(model, tmp_path, monkeypatch):
    monkeypatch.setenv("CC", "false")
    with pytest.raises(ToolError, match="does not build"):
        sparsecomp.deploy(model, tmp_path / "out")
    assert os.listdir(tmp_path) == []
    sparsecomp.convert(model, tmp_path / "out")
    before = files(tmp_path / "out")
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(ToolError, match="no-such-compiler is not on the PATH"):
        sparsecomp.deploy(model, tmp_path / "out")
    assert files(tmp_path / "out") == before
    assert os.listdir(tmp_path) == ["out"]


def test_the_same_model_gives_the_same_bytes_in_any_process(model, tmp_path):
    script = "import sparsecomp, sys; sparsecomp.convert(sys.argv[1], sys.argv[2]); assert 'torch' not in sys.modules"
    for seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run(
            [sys.executable, "-c", script, model, tmp_path / seed], check=True, env=environment, cwd=tmp_path
        )
    assert files(tmp_path / "0") == files(tmp_path / "1")


def test_make_needs_no_python(model, tmp_path):
    sparsecomp.convert(model, tmp_path / "out")
    (tmp_path / "bin").mkdir()
    for name in ("gcc", "cc", "make", "as", "ld", "sh", "mkdir", "rm"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    environment = {"PATH": str(tmp_path / "bin")}
    assert shutil.which("python3", path=environment["PATH"]) is None
    done = subprocess.run(["make", "-C", tmp_path / "out"], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert re.search(r"selftest: PASS, 3 words", done.stdout)
    subprocess.run(["make", "-C", tmp_path / "out", "device"], check=True, capture_output=True, env=environment)


@pytest.mark.parametrize("board", ["host", "msp430fr5994"])
def test_generated_files_hold_no_path_and_no_date(model, tmp_path, board):
    sparsecomp.convert(model, tmp_path / "out", board=board)
    for name, data in files(tmp_path / "out").items():
        text = data.decode("ascii")
        assert str(tmp_path) not in text and str(Path.home()) + "/" not in text, name
        assert not re.search(r"(?<![\w./*])/(?!tmp/|dev/)[a-z]+/[a-z]", text), name
        assert not re.search(r"__DATE__|__TIME__|\b20[0-9]{2}-[01][0-9]-|\b\d\d:\d\d:\d\d\b", text), name


def test_a_tampered_weight_is_found_with_the_layers_name(tmp_path, model):
    prepared = prepare(model, Request(encoding="dense"))
    sparsecomp.convert(model, tmp_path / "out", encoding="dense")
    test = prepared.data(prepared.loaded.samples)
    with built(tmp_path / "out", load_board("host")) as copy:
        assert compare_layers(copy, prepared.program, test.wire) > 0
    tamper(tmp_path / "out/headers/fc1.h")
    with built(tmp_path / "out", load_board("host")) as copy, pytest.raises(MismatchError) as found:
        compare_layers(copy, prepared.program, test.wire)
    index = next(i for i, step in enumerate(prepared.program.steps) if step.name == "fc1")
    assert re.search(rf"first in layer {index} 'fc1' \(.+\) at element 0: -?\d+ instead of -?\d+", found.value.message)


def tamper(path: Path) -> None:
    """All weights of a layer doubled or so."""
    text = path.read_text()
    head, rest = re.split(r"(?<=w_data\[54\] = {\n)", text)
    numbers, tail = rest.split("};", 1)
    path.write_text(head + re.sub(r"-?\d+", lambda n: str(int(n[0]) // 2), numbers) + "};" + tail)


def test_a_deployment_that_differs_names_the_layer_and_leaves_nothing(model, tmp_path, monkeypatch):
    honest = pipeline.generate

    def dishonest(*args):
        made = honest(*args)
        (tmp_path / "fc1.h").write_bytes(made["headers/fc1.h"])
        tamper(tmp_path / "fc1.h")
        return {**made, "headers/fc1.h": (tmp_path / "fc1.h").read_bytes()}

    monkeypatch.setattr(pipeline, "generate", dishonest)
    with pytest.raises(MismatchError, match="'fc1'") as found:
        sparsecomp.deploy(model, tmp_path / "out", encoding="dense", **QUICK)
    assert found.value.exit_code == 5
    with pytest.raises(MismatchError, match="selftest: FAIL"):
        sparsecomp.deploy(model, tmp_path / "out", encoding="dense", until="build")
    assert os.listdir(tmp_path) == ["fc1.h"]


def test_a_volatile_input_works_from_end_to_end(model, tmp_path):
    kept, given = (sparsecomp.simulate(model, failures=150, kills=1, volatile_input=v) for v in (False, True))
    assert isinstance(given, SimulationResult) and given.exit_code == 0
    found = document(given, "simulation")
    assert all(case["passed"] for case in found["cases"].values())
    assert given.plan.state_bytes < kept.plan.state_bytes
    result = sparsecomp.deploy(model, tmp_path / "out", volatile_input=True, **QUICK)
    assert result.exit_code == 0 and result.accuracy.host_c == result.accuracy.reference


def test_samples_of_a_hand_made_graph_run_too():
    graph = residual()
    assert sparsecomp.simulate(loaded(graph, samples(graph)), **QUICK).exit_code == 0

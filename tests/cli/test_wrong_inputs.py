"""Wrong boards, data and surroundings: a line, a hint, the right exit code, and no directory left behind."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sparsecomp_boards import __file__ as boards_file

HOST = (Path(boards_file).parent / "host.toml").read_text()


@pytest.fixture
def deploy(cli, tmp_path):
    """Deploys into a folder of the test and asserts that nothing is left there."""

    def run(*words):
        before = set(tmp_path.iterdir())
        result = cli("deploy", *words, "-o", tmp_path / "project")
        assert set(tmp_path.iterdir()) == before
        return result

    return run


def data(path, x, y):
    np.savez(path, x=x, y=y)
    return path


IMAGES = np.zeros((4, 1, 8, 8), np.float32)


def test_unknown_board(deploy, model):
    deploy(model, "--board", "msp430fr594").refused(2, "unknown board 'msp430fr594'", "msp430fr5994")


def test_malformed_board_file(deploy, model, tmp_path):
    board = tmp_path / "mine.toml"
    board.write_text(HOST.replace("clock_hz = 8_000_000", "clock_hz = fast"))
    line = 1 + HOST[: HOST.index("clock_hz")].count("\n")
    deploy(model, "--board", board).refused(2, f"mine.toml, line {line}")


def test_board_file_with_a_wrong_key(deploy, model, tmp_path):
    board = tmp_path / "mine.toml"
    board.write_text(HOST.replace("wait_states", "waitstates"))
    deploy(model, "--board", board).refused(2, "unknown key 'fram.waitstates'", "did you mean 'wait_states'?")


def test_model_that_is_not_there(deploy, tmp_path):
    deploy(tmp_path / "gone.pt").refused(2, "gone.pt")


@pytest.mark.parametrize("option", ["--data", "--calibrate"])
def test_data_of_the_wrong_shape(deploy, model, tmp_path, option):
    path = data(tmp_path / "data.npz", np.zeros((4, 1, 9, 8), np.float32), np.zeros(4, np.int64))
    deploy(model, option, path).refused(2, "(1, 9, 8)", "(1, 8, 8)")


def test_labels_out_of_range(deploy, model, tmp_path):
    deploy(model, "--data", data(tmp_path / "data.npz", IMAGES, np.array([0, 1, 2, 3]))).refused(2, "3", "0 to 2")


def test_labels_that_are_too_few(deploy, model, tmp_path):
    path = data(tmp_path / "data.npz", IMAGES, np.zeros(3, np.int64))
    deploy(model, "--data", path).refused(2, "holds 4 samples but 3 labels")


def test_data_that_is_no_npz(deploy, model, tmp_path):
    (tmp_path / "data.npz").write_text("x,y")
    deploy(model, "--data", tmp_path / "data.npz").refused(2, "data.npz is not an .npz file", "np.savez")
    deploy(model, "--data", tmp_path / "gone.npz").refused(2, "there is no data file")


def test_model_that_is_too_big_for_the_board(deploy, model, tmp_path):
    board = tmp_path / "tiny.toml"
    board.write_text(HOST.replace("size = 0x100000", "size = 0x80").replace('name = "host"', 'name = "tiny"', 1))
    deploy(model, "--board", board).refused(3, "128")


def test_charge_that_is_too_small(deploy, model, tmp_path):
    board = tmp_path / "tiny.toml"
    board.write_text(HOST.replace("charge_cycles = 650_000", "charge_cycles = 1_010"))
    deploy(model, "--board", board).refused(3, "cycles")


def test_compiler_missing(deploy, model, tmp_path, monkeypatch):
    empty = tmp_path / "bin"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    deploy(model).refused(4, "gcc", "apt install")


def test_compiler_named_by_the_environment_that_does_not_exist(deploy, model, monkeypatch):
    monkeypatch.setenv("CC", "nocc")
    deploy(model).refused(4, "nocc", "variable CC")


def test_cross_compiler_prefix_that_does_not_exist(deploy, model, tmp_path):
    board = tmp_path / "mine.toml"
    board.write_text(HOST.replace('prefix = ""', 'prefix = "none-elf-"'))
    deploy(model, "--board", board).refused(4, "none-elf-gcc")


def test_output_folder_that_cannot_be_made(cli, model, tmp_path):
    (tmp_path / "file").write_text("mine")
    result = cli("convert", model, "-o", tmp_path / "file" / "project")
    result.refused(2, "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_output_folder_that_is_a_file(cli, model, tmp_path):
    (tmp_path / "file").write_text("mine")
    result = cli("convert", model, "-o", tmp_path / "file")
    assert result.code in (2, 4) and result.err.startswith("error: ") and "unexpected" not in result.err
    assert (tmp_path / "file").read_text() == "mine"


def test_output_folder_that_holds_something_else_is_left_alone(cli, model, tmp_path):
    out = tmp_path / "project"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    result = cli("convert", model, "-o", out)
    assert (out / "thesis.txt").read_text() == "mine"
    if result.code:
        result.refused(2, "project")


@pytest.mark.parametrize("limit", [0, 500, 4000])
def test_disk_full(model, tmp_path, limit):
    """A limit on the size of files stands in for a disk that is full: each write beyond it fails in the same way."""
    out = tmp_path / "project"
    done = subprocess.run(
        [sys.executable, "-B", "-m", "sparsecomp.cli", "convert", str(model), "-o", str(out)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode == 4, done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines[-2].startswith("error: ") and lines[-1].startswith("hint: ") and "disk" in lines[-1]
    assert "Traceback" not in done.stderr and list(tmp_path.iterdir()) == []


def test_report_on_a_full_device(cli, model):
    assert os.path.exists("/dev/full")
    result = cli("simulate", model, "--failures", 2, "--kills", 0, "--junit", "/dev/full")
    result.refused(4, "/dev/full", "space left on device")

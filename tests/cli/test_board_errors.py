"""What goes wrong between this computer and a board, at the command line: a line, a hint, the right exit code, no rest.

The boards are virtual ones that ``sparsecomp board run`` runs beside the verbs.
"""

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from toolchain import require_msp430

from sparsecomp.boards import load_board
from sparsecomp.build import built

BOARD = "msp430fr5994"
COMMAND = [sys.executable, "-m", "sparsecomp.cli"]
SECONDS = 30.0  # that anything may take here
INPUT, TOOL, MISMATCH = 2, 4, 5


@dataclass(frozen=True)
class Made:
    """A model file, the project made from it and its firmware."""

    model: Path
    project: Path
    elf: Path

    @property
    def hash(self) -> str:
        """What the firmware answers with."""
        return (self.project / "model.h").read_text().split('MODEL_HASH "')[1].split('"')[0]


def call(*words, **options):
    """Runs the command line in a process of its own."""
    return subprocess.run([*COMMAND, *map(str, words)], capture_output=True, text=True, timeout=SECONDS, **options)


def refused(done, code, *words):
    """One line of error, one of hint, last of all; ``words`` are in them."""
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr and "report" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) >= 2 and lines[-2].startswith("error: ") and lines[-1].startswith("hint: "), done.stderr
    assert sum(line.startswith(("error:", "hint:")) for line in lines) == 2, done.stderr
    for word in words:
        assert word in "\n".join(lines[-2:])


@pytest.fixture(scope="module")
def made(model, tmp_path_factory):
    require_msp430()
    folder = tmp_path_factory.mktemp("made")
    done = call("deploy", model, "--board", BOARD, "--until", "generate", "-o", folder / "project")
    assert done.returncode == 0, done.stderr
    with built(folder / "project", load_board(BOARD)) as copy:
        elf = folder / "firmware.elf"
        elf.write_bytes((copy / "build/firmware.elf").read_bytes())
    return Made(model, folder / "project", elf)


@pytest.fixture(scope="module")
def image(made, tmp_path_factory):
    """The FRAM of a virtual board that was flashed."""
    path = tmp_path_factory.mktemp("image") / "board.fram"
    done = call("flash", made.project, "--image", path)
    assert done.returncode == 0 and made.hash in done.stdout, done.stderr
    return path


@pytest.fixture
def board(made):
    """A function that runs a virtual board: (process, port). All are ended afterwards."""
    running = []

    def start(*words):
        process = subprocess.Popen(
            [*COMMAND, "board", "run", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        running.append(process)
        line = process.stderr.readline()
        assert line.startswith("serial port /dev/"), line + process.stderr.read()
        return process, line.split()[2].rstrip(";")

    yield start
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def clean(tmp_path):
    """A function that deploys into this folder and sees that nothing is left there."""

    def deploy(*words):
        before = set(tmp_path.iterdir())
        done = call("deploy", *words, "-o", tmp_path / "project", cwd=tmp_path)
        assert set(tmp_path.iterdir()) == before
        return done

    return deploy


@pytest.mark.parametrize("whole_group", [False, True])
def test_control_c_takes_the_power_away_and_reports(whole_group, made, board):
    process, _ = board(made.elf)
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("stopped: interrupted") and "1 starts, 0 power failures" in out


def test_firmware_of_another_model(made, board, tmp_path):
    import torch
    from torch import nn

    import sparsecomp

    torch.manual_seed(4)
    other = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 3)).eval()
    images = np.random.default_rng(4).random((4, 1, 8, 8), dtype=np.float32)
    sparsecomp.save(other, tmp_path / "other.pt", torch.zeros(1, 1, 8, 8), calibration=images, samples=images)
    _, port = board(made.elf)
    done = call("accuracy", tmp_path / "other.pt", "--port", port)
    refused(done, MISMATCH, made.hash)
    assert len(set(re.findall(r"\b[0-9a-f]{16}\b", done.stderr))) == 2  # that found and that wanted
    # The same model with other options is another firmware.
    refused(call("accuracy", made.model, "--weights", "int16", "--port", port), MISMATCH, made.hash)


def test_an_image_of_another_board(made, image, model, tmp_path):
    refused(call("board", "run", "--board", "msp430fr5969", "--image", image), INPUT)
    before = image.read_bytes()
    done = call("deploy", model, "--board", "msp430fr5969", "--until", "generate", "-o", tmp_path / "project")
    assert done.returncode == 0, done.stderr
    refused(call("flash", tmp_path / "project", "--image", image), INPUT)
    assert image.read_bytes() == before


def test_a_firmware_for_another_board(made):
    refused(call("board", "run", made.elf, "--board", "msp430fr5969", "--cycles", 1000), INPUT)
    refused(call("board", "run", made.elf, "--board", "host", "--cycles", 1000), INPUT)


@pytest.mark.parametrize("size", [0, 10, 52, 5000, -100])
def test_a_truncated_firmware(size, made, tmp_path):
    path = tmp_path / "cut.elf"
    path.write_bytes(made.elf.read_bytes()[:size])
    refused(call("board", "run", path, "--image", tmp_path / "fram"), INPUT, "cut.elf")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("head", [b"", b"\x7fELF", b"\x7fELF\x01\x01\x01" + bytes(9) + b"\x02\0\x69\0\1\0\0\0"])
def test_random_bytes_as_firmware(head, made, tmp_path):
    path = tmp_path / "noise.elf"
    path.write_bytes(head + np.random.default_rng(1).bytes(3000))
    refused(call("board", "run", path, "--image", tmp_path / "fram"), INPUT, "noise.elf")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("damage", ["cut", "description"])
def test_a_damaged_image(damage, made, image, tmp_path):
    data = image.read_bytes()
    path = tmp_path / "damaged.fram"
    path.write_bytes(data[:-1000] if damage == "cut" else data.replace(b"FRAM image 1", b"FRAM image 9"))
    before = path.read_bytes()
    assert before != data
    refused(call("board", "run", "--image", path), INPUT, "FRAM image", "damaged")
    refused(call("flash", made.project, "--image", path), INPUT, "FRAM image", "damaged")
    assert path.read_bytes() == before


def test_nothing_to_run(tmp_path):
    (tmp_path / "empty.fram").touch()
    refused(call("board", "run", "--image", tmp_path / "empty.fram"), INPUT, "empty.fram")
    (tmp_path / "empty.fram").unlink()
    refused(call("board", "run"), INPUT, "nothing to run")
    refused(call("board", "run", "--image", tmp_path / "missing.fram"), INPUT, "missing.fram", "flash --image")
    refused(call("board", "run", tmp_path / "missing.elf"), INPUT, "missing.elf")
    refused(call("flash", tmp_path / "missing"), INPUT, "missing")
    assert not list(tmp_path.iterdir())


def test_a_port_that_is_busy(made, board):
    import serial

    _, port = board(made.elf)
    with serial.Serial(port, 115_200, exclusive=True):
        refused(call("accuracy", made.model, "--port", port), TOOL, port, "busy")
    assert call("accuracy", made.model, "--port", port).returncode == 0


def test_a_port_that_is_missing(made, clean):
    refused(call("accuracy", made.model, "--port", "/dev/ttyNone7"), TOOL, "/dev/ttyNone7 does not exist", "doctor")
    refused(clean(made.model, "--board", BOARD, "--port", "/dev/ttyNone7", "--runner", "bsl"), TOOL)


def without_privileges():
    """Before a program starts: even root's may then open only what the modes allow (prctl(2), capabilities(7))."""
    drop, dac_override, dac_read_search = 24, 1, 2
    for capability in (dac_override, dac_read_search):
        ctypes.CDLL(None).prctl(drop, capability, 0, 0, 0)


def test_a_port_without_permission(made, board):
    _, port = board(made.elf)
    os.chmod(port, 0)
    done = call("accuracy", made.model, "--port", port, preexec_fn=without_privileges)
    refused(done, TOOL, f"{port} may not be opened", "dialout")


def test_a_file_is_no_port(made, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"")
    refused(call("accuracy", made.model, "--port", path), TOOL, str(path))


def test_a_port_that_goes_in_mid_run_and_a_rerun(made, image, board, tmp_path):
    count = 400
    data, log, fram = tmp_path / "data.npz", tmp_path / "log", tmp_path / "fram"
    np.savez(data, x=np.random.default_rng(5).random((count, 1, 8, 8), dtype=np.float32), y=np.zeros(count, np.int64))
    fram.write_bytes(image.read_bytes())
    process, port = board("--image", fram)
    words = ["accuracy", str(made.model), "--data", str(data), "--log", str(log), "--port"]
    run = subprocess.Popen([*COMMAND, *words, port], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + SECONDS
    while not (log.exists() and log.read_bytes().count(b"\n") > 5):
        assert run.poll() is None and time.monotonic() < end
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    out, err = run.communicate(timeout=SECONDS)
    refused(subprocess.CompletedProcess(words, run.returncode, out, err), TOOL, port)
    process.communicate(timeout=SECONDS)
    answered = log.read_bytes().count(b"\n") - 1
    assert 5 <= answered < count
    _, port = board("--image", fram)
    done = call(*words, port, "--json")
    assert done.returncode == 0, done.stderr
    assert log.read_bytes().count(b"\n") == 1 + count
    assert f'"resumed": {answered}' in done.stdout
    # The log is another run's for other data.
    refused(call(*words, port, "--samples", 3), INPUT, "log")


@pytest.mark.parametrize("baud", [9600, 230_400])
def test_another_baud_rate(baud, made, board, tmp_path):
    text = files("sparsecomp_boards").joinpath(f"{BOARD}.toml").read_text()
    mine = tmp_path / "mine.toml"
    assert "baud = 115_200" in text
    mine.write_text(text.replace("baud = 115_200", f"baud = {baud}"))
    _, port = board(made.elf)
    done = call("accuracy", made.model, "--board", mine, "--port", port, "--patience", 0.2)
    refused(done, TOOL, port, "baud rate")


def test_a_harvester_without_a_capacitor(made, clean):
    for more in (["--power", "500uW"], ["--trace", "trace.txt"]):
        refused(clean(made.model, "--board", BOARD, *more), INPUT, "--capacitor")
        refused(call("board", "run", made.elf, *more), INPUT, "--capacitor")
    for wrong in ("100", "-1uF", "nanuF", "100uW", "0uF"):
        refused(call("board", "run", made.elf, "--power", "1mW", f"--capacitor={wrong}"), INPUT)


@pytest.mark.parametrize(
    "text", ["", "\n", "what is this\n", "0 1\n0\n", "5 1\n3 1\n", "0 nan\n", "0 -3\n", "\0\xff\xfe", "0 1 2 3\n"]
)
def test_a_trace_that_is_nonsense(text, made, tmp_path):
    path = tmp_path / "trace.txt"
    path.write_bytes(text.encode("latin-1"))
    done = call("board", "run", made.elf, "--capacitor", "100uF", "--trace", path, "--cycles", 1000)
    refused(done, INPUT, "trace.txt")


def test_a_trace_that_is_missing(made, clean, tmp_path):
    gone = tmp_path / "gone.txt"
    refused(clean(made.model, "--board", BOARD, "--capacitor", "100uF", "--trace", gone), INPUT, "gone.txt")


def test_an_unknown_runner(made, clean):
    refused(call("flash", made.project, "--port", "/dev/ttyNone7", "--runner", "magic"), INPUT, "'magic'")
    refused(clean(made.model, "--board", BOARD, "--port", "/dev/ttyNone7", "--runner", "magic"), INPUT, "'magic'")


def test_a_port_named_twice(made, clean):
    twice = ["--port", "/dev/ttyNone7", "--port", "/dev/ttyNone7"]
    refused(call("accuracy", made.model, *twice), INPUT, "twice")
    refused(clean(made.model, "--board", BOARD, *twice), INPUT, "twice")


def test_the_host_has_no_serial_line(made):
    refused(call("accuracy", made.model, "--board", "host"), INPUT, "host")

"""Accuracy runs over serial: interrupted, resumed, shared by several boards, and wrong in every way."""

import json
import os
import signal
import threading
from contextlib import contextmanager

import numpy as np
import pytest

from sparsecomp.errors import MismatchError, ToolError
from sparsecomp_tools.accuracy import Difference, Job, Log, Port, SerialPlace, VirtualPlace, port_of, run_accuracy
from sparsecomp_tools.link import Device, open_line
from sparsecomp_tools.virtual_board import Supply, VirtualBoard


def job(firmware, **changes):
    expected = [firmware.answer(i) for i in range(len(firmware.made.words))]
    fields = {
        "inputs": firmware.made.words,
        "outputs": tuple(firmware.outputs),
        "expected": expected,
        "model_hash": firmware.hash,
        "patience": 60.0,
    }
    return Job(**(fields | changes))


def log_of(firmware, path=None):
    return Log(path, firmware.hash, "data", len(firmware.made.words))


def sizes(firmware):
    program = firmware.made.program
    return [program.tensors[program.base(s.output)].stored for s in program.steps]


@pytest.fixture
def place(chain, tmp_path):
    """A function that makes flashed virtual boards."""

    def make(name="virtual", **options):
        found = VirtualPlace(chain.made.plan.board, chain.elf, tmp_path, name=name, **options)
        found.flash()
        return found

    return make


def test_several_boards_share_the_work(chain, place):
    boards = [place("one"), place("two", supply=Supply(30, 500))]
    records = run_accuracy([port_of(b) for b in boards], job(chain), log_of(chain))
    assert [r.index for r in records] == list(range(len(chain.made.words)))
    assert {r.port for r in records} == {"one", "two"}
    assert [bytes.fromhex(r.answer) for r in records] == job(chain).expected


def test_what_is_in_the_log_is_not_run_again(chain, place, tmp_path):
    path = tmp_path / "log"
    board = place()
    short = job(chain)
    first = run_accuracy([port_of(board)], short, log_of(chain, path))
    assert path.read_text().count("\n") == 1 + len(first)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]))
    seen = []
    again = run_accuracy([port_of(board)], short, log_of(chain, path), progress=lambda done, total: seen.append(done))
    assert [r.answer for r in again] == [r.answer for r in first]
    assert seen == list(range(3, len(first) + 1))


def test_forced_failures_during_the_run(chain, place):
    board = place()
    records = run_accuracy([port_of(board)], job(chain, fail_every=25_000), log_of(chain))
    assert [bytes.fromhex(r.answer) for r in records] == job(chain).expected
    assert board.result.boots > 30
    with board.connect() as device:
        before = device.starts()["forced"]
        device.infer(0, chain.made.words[0], chain.outputs)
        assert device.starts()["forced"] == before > 30


def test_a_wrong_answer_is_named_with_its_layers(chain, place):
    wrong = job(chain).expected
    wrong[2] = bytes(len(wrong[2]))
    with pytest.raises(Difference) as found:
        run_accuracy([port_of(place())], job(chain, expected=wrong), log_of(chain), layer_words=sizes(chain))
    assert (found.value.index, found.value.port, found.value.answer) == (2, "virtual", chain.answer(2))
    assert [len(layer) for layer in found.value.layers] == sizes(chain)


def test_a_wrong_answer_in_the_log_is_found(chain, place, tmp_path):
    log = log_of(chain, tmp_path / "log")
    run_accuracy([port_of(place())], job(chain), log)
    wrong = job(chain).expected
    wrong[4] = bytes(len(wrong[4]))
    with pytest.raises(Difference) as found:
        run_accuracy([port_of(place("other"))], job(chain, expected=wrong), log_of(chain, tmp_path / "log"))
    assert found.value.index == 4


def test_another_models_firmware_is_refused(chain, place):
    with pytest.raises(MismatchError, match="holds model"):
        run_accuracy([port_of(place())], job(chain, model_hash="0" * 16), log_of(chain))


def test_a_port_that_goes_away_ends_the_run_and_a_rerun_goes_on(chain, tmp_path):
    path, image = tmp_path / "log", tmp_path / "fram"
    with VirtualBoard("msp430fr5994", chain.elf, image=image) as board:
        place = SerialPlace(chain.made.plan.board, chain.elf, board.port, patience=60.0)

        def progress(done, total):
            if done == 3:
                board._process.send_signal(signal.SIGKILL)
                board._process.wait()

        with pytest.raises(ToolError, match="is gone"):
            run_accuracy([port_of(place)], job(chain), log_of(chain, path), progress=progress)
        with pytest.raises(ToolError):
            board.stop()
        board.stop = lambda: None
    # Whatever was under way when the board died, its FRAM goes on.
    with VirtualBoard("msp430fr5994", None, image=image) as board:
        place = SerialPlace(chain.made.plan.board, chain.elf, board.port, patience=60.0)
        seen = []
        records = run_accuracy(
            [port_of(place)], job(chain), log_of(chain, path), progress=lambda done, total: seen.append(done)
        )
    assert seen[0] == 4
    assert [bytes.fromhex(r.answer) for r in records] == job(chain).expected


def test_one_port_gone_ends_the_others_run_as_well(chain, place):
    @contextmanager
    def gone():
        raise ToolError("it is gone", "plug it in")
        yield

    with pytest.raises(ToolError, match="it is gone"):
        run_accuracy([port_of(place()), Port("gone", gone)], job(chain), log_of(chain))


def test_a_busy_port_is_refused(chain, connect):
    board, _ = connect(chain)
    with pytest.raises(ToolError, match="is busy"):
        open_line(board.port)


def test_a_wrong_baud_rate_is_silence(chain):
    with (
        VirtualBoard("msp430fr5994", chain.elf) as board,
        open_line(board.port, 9600) as line,
        pytest.raises(ToolError, match="baud rate"),
    ):
        Device(line, patience=0.3, tries=2).status()


def test_a_real_kill_of_the_run_loses_no_answer(chain, place, tmp_path):
    """A process that is killed in the middle leaves a log from which the next one goes on."""
    path = tmp_path / "log"
    child = os.fork()
    if child == 0:

        def progress(done, total):
            if done == 2:
                os.kill(os.getpid(), signal.SIGKILL)

        run_accuracy([port_of(place())], job(chain), log_of(chain, path), progress=progress)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert [json.loads(line)["index"] for line in path.read_text().splitlines()[1:]] == [0, 1]
    records = run_accuracy([port_of(place("next"))], job(chain), log_of(chain, path))
    assert [r.port for r in records] == ["virtual"] * 2 + ["next"] * (len(records) - 2)


def test_the_answers_of_threads_are_not_mixed_up(chain, place):
    """More samples than one board would take in a row, on three boards."""
    count = 30
    order = np.random.default_rng(2).integers(0, len(chain.made.words), count)
    expected = [chain.answer(i) for i in order]
    wanted = job(chain, inputs=chain.made.words[order], expected=expected)
    ports = [port_of(place(str(n))) for n in range(3)]
    records = run_accuracy(ports, wanted, Log(None, chain.hash, "data", count))
    assert [bytes.fromhex(r.answer) for r in records] == expected
    assert threading.active_count() < 10

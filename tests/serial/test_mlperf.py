"""The real firmware, driven by a client that knows the MLPerf Tiny command set and nothing else."""

import re
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from mlperf_board import real, started, wire
from mlperf_client import MODEL, PROFILE, best, found

from sparsecomp_tools.measure import attribute
from sparsecomp_tools.virtual_board import Failure, read_events

ENERGY_BYTES = 26
DECIMALS = re.compile(r"-?[0-9]+\.[0-9]{3,}")


@pytest.fixture
def runner():
    """A function that starts a virtual board and gives (board, client), both closed afterwards."""
    with ExitStack() as stack:
        yield lambda *words, **options: stack.enter_context(started(*words, **options))


@pytest.fixture
def loaded(chain, runner):
    """A client whose device holds the first input."""
    _, client = runner(chain)
    assert client.load(wire(chain, 0)) == ["m-load-done"]
    return client


def test_it_introduces_itself(chain, runner):
    _, client = runner(chain)
    assert client.name() == f"sparsecomp-{chain.hash[:8]}"
    profile, model = client.send("profile")
    assert PROFILE.match(profile)
    # The runner's four names belong to the benchmark's own models; this is another one, and says so in the same form.
    assert model == f"m-model-[{client.name()}]" and not MODEL.match(model)
    assert re.fullmatch("m-lap-us-[0-9]+", *client.send("timestamp"))
    usage = "\n".join(client.send("help"))
    assert all(word in usage for word in ("name%", "db load N%", "infer N W%", "results%"))


@pytest.mark.parametrize("command", ["xyz", "NAME", "name x", " name", "results x", "x-", "~" * 80])
def test_unknown_commands(command, chain, runner):
    _, client = runner(chain)
    assert client.send(command) == [f"e-[Unknown command: {command}]"]
    assert client.name()


@pytest.mark.parametrize("size", [31, ENERGY_BYTES, 1])
def test_an_input_comes_in_chunks(size, chain, runner):
    _, client = runner(chain)
    for index in (0, 1):
        assert client.load(wire(chain, index), size) == ["m-load-done"]
        assert client.buffer() == wire(chain, index)


def test_every_result_is_the_references(chain, runner):
    _, client = runner(chain)
    right = 0
    for index in range(len(chain.made.words)):
        client.load(wire(chain, index))
        found_here = client.infer("infer 1 0")
        assert all(DECIMALS.fullmatch(text) for text in found_here.printed)
        expected = real(chain, index)
        assert np.allclose(found_here.results, expected, rtol=0, atol=0.5001e-4)
        assert client.results() == found_here.printed
        right += best(found_here.results) == int(np.argmax(expected))
    assert right == len(chain.made.words)


@pytest.mark.parametrize(
    ("command", "number", "warmups"), [("infer", 1, 10), ("infer 3", 3, 10), ("infer 2 1", 2, 1), ("infer 1 0", 1, 0)]
)
def test_laps_are_the_time_of_the_inferences(command, number, warmups, chain, runner, tmp_path):
    board, client = runner(chain, events=tmp_path / "events", watch=chain.cursor)
    client.load(wire(chain, 0))
    inference = client.infer(command)
    kinds = [re.sub("-(us|results)-.*", r"-\1", line) for line in inference.lines]
    assert kinds == [
        f"m-warmup-start-{warmups}", "m-warmup-done", f"m-infer-start-{number}", "m-lap-us", "m-lap-us", "m-infer-done",
        "m-results",
    ]  # fmt: skip
    board.stop()
    costs = attribute(read_events(tmp_path / "events"), chain.made.plan.unit_count)
    assert costs.inferences == number + warmups
    expected = number * costs.total.cycles / (chain.made.plan.board.clock_hz / 1e6)
    assert abs(inference.microseconds - expected) <= 0.01 * expected


def test_performance_mode(chain, runner):
    board, client = runner(chain)
    client.load(wire(chain, 0))
    laps = [int(found(re.compile("m-lap-us-([0-9]+)$"), client.send("timestamp"))) for _ in range(2)]
    a_second = client.inferences_a_second(3, 1)
    laps.append(int(found(re.compile("m-lap-us-([0-9]+)$"), client.send("timestamp"))))
    assert laps == sorted(laps) and laps[2] - laps[1] >= 15 / a_second * 1e6
    single = client.infer("infer 1 0").microseconds
    assert abs(a_second * single / 1e6 - 1) < 0.01
    assert board.stop().resets == 1


def test_results_can_be_asked_for_again_and_belong_to_the_input(chain, runner):
    _, client = runner(chain)
    assert client.send("results")[0].startswith("e-[")
    client.load(wire(chain, 0))
    first = client.infer("infer 1 0").printed
    assert [client.results() for _ in range(3)] == [first] * 3
    client.send("xyz")
    assert client.results() == first
    client.load(wire(chain, 1))
    assert client.send("results")[0].startswith("e-[")  # those of the input before are not given for this one
    assert client.infer("infer 1 0").printed != first


def test_line_ends_of_a_terminal_are_ignored(loaded):
    assert loaded.send("\r\nname") == loaded.send("name\r\n") == loaded.send("\nname\n") == loaded.send("name")
    loaded.port.write(b"name%\r\nname%\r\n")
    assert loaded.lines() == loaded.lines()


@pytest.mark.parametrize("length", [80, 100, 142, 143, 144, 200, 1000])
def test_a_long_command_is_answered_and_the_next_one_heard(length, loaded):
    before = loaded.buffer()
    (reply,) = loaded.send("db " + "0" * (length - 3))
    assert reply.startswith("e-[")
    assert loaded.name() and loaded.buffer() == before


def test_a_chunk_that_is_cut_from_a_long_line_is_not_loaded(chain, runner):
    _, client = runner(chain)
    client.send(f"db load {len(wire(chain, 0))}")
    assert client.send("db " + "ab" * 140)[0].startswith("e-[")
    for at in range(0, len(wire(chain, 0)), 31):
        reply = client.send("db " + wire(chain, 0)[at : at + 31].hex())
    assert reply == ["m-load-done"] and client.buffer() == wire(chain, 0)


def test_wrong_data_is_refused_and_nothing_is_lost(chain, runner):
    _, client = runner(chain)
    data = wire(chain, 0)
    assert client.send("db 00")[0].startswith("e-[")
    for wrong in ("", " 0", " -1", " x", f" {len(data) - 1}", f" {len(data) + 1}", " 99999999999"):
        assert client.send(f"db load{wrong}")[0].startswith("e-["), wrong
        assert client.send("db 00")[0].startswith("e-["), wrong
    client.send(f"db load {len(data)}")
    assert client.send("db " + data[:31].hex()) == []
    for wrong in ("0", "0g", "00 11", "0x00", "é"):
        client.port.write(f"db {wrong}%".encode())
        assert client.lines()[0].startswith("e-["), wrong
    assert client.send("infer 1 0")[0].startswith("e-[")
    for at in range(31, len(data) - 20, 31):
        reply = client.send("db " + data[at : at + 31].hex())
    at += 31
    if at < len(data):
        assert reply == []
        assert client.send("db " + (data[at:] + b"\0").hex())[0].startswith("e-[")
        reply = client.send("db " + data[at:].hex().upper())
    assert reply == ["m-load-done"]
    assert client.send("db 00")[0].startswith("e-[")
    assert client.buffer() == data
    assert np.allclose(client.infer("infer 1 0").results, real(chain, 0), rtol=0, atol=0.5001e-4)


@pytest.mark.parametrize("arguments", ["1 0", ""])
def test_nothing_is_inferred_without_an_input(arguments, chain, runner):
    _, client = runner(chain)
    (reply,) = client.send(f"infer {arguments}".strip())
    assert reply.startswith("e-[")


@pytest.mark.parametrize("arguments", ["0", "0 0", "-1", "a", "1 a", "1.5", "999999999999"])
def test_wrong_numbers_of_inferences_are_refused(arguments, loaded):
    (reply,) = loaded.send(f"infer {arguments}")
    assert reply.startswith("e-[") and loaded.name()


def test_a_load_begun_again_begins_at_the_first_byte(chain, runner):
    _, client = runner(chain)
    client.send(f"db load {len(wire(chain, 0))}")
    client.send("db " + "ff" * 31)
    assert client.load(wire(chain, 1)) == ["m-load-done"]
    assert client.buffer() == wire(chain, 1)


def test_a_power_failure_in_mid_run_is_a_start_and_the_results_are_there(chain, runner):
    board, client = runner(chain)
    client.load(wire(chain, 0))
    _, client = runner(chain, failure=Failure("cycle", board.stop().cycles + 150_000))
    client.load(wire(chain, 0))
    lines = client.send("infer 1 0")
    assert lines[-2:] == ["m-timestamp-mode-performance", "m-init-done"] and "m-infer-done" not in lines
    assert np.allclose([float(text) for text in client.results()], real(chain, 0), rtol=0, atol=0.5001e-4)


def test_the_kind_of_kernels_is_told(chain, runner):
    _, client = runner(chain)
    assert client.send("x-model")[-1] == "m-x-kernels-[assembly]"


@pytest.fixture(scope="module")
def volatile(tmp_path_factory):
    """The same network where the input's bytes are used again."""
    from functools import partial

    import networks
    from serial_firmware import build
    from toolchain import require_msp430

    require_msp430()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "make_plan", partial(networks.make_plan, volatile_input=True))
        return build("chain", tmp_path_factory.mktemp("volatile"))


def test_a_volatile_input_serves_one_inference(volatile, runner):
    _, client = runner(volatile)
    for index in (0, 1):
        client.load(wire(volatile, index))
        for several in ("infer", "infer 2 0", "infer 1 1"):
            (reply,) = client.send(several)
            assert reply.startswith("e-[")
        inference = client.infer("infer 1 0")
        assert np.allclose(inference.results, real(volatile, index), rtol=0, atol=0.5001e-4)
        assert client.results() == inference.printed
        assert client.send("infer 1 0")[0].startswith("e-[")


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """A network that reads 25 bytes: its last word holds one of them."""
    import networks
    from serial_firmware import build
    from small import Net
    from toolchain import require_msp430

    def network():
        net = Net((1, 5, 5), seed=9)
        return networks.Network(
            net.graph(net.linear(net.flatten(net.add("relu", net.conv("x", 2, kernel=3))), 3)), networks.IMAGE
        )

    require_msp430()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(networks.SMALL, "odd", network)
        return build("odd", tmp_path_factory.mktemp("odd"))


def test_an_odd_number_of_bytes(odd, runner):
    _, client = runner(odd)
    for index in range(3):
        data = wire(odd, index)[:25]
        client.load(data)
        assert client.buffer() == data
        assert np.allclose(client.infer("infer 1 0").results, real(odd, index), rtol=0, atol=0.5001e-4)
    assert client.send("db load 26")[0].startswith("e-[This model reads 25 bytes")

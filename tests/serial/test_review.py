"""Corners of the protocol: a failure between two words that belong together, two hosts at once, shared work."""

import struct

import pytest
from mlperf_board import started, wire

from sparsecomp.boards import load_board
from sparsecomp.errors import ToolError
from sparsecomp.on_board import Bench, _measure
from sparsecomp_tools.accuracy import VirtualPlace
from sparsecomp_tools.link import Device
from sparsecomp_tools.link.device import CLOSE, OPEN, RUN, WRITE
from sparsecomp_tools.link.frames import encode
from sparsecomp_tools.virtual_board import Failure


def delivered(firmware, connect, **options):
    """A device that holds the first input."""
    board, device = connect(firmware, **options)
    device.expect(firmware.hash)
    device.deliver(0, firmware.made.words[0])
    return board, device


def test_a_failure_while_an_inference_starts_does_not_run_past_the_layer_that_was_asked_for(chain, connect):
    board, device = delivered(chain, connect)
    before = board.stop().fram_writes
    starting = 2 * len(chain.made.program.steps) + 6  # counters, where to stop, the cursor
    for write in range(before + 1, before + starting):
        board, device = delivered(chain, connect, failures=[Failure("after_write", write)])
        status = device.run(0, 1)
        assert (status.state, status.cursor) == ("running", 1 + chain.made.plan.units[0].count), write
        # The next layer, and then the rest.
        assert device.run(0, 2).cursor == 1 + chain.made.plan.units[2].first
        assert device.run(0).state == "done"
        assert device.read(0xFFFF, sum(chain.outputs)).tobytes() == chain.answer(0)
        assert board.stop().power_failures == 1


def test_a_typed_input_that_another_host_has_cut_is_not_said_to_be_loaded(chain):
    data = wire(chain, 0)
    with started(chain) as (board, client):
        client.send(f"db load {len(data)}")
        client.port.write(encode(bytes([OPEN, 1]) + struct.pack("<I", 7)))
        assert client.port.read_until(b"\0") == b"\0" and len(client.port.read_until(b"\0")) > 20  # its answer
        replies = []
        for at in range(0, len(data), 32):
            replies += client.send(f"db {data[at : at + 32].hex()}")
        text = " ".join(replies)
        assert "m-load-done" not in text
        assert "e-[Another input came in between" in text
        assert client.load(data) == ["m-load-done"]


def test_requests_of_another_inference_are_refused_while_one_is_under_way(chain, connect):
    _, device = delivered(chain, connect)
    assert device.run(0, 2).state == "running"
    assert device.ask(WRITE, struct.pack("<IH", 2, 0) + b"\1\0").status == 1
    assert device.ask(CLOSE, struct.pack("<I", 9)).status == 1
    assert device.ask(RUN, struct.pack("<IH", 9, 0xFFFF)).status == 1
    assert device.run(0).state == "done"
    assert device.read(0xFFFF, sum(chain.outputs)).tobytes() == chain.answer(0)


@pytest.mark.parametrize("number", [0, 0xFFFF, 0x10000, 0xFFFFFFFF])
def test_any_id_of_32_bits_will_do(number, chain, connect):
    _, device = connect(chain)
    assert device.infer(number, chain.made.words[1], chain.outputs) == chain.answer(1)


def test_figures_are_those_of_a_board_that_answered(chain, tmp_path):
    """Of several boards the first may have been too late for a sample."""
    places = [VirtualPlace(load_board("msp430fr5994"), chain.elf, tmp_path, watch=chain.cursor, name=n) for n in "ab"]
    for place in places:
        place.flash()
        with place.connect() as device:
            device.expect(chain.hash)
            if place.name == "b":
                device.infer(0, chain.made.words[0], chain.outputs)
    measured = _measure(chain.made.plan, places, {"b"}, Bench())
    assert measured.inferences == 1 and measured.cycles > 100_000
    assert _measure(chain.made.plan, places, set(), Bench()) is None


def test_a_device_that_starts_for_ever_is_given_up():
    class Restarting:
        name = "a board"
        starts = 0

        def send_frame(self, content):
            pass

        def receive(self, seconds):
            self.starts += 1
            return "m-init-done"

    line = Restarting()
    with pytest.raises(ToolError, match="has started 1000 times without an answer"):
        Device(line).status()
    assert line.starts == 1001

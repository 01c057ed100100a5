"""Frames to the real firmware on the simulated device: inputs, results, layers, counters, refusals."""

import struct

import numpy as np
import pytest

from sparsecomp.errors import MismatchError, ToolError
from sparsecomp.validate import check_layers
from sparsecomp_tools.link.device import ACKNOWLEDGE, CLOSE, OPEN, OUTPUTS, READ, REFUSED, RUN, STATUS, WRITE

MALFORMED = 2


def identity(number):
    return struct.pack("<I", number)


def test_it_says_what_it_is(chain, connect):
    _, device = connect(chain)
    status = device.expect(chain.hash)
    plan = chain.made.plan
    assert (status.state, status.held, status.cursor, status.boots) == ("idle", False, 0, 1)
    assert (status.units, status.layers) == (plan.unit_count, len(plan.program.steps))
    assert status.input_words == chain.made.words.shape[1]


def test_another_models_firmware_is_refused(chain, connect):
    _, device = connect(chain)
    with pytest.raises(MismatchError, match=f"holds model {chain.hash}, not 0123456789abcdef"):
        device.expect("0123456789abcdef")


def test_every_answer_is_the_references(chain, connect):
    _, device = connect(chain)
    for index, words in enumerate(chain.made.words):
        assert device.infer(index, words, chain.outputs) == chain.answer(index)


def test_every_layer_can_be_read(chain, connect):
    _, device = connect(chain)
    program = chain.made.program
    device.deliver(3, chain.made.words[3])
    sizes = [program.tensors[program.base(s.output)].stored for s in program.steps]
    layers = device.layers(3, sizes)
    assert check_layers(program, [w[3:4] for w in chain.made.wire], layers, "the virtual board") > 100
    # Afterwards it goes on as if nothing had been read.
    assert device.infer(4, chain.made.words[4], chain.outputs) == chain.answer(4)


def test_the_timer_counts_what_the_simulator_counts(chain, connect, tmp_path):
    from sparsecomp_tools.measure import attribute
    from sparsecomp_tools.virtual_board import read_events

    board, device = connect(chain, events=tmp_path / "events", watch=chain.cursor)
    device.infer(0, chain.made.words[0], chain.outputs)
    counted = device.cycles(len(chain.made.program.steps))
    board.stop()
    plan = chain.made.plan
    costs = attribute(read_events(tmp_path / "events"), plan.unit_count).layers([u.first for u in plan.units])
    for own, simulated in zip(counted, costs, strict=True):
        assert abs(own - simulated.cycles) <= 0.01 * simulated.cycles + 400


def test_the_stack_stays_below_what_the_linked_code_can_need(chain, connect):
    from sparsecomp.build import built
    from sparsecomp.linked import check_linked

    _, device = connect(chain)
    device.expect(chain.hash)
    assert device.stack_used() == 0  # only now it is painted
    device.infer(0, chain.made.words[0], chain.outputs)
    used = device.stack_used()
    with built(chain.made.directory, chain.made.plan.board) as copy:
        bound = check_linked(copy / "build/firmware.elf", chain.made.plan).stack_bytes
    assert 50 < used <= bound < 4 * used


def test_an_input_half_sent_is_never_run(chain, connect):
    _, device = connect(chain)
    words = chain.made.words[0]
    device.ask(OPEN, identity(9))
    device.ask(WRITE, struct.pack("<IH", 9, 0) + words[:32].tobytes())
    assert device.ask(CLOSE, identity(9)).status == REFUSED
    assert device.ask(RUN, identity(9) + b"\xff\xff").status == REFUSED
    assert device.status().filled == 32
    # It goes on where it stopped; a word may come again, but none may be left out.
    assert device.ask(WRITE, struct.pack("<IH", 9, 40) + words[40:].tobytes()).status == REFUSED
    # Another host's words are not mixed in.
    assert device.ask(WRITE, struct.pack("<IH", 8, 32) + words[:2].tobytes()).status == REFUSED
    for at in range(16, len(words), 32):
        assert device.ask(WRITE, struct.pack("<IH", 9, at) + words[at : at + 32].tobytes()).status == 0
    assert device.ask(CLOSE, identity(8)).status == REFUSED
    assert device.ask(CLOSE, identity(9)).status == 0
    assert device.run(9).state == "done"
    assert device.read(OUTPUTS, sum(chain.outputs)).tobytes() == chain.answer(0)


def test_a_result_belongs_to_its_input(chain, connect):
    _, device = connect(chain)
    device.deliver(5, chain.made.words[1])
    assert device.ask(RUN, identity(6) + b"\xff\xff").status == REFUSED
    assert device.ask(READ, struct.pack("<HHH", OUTPUTS, 0, 1)).status == REFUSED
    assert device.run(5).id == 5
    device.ask(ACKNOWLEDGE, identity(6))  # another's result is not given up
    assert device.status().state == "done"
    assert device.run(5).cursor == device.status().cursor  # asked again, nothing is run again
    device.acknowledge(5)
    assert device.status().state == "idle"


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [(OPEN, b""), (OPEN, b"123"), (WRITE, b"\0\0"), (WRITE, b"\0" * 9), (CLOSE, b"1"), (RUN, b"1234"),
     (READ, b"\0" * 5), (READ, struct.pack("<HHH", 0, 0, 65)), (READ, struct.pack("<HHH", 99, 0, 1)),
     (READ, struct.pack("<HHH", 0, 0xFFFF, 1)), (READ, struct.pack("<HHH", 0xFFFC, 0, 1)), (0x8F, b""), (0xFF, b"x")],
)  # fmt: skip
def test_malformed_requests_are_refused(kind, arguments, chain, connect):
    _, device = connect(chain)
    assert device.ask(kind, arguments).status == MALFORMED
    assert device.status().state == "idle"


def test_a_write_may_not_leave_the_input(chain, connect):
    _, device = connect(chain)
    words = chain.made.words[0]
    device.ask(OPEN, identity(1))
    for at in range(0, len(words), 32):
        device.ask(WRITE, struct.pack("<IH", 1, at) + words[at : at + 32].tobytes())
    beyond = struct.pack("<IH", 1, len(words) - 1) + np.zeros(2, "<i2").tobytes()
    assert device.ask(WRITE, beyond).status == REFUSED


def test_noise_changes_nothing(chain, connect):
    """Any bytes between requests, zero bytes among them, are ignored or refused, and the next request is answered."""
    _, device = connect(chain)
    chance = np.random.default_rng(1)
    device.deliver(1, chain.made.words[1])
    for _ in range(60):
        noise = chance.integers(0, 256, chance.integers(1, 400)).astype(np.uint8).tobytes()
        device.line._write(noise.replace(b"%", b"#"))
        assert device.status().id == 1
    assert device.ask(STATUS).boots == 1
    assert device.run(1).state == "done"
    assert device.read(OUTPUTS, sum(chain.outputs)).tobytes() == chain.answer(1)


def test_nobody_at_the_other_end_is_said(tmp_path):
    import os
    import pty

    from sparsecomp_tools.link import Device, open_line

    _, slave = pty.openpty()
    with open_line(os.ttyname(slave)) as line, pytest.raises(ToolError, match="does not answer"):
        Device(line, patience=0.05, tries=2).status()

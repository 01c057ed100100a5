"""The serial line while the power fails: nothing is lost, nothing is mixed up, and runs repeat exactly."""

import random
import time

import pytest

from sparsecomp_tools.virtual_board import Failure, RandomFailures, Supply

SUPPLY = Supply(30, 500)


def session(firmware, device, count=None):
    """All inputs, one after the other; the restarts seen."""
    device.expect(firmware.hash)
    for index, words in list(enumerate(firmware.made.words))[:count]:
        assert device.infer(index, words, firmware.outputs) == firmware.answer(index)
    return device.restarts


@pytest.mark.parametrize("seed", range(4))
def test_random_failures_change_no_answer(seed, chain, connect):
    board, device = connect(chain, failures=[RandomFailures(seed, 80_000)], seed=seed + 1)
    session(chain, device)
    result = board.stop()
    assert result.power_failures > 20
    assert device.restarts > 3


def test_failures_right_where_the_input_arrives_change_no_answer(chain, connect):
    """The delivery of the first input takes its FRAM writes from the start on: one failure around each of some."""
    writes = len(chain.made.words[0]) + 12
    for number in range(2, writes, 7):
        kind = "before_write" if number % 2 else "after_write"
        board, device = connect(chain, failures=[Failure(kind, number)], seed=number)
        session(chain, device, 1)
        assert board.stop().power_failures == 1


def test_a_board_on_a_capacitor_gives_the_same_answers(chain, connect):
    board, device = connect(chain, supply=SUPPLY)
    session(chain, device)
    starts = device.starts()
    result = board.stop()
    assert result.power_failures > 5
    assert starts["power"] == result.boots == result.power_failures + 1
    assert starts["forced"] == starts["watchdog"] == starts["other"] == 0
    assert result.energy_nj <= result.harvested_nj + 0.5e3 * 30 * 2.8**2 + 1


def figures(firmware, connect, pause):
    board, device = connect(firmware, supply=SUPPLY)
    if pause:
        chance, receive = random.Random(7), device.line.receive

        def slow(seconds):
            time.sleep(chance.random() * 0.01)
            return receive(seconds)

        device.line.receive = slow
    session(firmware, device, 3)
    result = board.stop()
    return result.cycles, result.energy_nj, result.harvested_nj, result.boots, result.picoseconds


def test_a_slow_host_changes_no_figure(chain, connect):
    at_once = figures(chain, connect, False)
    assert at_once == figures(chain, connect, True)
    assert at_once[3] > 3


def test_forced_failures_give_the_same_answers(chain, connect):
    _, device = connect(chain)
    device.expect(chain.hash)
    device.fail_every(20_000)
    for index in range(3):
        assert device.infer(index, chain.made.words[index], chain.outputs) == chain.answer(index)
    forced = device.starts()["forced"]
    assert forced > 30
    device.fail_every(0)
    device.infer(3, chain.made.words[3], chain.outputs)
    assert device.starts()["forced"] == forced


def test_forced_failures_that_let_nothing_finish_end_by_themselves(chain, connect):
    _, device = connect(chain)
    device.expect(chain.hash)
    device.fail_every(400)
    assert device.infer(0, chain.made.words[0], chain.outputs) == chain.answer(0)
    assert 30 < device.starts()["forced"] < 40


def test_layers_can_be_read_while_the_power_fails(chain, connect):
    from sparsecomp.validate import check_layers

    program = chain.made.program
    board, device = connect(chain, failures=[RandomFailures(3, 150_000)])
    device.expect(chain.hash)
    device.deliver(2, chain.made.words[2])
    sizes = [program.tensors[program.base(s.output)].stored for s in program.steps]
    layers = device.layers(2, sizes)
    assert check_layers(program, [w[2:3] for w in chain.made.wire], layers, "the virtual board") > 100
    assert board.stop().power_failures > 3

"""Failures that are asked for, several a run, and the record of what happened."""

import struct

import machine_code as mc
import pytest
from machine_code import ABS, ADD, CONST, IMM, MOV, R

from sparsecomp.errors import InputError
from sparsecomp_tools.virtual_board import Failure, RandomFailures, read_events
from sparsecomp_tools.virtual_board.events import BOOT, POWER_LOST, STOP, WATCH

COUNT = [mc.two(ADD, CONST(1), ABS(0x9000)), mc.NOP, mc.jump(mc.JMP, -5)]
CLEAR = {0x9000: bytes(4)}


def test_several_of_every_kind(execute, tmp_path):
    at = {"cycle": 500, "instruction": 600, "before_write": 300, "after_write": 350, "energy": 1400, "address": 0x4006}
    failures = [Failure("cycle", 1200), *(Failure(kind, number) for kind, number in at.items())]
    result, memory = execute(
        *COUNT, failures=failures, segments=CLEAR, memory=True, events=tmp_path / "e", cycle_limit=6000
    )
    assert result.power_failures == len(failures) and result.boots == len(failures) + 1
    events = read_events(tmp_path / "e")
    lost = events[events["kind"] == POWER_LOST]
    assert list(lost["value"]) == [1] * len(failures)
    cycles = lost["cycles"]
    assert any(500 <= c < 510 for c in cycles) and any(1200 <= c < 1210 for c in cycles)
    at_energy = [e for e in lost["energy_fj"] if 1400e6 <= e < 1400e6 + 5e6]
    assert len(at_energy) == 1
    # The write before which the power failed has a number, but never happened.
    assert struct.unpack_from("<H", memory, 0x9000)[0] == result.fram_writes - 1


def test_every_so_many_cycles(execute, tmp_path):
    result, _ = execute(*COUNT, failures=[Failure("every_cycles", 1000)], events=tmp_path / "e", cycle_limit=10_500)
    events = read_events(tmp_path / "e")
    cycles = events["cycles"][events["kind"] == POWER_LOST]
    assert len(cycles) == 10 and all(0 <= c - 1000 * (n + 1) < 10 for n, c in enumerate(cycles.tolist()))


def test_random_failures_are_those_of_their_seed(execute):
    runs = {seed: execute(*COUNT, failures=[RandomFailures(seed, 500)], cycle_limit=200_000)[0] for seed in (1, 2)}
    again, _ = execute(*COUNT, failures=[RandomFailures(1, 500)], cycle_limit=200_000)
    assert again == runs[1] and runs[1] != runs[2]
    assert all(350 < run.power_failures < 450 for run in runs.values())


def test_failures_that_are_none():
    for make, message in [
        (lambda: Failure("moon", 1), "unknown kind"),
        (lambda: Failure("every_cycles", 0), "above zero"),
        (lambda: RandomFailures(1, 0), "mean"),
    ]:
        with pytest.raises(InputError, match=message):
            make()


def test_two_that_repeat_are_refused(execute):
    with pytest.raises(InputError, match="two repeating"):
        execute(*COUNT, failures=[RandomFailures(1, 5), RandomFailures(2, 5)])


def test_the_watched_word(execute, tmp_path):
    """A record right after each write of it: its value, with all the cycles of the instruction."""
    wait = mc.two(MOV, IMM(0xA510), ABS(0x140))
    code = [wait, mc.two(MOV, CONST(0), R(5)), mc.two(ADD, CONST(1), R(5)), mc.two(MOV, R(5), ABS(0x9000)),
            mc.two(MOV, R(5), ABS(0x9002)), mc.jump(mc.JMP, -6)]  # fmt: skip
    result, _ = execute(*code, watch=0x9000, events=tmp_path / "e", instruction_limit=100)
    events = read_events(tmp_path / "e")
    assert list(events["kind"]) == [BOOT, *[WATCH] * (len(events) - 2), STOP]
    watched = events[events["kind"] == WATCH]
    assert list(watched["value"]) == list(range(1, len(watched) + 1)) and len(watched) > 20
    upto, _ = execute(*code, instruction_limit=5)  # the watchdog's, and these four
    assert (watched[0]["cycles"], watched[0]["wait_cycles"]) == (upto.cycles, upto.wait_cycles)
    assert watched[0]["energy_fj"] == round(upto.energy_nj * 1e6)
    assert (events[-1]["cycles"], events[-1]["time_ps"]) == (result.cycles, result.picoseconds)
    assert (watched["volts"] != watched["volts"]).all()  # there is no capacitor


def test_files_that_hold_no_events(tmp_path):
    (tmp_path / "e").write_bytes(b"x" * 47)
    with pytest.raises(InputError, match="no file of events|not a file of events"):
        read_events(tmp_path / "e")
    with pytest.raises(InputError, match="cannot read"):
        read_events(tmp_path / "none")

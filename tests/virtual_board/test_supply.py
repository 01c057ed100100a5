"""The capacitor: when the power goes and comes, and that every joule is somewhere."""

import random
from dataclasses import replace

import machine_code as mc
import numpy as np
import pytest
from machine_code import ABS, ADD, BIS, CONST, IMM, MOV, SP, SR, B, R

from sparsecomp.errors import InputError
from sparsecomp.quantities import microfarads, microwatts
from sparsecomp_tools.virtual_board import Supply, read_events
from sparsecomp_tools.virtual_board.events import BOOT, POWER_LOST, STOP
from sparsecomp_tools.virtual_board.supply import read_trace

UNLOCK_CLOCK = mc.two(MOV, IMM(0xA5), ABS(0x161), B)
EIGHT_MEGAHERTZ = [UNLOCK_CLOCK, mc.two(MOV, IMM(0), ABS(0x166))]
LOOP = [*EIGHT_MEGAHERTZ, mc.two(ADD, CONST(1), ABS(0x9000)), mc.two(MOV, R(5), R(6)), mc.jump(mc.JMP, -4)]
START = 500e-6 + 4 / 8e6  # seconds: of the brown-out circuit, and of the reset


def stored_nj(volts, microfarad):
    return microfarad * volts**2 / 2 * 1e3


@pytest.mark.parametrize("capacitor", [1, 10])
@pytest.mark.parametrize("power", [100, 500, 1000])
def test_no_energy_is_lost(execute, tmp_path, capacitor, power):
    """Start + harvest - draw is what is left, and the power goes within one instruction of v_off."""
    supply = Supply(capacitor, power)
    result, _ = execute(*LOOP, supply=supply, events=tmp_path / "e", instruction_limit=200_000, cycle_limit=10**9)
    events = read_events(tmp_path / "e")
    lost, boots = events[events["kind"] == POWER_LOST], events[events["kind"] == BOOT]
    assert result.stopped == "instruction limit" and result.power_failures == len(lost) == result.boots - 1 > 3
    left = stored_nj(2.8, capacitor) + result.harvested_nj - result.energy_nj
    assert events[-1]["kind"] == STOP
    assert stored_nj(events[-1]["volts"], capacitor) == pytest.approx(left, rel=1e-6)
    below = stored_nj(1.8, capacitor) - capacitor * lost["volts"] ** 2 / 2 * 1e3
    assert (below >= -1e-6).all() and (below < 5).all()  # nJ: an instruction with a write
    # Recharged from v_off to v_on at the given power, then the start.
    off = (boots["time_ps"][1:] - lost["time_ps"]) * 1e-12 - START
    missing = stored_nj(2.8, capacitor) - capacitor * lost["volts"] ** 2 / 2 * 1e3
    assert off == pytest.approx(missing / power * 1e-3, rel=1e-5)
    assert np.all(np.diff(events["time_ps"].astype(np.int64)) >= 0)


def test_a_run_repeats_and_a_charge_is_worth_its_cycles(execute):
    supply = Supply(10, 200)
    results = [execute(*LOOP, supply=supply, cycle_limit=500_000, seed=seed)[0] for seed in (1, 1)]
    assert results[0] == results[1] and results[0].power_failures > 3
    once, _ = execute(*LOOP, supply=Supply(10), cycle_limit=10**9)
    assert once.stopped == "starved" and once.harvested_nj == 0 and once.power_failures == 1
    assert once.energy_nj == pytest.approx(stored_nj(2.8, 10) - stored_nj(1.8, 10), abs=5)


def test_enough_power_never_fails(execute):
    result, _ = execute(*LOOP, supply=Supply(10, 10_000), cycle_limit=200_000)
    assert (result.stopped, result.power_failures) == ("cycle limit", 0)
    assert result.harvested_nj == pytest.approx(result.energy_nj + stored_nj(3.6, 10) - stored_nj(2.8, 10), rel=1e-3)


def test_power_that_goes_while_the_device_sleeps(execute, tmp_path):
    """LPM0 at 8 MHz draws 525 uW; the interval of the watchdog's timer is longer than the charge lasts."""
    start = [mc.two(MOV, IMM(0x3800), R(SP)), mc.two(MOV, CONST(1), ABS(0x100)), mc.two(MOV, IMM(0x5A3C), ABS(0x15C))]
    code = [*EIGHT_MEGAHERTZ, *start, mc.two(BIS, IMM(0x18), R(SR)), mc.jump(mc.JMP, -3)]
    result, _ = execute(*code, supply=Supply(1, 100), events=tmp_path / "e", instruction_limit=100)
    events = read_events(tmp_path / "e")
    lost = events[events["kind"] == POWER_LOST]
    assert result.interrupts == 0 and len(lost) > 5
    assert lost["volts"] == pytest.approx(1.8, abs=1e-6)
    starts = events[events["kind"] == BOOT]["time_ps"][: len(lost)]
    lasts = (lost["time_ps"] - starts) * 1e-12
    assert lasts == pytest.approx((stored_nj(2.8, 1) - stored_nj(1.8, 1) - 306) * 1e-9 / 425e-6, rel=0.05)


def test_a_start_that_is_too_dear(execute):
    result, _ = execute(*LOOP, supply=Supply(0.1, 100))
    assert result.stopped == "starved" and "pay for a start" in result.message and result.instructions == 0


def trace(path, lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_trace_of_a_power_is_that_power(execute, tmp_path):
    constant, _ = execute(*LOOP, supply=Supply(10, 300), cycle_limit=300_000)
    path = trace(tmp_path / "t", ["ms,uW", *(f"{ms},300" for ms in range(0, 50, 7))])
    traced, _ = execute(*LOOP, supply=Supply(10, trace=path), cycle_limit=300_000)
    assert abs(traced.picoseconds - constant.picoseconds) < 100  # each step is rounded up to a picosecond
    assert replace(traced, picoseconds=constant.picoseconds) == constant and constant.power_failures > 2


def test_a_trace_that_repeats(execute, tmp_path):
    """10 ms with 2 mW, 30 ms with nothing: 500 uW on average; time off is made of rounds."""
    path = trace(tmp_path / "t", ["# a lamp", "ms uW", "0 2000", "10 0", "20 0", "30 0"])
    result, _ = execute(*LOOP, supply=Supply(10, trace=path), events=tmp_path / "e", cycle_limit=1_000_000)
    events = read_events(tmp_path / "e")
    assert result.power_failures > 3
    seconds = events[-1]["time_ps"] * 1e-12
    assert result.harvested_nj == pytest.approx(500e3 * seconds, rel=0.2)
    came = events[events["kind"] == BOOT]["time_ps"][1:] * 1e-9 % 40  # ms within a round
    assert (came < 11).all()


def test_a_trace_of_volts_charges_like_a_resistor_and_a_capacitor(execute, tmp_path):
    path = trace(tmp_path / "t", ["0 5.0"])
    supply = Supply(10, trace=path, trace_unit="volts", source_ohm=10_000)
    result, _ = execute(*LOOP, supply=supply, events=tmp_path / "e", cycle_limit=200_000)
    events = read_events(tmp_path / "e")
    lost, boots = events[events["kind"] == POWER_LOST], events[events["kind"] == BOOT]
    off = (boots["time_ps"][1 : len(lost) + 1] - lost["time_ps"][: len(boots) - 1]) * 1e-12 - START
    exact = 0.1 * np.log((5.0 - 1.8) / (5.0 - 2.8))
    assert len(off) > 1 and off == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize("lines", [["ms volts", "0 2.5", "1 2.7"], ["ms uW", "0 0", "5 0"]])
def test_a_trace_that_never_suffices(execute, tmp_path, lines):
    result, _ = execute(*LOOP, supply=Supply(10, trace=trace(tmp_path / "t", lines)), cycle_limit=10**9)
    assert result.stopped == "starved" and result.power_failures == 1


def test_traces_that_are_none(tmp_path):
    for lines, message in [
        (["1 2 3"], "line 1: not a sample"),
        (["ms volts", "0 1", "0 2"], "line 3"),
        (["0 -1"], "line 1"),
        ([], "no samples"),
        (["0 1"], "does not say its unit"),
        (["ms furlongs", "0 1"], "does not say its unit"),
        (["0 nan"], "line 1"),
    ]:
        with pytest.raises(InputError, match=message):
            read_trace(trace(tmp_path / "t", lines))
    with pytest.raises(InputError, match="cannot read"):
        read_trace(tmp_path / "none")
    assert read_trace(trace(tmp_path / "t", ["time (ms);voltage (V)", "0;1.5", "2;1"])) == ("volts", [(0, 1.5), (2, 1)])


def test_supplies_that_are_none(execute, board, tmp_path):
    for options, message in [
        ({"capacitor_uF": 0}, "capacitor"),
        ({"capacitor_uF": 1, "power_uW": -1}, "supply of -1 uW"),
        ({"capacitor_uF": 1, "power_uW": 1, "trace": "x"}, "both"),
        ({"capacitor_uF": 1, "trace_unit": "amperes"}, "unknown unit"),
    ]:
        with pytest.raises(InputError, match=message):
            Supply(**options)
    with pytest.raises(InputError, match="comes at 4 V"):
        Supply(1, v_on=4.0).options(board, tmp_path)


def test_quantities():
    assert [microfarads(text) for text in ("100uF", "1 mF", "0.22F", "47nF")] == pytest.approx([100, 1e3, 2.2e5, 0.047])
    assert [microwatts(text) for text in ("500uW", "1.5mW")] == pytest.approx([500, 1500])
    for text in ("100", "uF", "1.2.3uF", "5 V"):
        with pytest.raises(InputError, match="no quantity"):
            microfarads(text)


def test_random_supplies_keep_their_energy(execute):
    chance = random.Random(7)
    for _ in range(12):
        microfarad, power = chance.uniform(2, 50), chance.uniform(50, 3000)
        supply = Supply(microfarad, power, v_on=chance.uniform(2.4, 3.3), v_off=1.9)
        result, _ = execute(*LOOP, supply=supply, cycle_limit=chance.randrange(10**5, 10**6))
        left = stored_nj(supply.v_on, microfarad) + result.harvested_nj - result.energy_nj
        assert stored_nj(1.9, microfarad) - 5 < left <= stored_nj(3.6, microfarad) + 1

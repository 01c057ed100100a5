"""The device of the event simulator: energy is conserved, failures go back to a boundary, recharging stops at v_on."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsecomp.boards import load_board
from sparsecomp.errors import InputError
from sparsecomp_tools.adaptive.costs import Cost
from sparsecomp_tools.adaptive.device import Device, Track
from sparsecomp_tools.adaptive.scenario import V_MAX, World
from sparsecomp_tools.adaptive.supplies import Harvest, constant

ON, OFF, ENDLESS = 60.0, 20.0, 1e9
START = Cost(0.001, 0.3)
POSITIVE = st.floats(0.001, 2.0)
COST = st.tuples(POSITIVE, st.floats(200.0, 8000.0)).map(lambda c: Cost(c[0] / 50, c[0] / 50 * c[1]))
COSTS = st.lists(COST, min_size=1, max_size=8)
HARVESTS = st.lists(st.tuples(POSITIVE, st.just(0.0) | st.floats(5.0, 6000.0)), min_size=1, max_size=6)


def harvest(pieces, floor=1.0):
    """Pieces of (seconds, microwatts), and one of ``floor``, again and again."""
    lasts = [*(seconds for seconds, _ in pieces), 0.5]
    starts = (0.0, *np.cumsum(lasts)[:-1].tolist())
    return Harvest(starts, (*(power for _, power in pieces), floor), float(sum(lasts)))


def device(source, stored=ON, full=ENDLESS, **more):
    return Device(source, full, ON, OFF, START, 1.5, stored=stored, **more)


def income(source, until):
    """Microjoules that came in up to a time."""
    total, time = 0.0, 0.0
    while time < until:
        power, changes = source.at(time)
        total += power * (min(changes, until) - time)
        time = changes
    return total


def conserved(found, begun=ON):
    came = income(found.harvest, found.time)
    return found.stored + found.spent == pytest.approx(begun + came, rel=1e-6)


@given(HARVESTS, COSTS, st.floats(0.0, 20.0))
def test_what_is_stored_and_spent_is_what_there_was_and_came_in(pieces, costs, pause):
    found = device(harvest(pieces))
    track = Track(costs)
    resume = [Cost(0.0005, 0.1)] * len(costs)
    found.work(track, resume, limit=found.time + 200.0)
    assert conserved(found)
    found.rest(found.time + pause)
    assert conserved(found)
    assert found.stored >= OFF - 1e-6
    found.come_back(Cost(0.0, 0.0), found.time + 50.0)
    assert conserved(found)


@given(HARVESTS, COSTS)
def test_work_that_ends_has_cost_at_least_its_own_and_all_of_it_in_one_charge(pieces, costs):
    track = Track(costs)
    found = device(harvest(pieces), stored=ON + track.uJ[-1])
    assert found.work(track, [Cost(0.0, 0.0)] * len(costs), limit=1e9)
    assert found.on and found.starts == 0
    assert found.spent == pytest.approx(track.uJ[-1]) and found.time == pytest.approx(track.length)


def test_a_full_capacitor_takes_no_more():
    found = device(constant(100.0), full=ON)
    found.rest(10.0)
    assert found.stored == ON and found.spent == pytest.approx(15.0)


def test_a_failure_goes_back_to_the_last_boundary():
    # 40 uJ above the end, pieces of 15 uJ: the third does not end, and is done again from its start.
    track = Track([Cost(0.01, 15.0)] * 4)
    found = device(constant(0.0))
    reached = found.advance(track, 0.0)
    assert track.boundary(reached) == 2 and reached == pytest.approx(0.01 * 40 / 15) and not found.on
    assert found.stored == pytest.approx(OFF) and found.spent == pytest.approx(40.0)
    found = device(constant(80.0))
    assert found.work(track, [Cost(0.002, 0.5)] * 4, limit=100.0)
    lost = found.spent - 60.0 - found.starts * START.uJ - found.starts * 0.5
    assert found.starts == 1 and 0 < lost < 15.0


def test_pieces_larger_than_a_charge_never_end():
    found = device(constant(20.0))
    assert not found.work(Track([Cost(0.01, 50.0)]), [Cost(0.0, 0.0)], limit=300.0)
    assert found.time >= 300.0 and found.starts > 50


def test_nothing_comes_back_without_power():
    found = device(constant(0.0), stored=OFF, on=False)
    assert not found.come_back(Cost(0.0, 0.0), 100.0)
    assert found.time == pytest.approx(100.0) and found.starts == 0 and not found.on


@given(st.floats(1.0, 500.0), st.floats(OFF, ON - 0.5))
def test_recharging_ends_at_v_on_and_not_before(power, stored):
    found = device(constant(power), stored=stored, on=False)
    wanted = (ON - stored) / power
    assert not found.recharge(0.9 * wanted)
    assert found.stored < ON and found.time == pytest.approx(0.9 * wanted)
    assert found.recharge(2 * wanted)
    assert found.stored == pytest.approx(ON) and found.time == pytest.approx(wanted)
    assert found.spent == 0.0


def test_sleep_ends_where_its_draw_has_emptied_the_capacitor_and_begins_again_at_v_on():
    found = device(harvest([(30.0, 0.0), (1000.0, 10.0)]))
    found.rest(26.0)
    assert found.on and found.stored == pytest.approx(ON - 39.0)
    found.rest(29.0)
    assert not found.on and found.stored == pytest.approx(OFF) and found.spent == pytest.approx(ON - OFF)
    found.rest(33.9)
    assert not found.on
    found.rest(34.1)
    assert found.on and found.stored == pytest.approx(ON + 0.1 * 8.5, abs=1e-6)


@given(COSTS)
def test_a_track_grows_evenly_between_its_boundaries(costs):
    track = Track(costs)
    for i, cost in enumerate(costs):
        middle = track.seconds[i] + cost.seconds / 2
        assert track.boundary(middle) == i and track.boundary(track.seconds[i]) == i
        assert track.spent(middle) == pytest.approx(sum(c.uJ for c in costs[:i]) + cost.uJ / 2)
    assert track.spent(track.length) == pytest.approx(sum(c.uJ for c in costs))
    whole = track.reach(0.0, track.length, track.uJ[-1] * 1.001, 0.0)
    assert whole == track.length
    part = track.reach(0.0, track.length, track.uJ[-1] / 3, 0.0)
    assert track.spent(part) == pytest.approx(track.uJ[-1] / 3)


def test_a_track_of_nothing_and_pieces_of_no_length():
    found = device(constant(0.0))
    assert found.work(Track([]), (), limit=1.0) and found.time == 0.0
    track = Track([Cost(0.0, 0.0), Cost(0.01, 1.0), Cost(0.0, 0.0)])
    assert track.boundary(0.0) == 1 and track.boundary(0.01) == 3
    assert found.work(track, [Cost(0.0, 0.0)] * 3, limit=1.0) and found.spent == pytest.approx(1.0)


def test_a_device_begins_with_the_boards_voltages():
    board = load_board("msp430fr5994")
    world = World(board, 50.0, constant(1.0))
    found = world.device()
    assert found.stored == found.on_at == pytest.approx(25 * board.energy.v_on**2)
    assert found.full == pytest.approx(25 * V_MAX**2) and found.off_at == pytest.approx(25 * board.energy.v_off**2)
    assert world.reading(found.off_at) == round(4095 * board.energy.v_off / 4)
    assert world.reading(25 * 5.0**2) == 4095 and math.isclose(found.start.uJ, 0.102 * board.energy.volts)


@pytest.mark.parametrize("capacitor", [0.0, -1.0, 1e9, float("nan")])
def test_a_capacitor_that_is_none_is_refused(capacitor):
    with pytest.raises(InputError, match="capacitor"):
        World(load_board("msp430fr5994"), capacitor, constant(1.0))


def test_a_host_is_fed_by_no_capacitor():
    with pytest.raises(InputError, match="v_on and v_off"):
        World(load_board("host"), 10.0, constant(1.0))

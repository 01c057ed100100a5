"""Supplies: generated ones are what they say and the same again, files are read or refused with a hint."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsecomp.errors import InputError
from sparsecomp_tools.adaptive.comparing import supply_named
from sparsecomp_tools.adaptive.scenario import poisson
from sparsecomp_tools.adaptive.supplies import GENERATED, SECONDS, Harvest, from_file


@pytest.mark.parametrize("name", GENERATED)
def test_a_seed_gives_the_same_trace_and_another_another(name):
    one = GENERATED[name](3)
    assert one == GENERATED[name](3)
    assert (one == GENERATED[name](4)) == (name == "constant")
    assert one.end == SECONDS and one.starts[0] == 0.0 and min(one.power) >= 0
    assert all(a < b for a, b in zip(one.starts, (*one.starts[1:], one.end), strict=True))


def test_generated_supplies_have_the_power_that_they_state():
    assert GENERATED["constant"](0).mean_uW == pytest.approx(100.0)
    assert np.mean([GENERATED["solar"](seed).mean_uW for seed in range(20)]) == pytest.approx(150 * 0.85, rel=0.2)
    bursts = [GENERATED["rf"](seed) for seed in range(20)]
    share = [sum(b - a for a, b, p in zip(h.starts, (*h.starts[1:], h.end), h.power, strict=True) if p > 10.0) / h.end
             for h in bursts]  # fmt: skip
    assert np.mean(share) == pytest.approx(0.12, rel=0.15)


@given(st.lists(st.floats(0.001, 5.0), min_size=1, max_size=5), st.floats(0.0, 1e4))
def test_the_power_at_a_time_lasts_until_later_and_the_trace_begins_again(lasts, time):
    starts = (0.0, *np.cumsum(lasts)[:-1].tolist())
    harvest = Harvest(starts, tuple(float(i) for i in range(len(lasts))), float(sum(lasts)))
    power, until = harvest.at(time)
    assert until > time and until - time <= max(lasts) * (1 + 1e-9)
    inside = time % harvest.end
    if all(abs(inside - edge) > 1e-6 for edge in (*starts, harvest.end)):
        assert power == max(i for i, start in enumerate(starts) if start <= inside)
        assert harvest.at(time + harvest.end)[0] == power
    rows = harvest.rows(time, 3.0)
    assert rows[0] == (0.0, power) and all(a < b for (a, _), (b, _) in zip(rows, rows[1:], strict=False))
    assert rows[-1][0] < 3.0


def test_events_are_poisson_and_the_same_again():
    times = poisson(5, 2.0, 4000.0)
    assert times == poisson(5, 2.0, 4000.0) != poisson(6, 2.0, 4000.0)
    assert 0 < times[0] and times[-1] < 4000.0
    gaps = np.diff(times)
    assert gaps.min() > 0 and gaps.mean() == pytest.approx(2.0, rel=0.08) and gaps.std() == pytest.approx(2.0, rel=0.12)
    assert poisson(5, 1e9, 1.0) == []


def test_a_file_of_microwatts(tmp_path):
    path = tmp_path / "walk.csv"
    path.write_text("ms,uW\n100,5\n300,0\n350,80\n")
    harvest = from_file(path)
    assert harvest == supply_named(str(path), 0)
    assert harvest.starts == pytest.approx((0.0, 0.2, 0.25)) and harvest.power == (5.0, 0.0, 80.0)
    assert harvest.end == pytest.approx(0.3)
    path.write_text("ms uW\n0 7\n")
    assert from_file(path).power == (7.0,) and from_file(path).end == 1.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ms,volts\n0,2.5\n", "gives volts"),
        ("0 5\n1 6\n", "unit"),
        ("ms uW\n5 1\n5 2\n", "line 3"),
        ("ms uW\n0 -1\n", "line 2"),
        ("ms uW\n", "no samples"),
        ("ms uW\n0 5\n0.0001 6\n", "less than 0.01 ms apart"),
    ],
)
def test_a_file_that_is_none_is_refused(text, words, tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as refusal:
        supply_named(str(path), 0)
    assert refusal.value.exit_code == 2 and refusal.value.hint


def test_names_and_powers():
    assert supply_named("1.5mW", 0).power == (1500.0,)
    assert supply_named("rf", 2) == GENERATED["rf"](2)
    for name in ("wind", "walk.csv", "100", "uW", ""):
        with pytest.raises(InputError, match="no supply") as refusal:
            supply_named(name, 0)
        assert all(known in refusal.value.hint for known in GENERATED)


def test_a_power_that_nothing_harvests_is_refused():
    with pytest.raises(InputError, match="0 to 10 W|supply of"):
        supply_named("1e9uW", 0)


def test_a_change_that_is_nearer_than_numbers_tell_has_happened():
    """Otherwise the time until it would be lost in rounding, and whoever waits for it would wait for ever."""
    harvest = Harvest((0.0, 256.0), (10.0, 20.0), 600.0)
    for time in (256.0 - 2.0**-45, 256.0, 600.0 + 256.0 - 2.0**-44):
        power, until = harvest.at(time)
        assert power == 20.0 and until - time > 300.0
    assert harvest.at(600.0 - 2.0**-43) == (10.0, 856.0)

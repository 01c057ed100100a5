"""The event simulator against the virtual board: equal answers, energy within 2 %; and what an event may miss."""

from dataclasses import replace

import numpy as np
import pytest
from exit_models import halved, two_convolutions
from hypothesis import given
from hypothesis import strategies as st
from toolchain import require_msp430

from sparsecomp.boards import load_board
from sparsecomp.errors import InputError, MismatchError
from sparsecomp.exits import NEVER
from sparsecomp.prepare import Request
from sparsecomp.reference import exit_elements
from sparsecomp_tools.adaptive.comparing import ENERGY_AGREES, agree, compare_policies, event_bench, row_of
from sparsecomp_tools.adaptive.on_board import _once_around, run_on_board
from sparsecomp_tools.adaptive.scenario import Answers, World, fixed, poisson, run_events
from sparsecomp_tools.adaptive.supplies import GENERATED, Harvest, constant

BOARD = load_board("msp430fr5994")
MINUTE, PERIOD, DEADLINE = 60.0, 4.0, 1.0
CAPACITOR_UF = 10.0


@pytest.fixture(scope="module")
def bench():
    require_msp430()
    with event_bench(two_convolutions(), BOARD, Request()) as found:
        yield found


@pytest.fixture(scope="module")
def adaptive(bench):
    """Half of the samples are sure at each exit, and the supply is looked at."""
    margins = tuple(int(m) for m in np.median(bench.answers.margins, axis=0))
    return replace(bench.policy("energy:1.5", CAPACITOR_UF), margins=margins, text="adaptive")


def both(bench, world, policy, times, samples):
    one = run_events(bench.work, world, policy, bench.answers, times, samples, DEADLINE)
    other = run_on_board(bench.plan, bench.firmware, world, policy, bench.words, bench.labels, times, samples, DEADLINE)
    return one, other


@pytest.mark.parametrize("supply", GENERATED)
def test_a_minute_is_answered_as_on_the_virtual_board(bench, adaptive, supply):
    world = World(BOARD, CAPACITOR_UF, GENERATED[supply](1))
    times = poisson(1, PERIOD, MINUTE)
    samples = [i % len(bench.labels) for i in range(len(times))]
    for policy in (fixed(3, 2), adaptive):
        one, other = both(bench, world, policy, times, samples)
        agree(policy.text, one, other)
        assert one.share == other.share and len(one.outcomes) == len(times)
        assert one.starts == pytest.approx(other.starts, abs=2)
        for a, b in zip(one.outcomes, other.outcomes, strict=True):
            assert (a.answered is None) == (b.answered is None)
            assert a.answered is None or a.answered - a.time == pytest.approx(b.answered - b.time, rel=0.05, abs=0.002)


def test_costs_are_those_of_every_unit_and_way_out(bench):
    costs, plan = bench.costs, bench.plan
    assert (
        len(costs.units) == plan.unit_count and len(costs.resume) == len(plan.program.steps) and len(costs.leave) == 3
    )
    for cost in (costs.begin, costs.finish, costs.reading, *costs.units, *costs.leave):
        assert cost.seconds > 0 and cost.uJ > 0
    # 1 to 10 mW, as the device draws.
    assert all(1000 < cost.uJ / cost.seconds < 10_000 for cost in costs.units)
    assert 40e-6 < costs.reading.seconds < 100e-6  # most of it the reference's settling
    pieces = bench.work(0).pieces
    assert sum(len(track.seconds) - 1 for track, _ in pieces) == plan.unit_count - 3 + 1
    assert all(len(track.seconds) - 1 == len(resume) for track, resume in pieces)


def test_with_abundant_energy_every_event_is_the_references_answer(bench, adaptive):
    world = World(BOARD, 1000.0, constant(5000.0))
    times = [float(t) for t in range(1, 1 + len(bench.labels))]
    samples = list(range(len(bench.labels)))
    scores = exit_elements(bench.prepared.program, bench.prepared.data(bench.prepared.calibration).wire)
    for policy, taken in ((fixed(3, 0), 0), (fixed(3, 1), 1), (fixed(3, 2), 2)):
        found = run_events(bench.work, world, policy, bench.answers, times, samples, DEADLINE)
        assert [o.exit for o in found.outcomes] == [taken] * len(samples)
        assert [o.answer for o in found.outcomes] == scores[taken].argmax(axis=1).tolist()
        assert found.share == np.mean(scores[taken].argmax(axis=1) == bench.labels)
        row = row_of(policy.text, found, 3)
        assert row.exits[taken] == len(samples) and row.answered == 1.0 and row.missed == {}
    later = run_events(bench.work, world, adaptive, bench.answers, times, samples, DEADLINE)
    expected = [
        0 if m[0] > adaptive.margins[0] else 1 if m[1] > adaptive.margins[1] else 2 for m in bench.answers.margins
    ]
    assert [o.exit for o in later.outcomes] == expected


def test_an_answer_takes_the_time_that_it_takes_on_the_virtual_board(bench, adaptive):
    """Whatever ends the inference: the limit, confidence, or the supply. Without failures but for what data change."""
    world = World(BOARD, 1000.0, constant(5000.0))
    times, samples = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0, 1, 2, 3, 4, 5]
    empty = replace(adaptive, levels=(NEVER, NEVER), margins=(NEVER, NEVER), plenty=0)
    for policy in (fixed(3, 0), fixed(3, 1), replace(adaptive, levels=(0, 0), plenty=0), empty):
        one, other = both(bench, world, policy, times, samples)
        for a, b in zip(one.outcomes, other.outcomes, strict=True):
            assert a.exit == b.exit and a.answered - a.time == pytest.approx(b.answered - b.time, abs=5e-6)


@pytest.mark.parametrize("capacitor_uF", [5.0, 47.0])
def test_the_supply_is_read_when_the_device_reads_it(bench, capacitor_uF):
    """One code above what is read ends at the first exit, that code itself does not: on both."""
    world = World(BOARD, capacitor_uF, constant(300.0))
    base = bench.policy("energy", capacitor_uF)
    seen = []

    class Watched(World):
        def reading(self, stored_uJ):
            seen.append(super().reading(stored_uJ))
            return seen[-1]

    run_events(bench.work, Watched(BOARD, capacitor_uF, constant(300.0)), replace(base, levels=(1, 0)), bench.answers,
               [200.0], [0], DEADLINE)  # fmt: skip
    for level, taken in ((seen[0] - 1, 2), (seen[0] + 2, 0)):
        for score in both(bench, world, replace(base, levels=(level, 0)), [200.0], [0]):
            assert score.outcomes[0].exit == taken


def test_a_supply_that_dies_for_good_gives_up_on_both(bench):
    dead = World(BOARD, CAPACITOR_UF, Harvest((0.0, 20.0), (300.0, 0.0), 9000.0))
    times, samples = [float(t) for t in range(1, 120)], [t % 6 for t in range(1, 120)]
    one, other = both(bench, dead, fixed(3, 2), times, samples)
    agree("full", one, other)
    missed = [outcome.missed for outcome in other.outcomes]
    assert missed.count("given up") == 1 and missed[-1] == "busy" and missed[0] == ""


@given(st.lists(st.floats(1e-5, 3.0), min_size=1, max_size=6), st.floats(0.0, 100.0))
def test_a_virtual_board_is_given_the_trace_once(lasts, start):
    starts = (0.0, *np.cumsum(lasts)[:-1].tolist())
    harvest = Harvest(starts, tuple(float(i) for i in range(len(lasts))), float(sum(lasts)))
    rows = _once_around(harvest, start)
    times = [t for t, _ in rows]
    assert times[0] == 0.0 and all(a < b for a, b in zip(times, times[1:], strict=False))
    assert times[-1] + (times[-1] - times[-2]) == pytest.approx(harvest.end, rel=1e-9)
    for (t, power), after in zip(rows, [*times[1:], harvest.end], strict=True):
        assert after - t < 1e-5 or harvest.at(start + (t + after) / 2)[0] == power


def test_an_empty_supply_ends_at_the_first_exit_a_full_one_does_not(bench):
    policy = replace(bench.policy("energy", CAPACITOR_UF), levels=(NEVER, NEVER))
    world = World(BOARD, CAPACITOR_UF, constant(50.0))
    assert run_events(bench.work, world, policy, bench.answers, [1.0], [0], DEADLINE).outcomes[0].exit == 0
    policy = replace(policy, levels=(1, 1))
    assert run_events(bench.work, world, policy, bench.answers, [1.0], [0], DEADLINE).outcomes[0].exit == 2


def test_what_an_event_may_miss(bench):
    weak = World(BOARD, CAPACITOR_UF, constant(3.0))
    whole = fixed(3, 2)
    score = run_events(bench.work, weak, whole, bench.answers, [1.0, 1.0001, 2.0, 3.0], [0, 1, 2, 3], DEADLINE)
    assert score.outcomes[1].missed == "busy" and score.outcomes[0].answered is not None
    nothing = World(BOARD, CAPACITOR_UF, constant(0.0))
    score = run_events(bench.work, nothing, whole, bench.answers, [1.0, 1e5], [0, 0], DEADLINE)
    assert score.outcomes[1].missed == "no power" and score.outcomes[1].exit == -1
    late = run_events(bench.work, weak, whole, bench.answers, [1.0], [0], 1e-6)
    assert late.outcomes[0].answered is not None and late.share == 0.0  # answered, but not in time
    none = run_events(bench.work, weak, whole, bench.answers, [], [], DEADLINE)
    assert (none.share, none.outcomes, none.uJ) == (0.0, (), 0.0)
    assert (
        run_on_board(bench.plan, bench.firmware, weak, whole, bench.words, bench.labels, [], [], DEADLINE).share == 0.0
    )


def test_a_difference_is_reported(bench):
    world = World(BOARD, 100.0, constant(1000.0))
    one = run_events(bench.work, world, fixed(3, 2), bench.answers, [1.0, 2.0], [0, 1], DEADLINE)
    other = run_events(bench.work, world, fixed(3, 1), bench.answers, [1.0, 2.0], [0, 1], DEADLINE)
    with pytest.raises(MismatchError, match="event 0 at 1.000 s: exit 2"):
        agree("full", one, other)
    agree("full", one, replace(one, uJ=one.uJ * (1 + 0.9 * ENERGY_AGREES)))
    with pytest.raises(MismatchError, match="uJ simulated"):
        agree("full", one, replace(one, uJ=one.uJ * (1 + 1.2 * ENERGY_AGREES)))


def test_answers_are_the_references_confidences_and_classes():
    prepared = halved(two_convolutions())
    scores = exit_elements(prepared.program, prepared.data(prepared.calibration).wire)
    found = Answers.of(scores, prepared.loaded.labels)
    two = np.sort(scores[1].astype(int), axis=1)
    assert found.margins.shape == (len(two), 2) and (found.margins[:, 1] == two[:, -1] - two[:, -2]).all()
    assert (found.classes[:, 2] == scores[2].argmax(axis=1)).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"board": "host"}, "host"),
        ({"capacitor_uF": 0.0}, "capacitor"),
        ({"policies": ["fast"]}, "unknown exit policy"),
        ({"trace": "wind"}, "no supply 'wind'"),
        ({"numeric": "int7"}, "numeric"),
    ],
)
def test_a_comparison_refuses_before_it_builds(options, words):
    given = {"policies": ["full"], "trace": "100uW", **options}
    with pytest.raises(InputError, match=words):
        compare_policies(two_convolutions(), **given)


def test_a_comparison_needs_exits_and_labels():
    with pytest.raises(InputError, match="no early exits"):
        compare_policies(replace(two_convolutions(), exits=()), ["full"], "100uW")
    with pytest.raises(InputError, match="no labels"):
        compare_policies(replace(two_convolutions(), labels=None), ["full"], "100uW")

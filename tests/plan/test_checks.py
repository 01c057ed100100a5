"""The independent checkers: every kind of wrong plan is refused."""

from dataclasses import replace

import pytest
from small import Net, chain, program, residual

from sparsecomp.boards import load_board
from sparsecomp.errors import ConversionError
from sparsecomp.plan import Placement, Units
from sparsecomp.plan.buffers import RECEIVED
from sparsecomp.plan.check import check, check_hazards, check_regions, check_units
from sparsecomp.plan.overlap import gaps, lives
from sparsecomp.plan.planner import make_plan

HOST = load_board("host")


def moved(plan, name: str, offset: int, arena: int | None = None):
    """``plan`` with one buffer somewhere else."""
    place = plan.placements[name]
    there = Placement(place.buffer, place.arena if arena is None else arena, offset)
    return replace(plan, placements={**plan.placements, name: there})


def grown(plan, words: int = 100_000):
    """``plan`` with room behind its buffers, so that only the order of accesses can be wrong."""
    arena = replace(plan.arenas[0], words=words, capacity=words)
    return replace(plan, arenas=(arena, *plan.arenas[1:]))


@pytest.fixture(params=["chain", "residual"])
def plan(request):
    graph = {"chain": chain, "residual": residual}[request.param]()
    return make_plan(program(graph), HOST)


def test_the_planners_own_plans_pass(plan):
    assert check(plan) is plan
    for volatile in (False, True):
        for board in ("host", "msp430fr5994", "msp430fr5969"):
            assert check(make_plan(plan.program, load_board(board), volatile_input=volatile))


def test_a_buffer_outside_its_arena(plan):
    name, place = next(iter(plan.placements.items()))
    for offset in (-1, plan.arenas[0].words - place.buffer.words + 1):
        with pytest.raises(ConversionError, match="leaves its arena"):
            check(moved(plan, name, offset))


def test_an_arena_larger_than_its_region(plan):
    arena = replace(plan.arenas[0], capacity=plan.arenas[0].words - 1)
    with pytest.raises(ConversionError, match="leaves its arena"):
        check(replace(plan, arenas=(arena,)))


def test_a_buffer_smaller_than_its_tensor(plan):
    name, place = next(iter(plan.placements.items()))
    small = replace(place, buffer=replace(place.buffer, words=place.buffer.words - 1))
    with pytest.raises(ConversionError, match="smaller than its tensor"):
        check(replace(plan, placements={**plan.placements, name: small}))


def sharing(plan):
    """Every pair of maps with how near they may lie, and those that may not share a byte."""
    buffers = [p.buffer for p in plan.placements.values()]
    return gaps(lives(plan.program, buffers, plan.units), buffers), buffers


def kernels_between(plan, one, other):
    """Kernels of the steps that read the one and write the other."""
    base = plan.program.base
    return {s.kernel for s in plan.program.steps if base(s.output) == other and one in map(base, s.inputs)}


def elementwise():
    """Every kernel but those of residual(): each output may lie near its input."""
    net = Net((3, 8, 8), seed=6)
    x = net.add("sigmoid", net.conv("x", 4))
    x = net.add("leaky_relu", net.conv(x, 4, pad=1, groups=4), negative_slope=0.1)
    x = net.add("max_pool", x, kernel=(3, 3), stride=(1, 1), padding=((1, 1), (1, 1)), dilation=(1, 1),
                ceil_mode=False)  # fmt: skip
    x = net.add("avg_pool", x, kernel=(2, 2), stride=(1, 1), padding=((0, 0), (0, 0)), ceil_mode=False,
                count_include_pad=True, divisor=None)  # fmt: skip
    return net.graph(net.conv(net.add("tanh", x), 2, pad=1))


@pytest.mark.parametrize("graph", [chain, residual, elementwise])
def test_maps_may_lie_as_near_as_the_planner_thinks(graph):
    """At every distance that it allows the checker agrees; a word nearer it refuses, but where a pooling's windows are
    taken as whole rows.
    """
    plan = make_plan(program(graph()), HOST)
    plan = grown(replace(plan, placements=spread(plan)))
    found, buffers = sharing(plan)
    seen, words = set(), {b.name: b.words for b in buffers}
    for (one, other), (below, above) in found.items():
        start = plan.placements[one].offset
        for apart in range(-words[other], words[one] + 1):
            if start + apart >= 0 and (apart <= -below or apart >= above):
                check(moved(plan, other, start + apart))
        kernels = kernels_between(plan, one, other)
        seen |= kernels
        for apart in (1 - below, above - 1) if kernels <= {"mac", "add", "rectify", "lookup"} else ():
            with pytest.raises(ConversionError, match="writes over its own input|reused too early"):
                check(moved(plan, other, start + apart))
    assert (
        seen
        >= {"chain": {"mac"}, "residual": {"add"}, "elementwise": {"lookup", "rectify", "max_pool", "avg_pool"}}[
            graph.__name__
        ]
    )


@pytest.mark.parametrize("graph", [chain, residual, elementwise])
def test_maps_that_may_not_share_a_word(graph):
    """One word of overlap from either side."""
    plan = make_plan(program(graph()), HOST)
    plan = grown(replace(plan, placements=spread(plan)))
    found, buffers = sharing(plan)
    for one in buffers:
        for other in buffers:
            if one.first < other.first <= one.last:
                below, above = found.get((one.name, other.name), (other.words, one.words))
                start = plan.placements[one.name].offset
                for apart in [1 - other.words] * (below == other.words) + [one.words - 1] * (above == one.words):
                    with pytest.raises(ConversionError, match="writes over its own input|reused too early"):
                        check(moved(plan, other.name, start + apart))


def test_an_add_in_place():
    plan = grown(make_plan(program(residual()), HOST))
    step = next(s for s in plan.program.steps if s.kernel == "add")
    for name in step.inputs:
        target = plan.program.base(step.output)
        apart = replace(plan, placements=spread(plan))
        there = apart.placements[plan.program.base(name)].offset
        with pytest.raises(ConversionError, match="writes over its own input|reused too early"):
            check(moved(apart, target, there))


def spread(plan):
    """Every buffer at words of its own, with room between them."""
    room = 3 * max(place.buffer.words for place in plan.placements.values())
    return {name: Placement(p.buffer, 0, (i + 1) * room) for i, (name, p) in enumerate(plan.placements.items())}


def test_a_buffer_reused_while_a_later_step_still_reads_it():
    """The residual branch overwritten by a step between its producer and its last reader."""
    plan = make_plan(program(residual()), HOST)
    plan = grown(replace(plan, placements=spread(plan)))
    check(plan)
    caught = 0
    for a in plan.placements.values():
        for b in plan.placements.values():
            if a is b or not (a.buffer.first < b.buffer.first <= a.buffer.last):
                continue
            with pytest.raises(ConversionError):
                check_hazards(moved(plan, b.buffer.name, a.offset + a.buffer.words // 2))
            caught += 1
    assert caught >= 6


def test_buffers_that_never_live_together_may_share():
    plan = make_plan(program(residual()), HOST)
    plan = grown(replace(plan, placements=spread(plan)))
    shared = 0
    for a in plan.placements.values():
        for b in plan.placements.values():
            if a.buffer.last < b.buffer.first:
                assert check(moved(plan, b.buffer.name, a.offset))
                shared += 1
    assert shared >= 1


def test_a_halo_that_is_filled_and_then_lost():
    """The fill of a padded input comes before the convolution that writes inside: its words count as alive."""
    net = Net((2, 6, 6))
    plan = make_plan(program(net.graph(net.conv(net.conv("x", 2, pad=1), 2, pad=1))), HOST)
    plan = grown(replace(plan, placements=spread(plan)))
    fills = [s for s in plan.program.steps if s.kernel == "fill"]
    assert len(fills) == 2
    later = plan.program.base(plan.program.steps[-1].output)
    filled = plan.placements[plan.program.base(fills[-1].output)]
    with pytest.raises(ConversionError):
        check_hazards(moved(plan, later, filled.offset))


def test_a_concatenation_overwritten_between_its_parts():
    net = Net((2, 6, 6))
    joined = net.add("concat", net.conv("x", 2), net.conv("x", 3), dim=0)
    other = net.conv(net.conv("x", 4, name="other"), 1, name="reader")
    plan = make_plan(program(net.graph(joined, other)), HOST)
    first, second, one, two, third, fourth = plan.program.steps
    assert (one.output, third.source, fourth.source) == (two.output, "other", "reader")
    late = replace(plan.program, steps=(first, second, one, third, fourth, two))
    plan = grown(replace(plan, program=late, placements=spread(plan)))
    check_hazards(plan)
    at = plan.placements[plan.program.base(one.output)].offset
    with pytest.raises(ConversionError, match="reused too early"):
        check_hazards(moved(plan, plan.program.base(third.output), at))


def test_an_output_over_the_received_input():
    plan = make_plan(program(chain()), HOST, volatile_input=True)
    plan = grown(replace(plan, placements=spread(plan)))
    check(plan)
    received = plan.placements[RECEIVED]
    first = plan.program.base(plan.program.steps[0].output)
    with pytest.raises(ConversionError):
        check(moved(plan, first, received.offset))
    last = plan.program.base(plan.program.outputs[0].tensor)
    assert check(moved(plan, last, received.offset))


def test_a_kept_input_is_overwritten_by_nothing():
    """A step that writes to the input's own tensor, as an in-place rectifier would."""
    net = Net((6,))
    lowered = program(net.graph(net.add("relu", net.add("sigmoid", "x"))))
    plan = make_plan(lowered, HOST)
    steps = (*lowered.steps[:-1], replace(lowered.steps[-1], output=lowered.inputs[0].tensor))
    doctored = replace(plan, program=replace(lowered, steps=steps, outputs=()))
    with pytest.raises(ConversionError, match="overwrites the received input"):
        check_hazards(doctored)


def test_an_input_that_is_an_output_too():
    """It stays until the result is acknowledged, also where it lies among the maps."""
    net = Net((6,))
    lowered = program(net.graph("x", net.add("relu", "x")))
    for volatile in (False, True):
        assert check(make_plan(lowered, HOST, volatile_input=volatile))


def test_a_tensor_without_bytes(plan):
    name = plan.program.base(plan.program.outputs[0].tensor)
    kept = {key: value for key, value in plan.placements.items() if key != name}
    with pytest.raises(ConversionError, match=f"'{name}' no bytes"):
        check_hazards(replace(plan, placements=kept))


def with_units(plan, index: int, **changes):
    units = list(plan.units)
    units[index] = replace(units[index], **changes)
    return replace(plan, units=tuple(units))


@pytest.mark.parametrize("index", [0, 1, -1])
def test_units_that_do_not_cover_the_items(plan, index):
    units = plan.units[index]
    items = plan.program.steps[index].items
    for changes in (
        {"count": units.count + 1},
        {"count": units.count - 1},
        {"per_unit": items - 1, "count": 1},
        {"per_unit": items, "count": 2},
        {"first": units.first + 1},
        {"first": units.first - 1},
    ):
        with pytest.raises(ConversionError, match="do not cover its items"):
            check_units(with_units(plan, index, **changes))


def test_a_cursor_that_overflows(plan):
    """65,534 units, idle and done are the most that 16 bits hold."""
    one = replace(plan.program.steps[0], items=65_000)
    two = replace(plan.program.steps[0], items=1_000)
    doctored = replace(plan.program, steps=(one, two), outputs=())
    units = (Units(0, 1, 65_000, 1, 1), Units(65_000, 1, 1_000, 1, 1))
    with pytest.raises(ConversionError, match="66000 restart units do not fit a 16-bit cursor"):
        check_units(replace(plan, program=doctored, units=units))
    units = (Units(0, 1, 65_000, 1, 1), Units(65_000, 2, 500, 1, 1))
    check_units(replace(plan, program=doctored, units=units))


def test_a_unit_larger_than_one_charge(plan):
    board = plan.board
    most = board.charge_cycles - board.energy.boot_cycles
    check_units(with_units(plan, 0, cycles=most))
    with pytest.raises(ConversionError, match=f"'{plan.program.steps[0].name}' does not fit one charge"):
        check_units(with_units(plan, 0, cycles=most + 1))
    with pytest.raises(ConversionError, match="writes more words"):
        check_units(with_units(plan, 0, writes=board.charge_fram_writes + 1))


def test_regions_are_checked_for_every_arena(plan):
    second = replace(plan.arenas[0], words=10, capacity=10)
    name, place = next(iter(plan.placements.items()))
    doctored = moved(replace(plan, arenas=(*plan.arenas, second)), name, 0, arena=1)
    if place.buffer.words > 10:
        with pytest.raises(ConversionError, match="leaves its arena"):
            check_regions(doctored)
    else:
        check_regions(doctored)

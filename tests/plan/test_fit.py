"""What fits where: refusals with numbers, several regions, restart units within a charge, the input's bytes."""

import re
from dataclasses import replace

import numpy as np
import pytest
from small import Net, chain, program, residual

from sparsecomp.board_parts import Region, Reserved
from sparsecomp.boards import list_boards, load_board
from sparsecomp.errors import DoesNotFitError
from sparsecomp.plan.planner import make_plan
from sparsecomp.plan.units import CURSOR_LIMIT, inference_writes, step_writes
from sparsecomp.plan_report import plan_json
from sparsecomp.report import verdict

HOST = load_board("host")
SMALL = load_board("msp430fr5969")


def heavy(outputs: int, inputs: int = 400):
    """A network whose weights weigh more than its maps."""
    net = Net((inputs,))
    rng = np.random.default_rng(0)
    weight = rng.uniform(0.5, 1, (outputs, inputs))
    return program(net.graph(net.linear(net.linear("x", outputs, weight=weight, name="large"), 3, name="head")))


def wide(channels: int, side: int = 40):
    """A network whose feature maps weigh more than its weights."""
    net = Net((1, side, side))
    x = net.conv("x", 2, kernel=1, name="first")
    x = net.conv(net.conv(x, channels, kernel=1, name="wide"), 1, kernel=1, name="back")
    return program(net.graph(net.pool(x, 8)))


def board_with(*sizes: int, **energy):
    """The host with regions of these sizes, apart from each other."""
    regions = tuple(
        Region(f"r{i}", 0x10000 * (i + 1), size, "host", ("weights", "arena")) for i, size in enumerate(sizes)
    )
    return replace(HOST, name="bench", regions=regions, energy=replace(HOST.energy, **energy))


def test_too_many_weights_name_the_layer_the_bytes_and_the_next_board():
    with pytest.raises(DoesNotFitError) as refusal:
        make_plan(heavy(300), SMALL)
    found = re.fullmatch(
        r"the model needs (\d+) bytes of FRAM, msp430fr5969 has (\d+) \((\d+) too few\): layer 'fc1 \(large\)' alone "
        r"has (\d+) bytes of weights",
        refusal.value.message,
    )
    need, have, short, layer = map(int, found.groups())
    assert short == need - have > 0
    assert 300 * 400 <= layer <= need
    assert have == SMALL.bytes_for("arena")
    assert re.search(r"keep at most \d+ % of the weight bytes", refusal.value.hint)
    assert refusal.value.exit_code == 3
    assert refusal.value.hint.startswith("it would fit msp430fr5994; or keep")


@pytest.mark.parametrize("lowered", [heavy(190), heavy(300), heavy(400), wide(16), wide(24), wide(32)])
def test_the_board_in_the_hint_is_the_smallest_that_holds_it(lowered):
    with pytest.raises(DoesNotFitError) as refusal:
        make_plan(lowered, SMALL)
    boards = [load_board(name) for name in list_boards() if name != "host"]
    fitting = []
    for board in boards:
        try:
            fitting.append((make_plan(lowered, board).board.bytes_for("arena"), board.name))
        except DoesNotFitError:
            continue
    assert f"it would fit {min(fitting)[1]}" in refusal.value.hint


def test_the_percentage_in_the_hint_is_true():
    with pytest.raises(DoesNotFitError) as refusal:
        make_plan(heavy(300), SMALL)
    share = int(re.search(r"at most (\d+) %", refusal.value.hint)[1]) / 100
    lighter = heavy(int(300 * share) - 2)
    assert share > 0.2
    assert make_plan(lighter, SMALL).fram_bytes <= SMALL.bytes_for("arena")


def test_too_large_maps_name_the_layer_where_they_are_alive():
    with pytest.raises(DoesNotFitError) as refusal:
        make_plan(wide(32), SMALL)
    live = 2 * 1600 * (32 + 2)
    assert f"'conv2 (wide)' {live} bytes of feature maps are alive at once" in refusal.value.message


def test_what_no_board_holds_says_so():
    net = Net((1000,))
    weight = np.random.default_rng(0).uniform(0.5, 1, (500, 1000))
    lowered = program(net.graph(net.linear("x", 500, weight=weight)))
    with pytest.raises(DoesNotFitError) as refusal:
        make_plan(lowered, SMALL)
    assert "no known board holds it" in refusal.value.hint


def test_a_tensor_whose_index_needs_more_than_16_bits_is_refused():
    net = Net((1, 8, 8))
    with pytest.raises(DoesNotFitError, match="65536 elements.*65535"):
        program(net.graph(net.conv("x", 1024, kernel=1)))


def test_one_layers_weights_that_fit_no_region_in_one_piece():
    lowered = heavy(100)
    sizes = 30_000, 30_000
    with pytest.raises(DoesNotFitError, match=r"layer 'fc1' needs \d+ bytes of constants.*in one piece"):
        make_plan(lowered, board_with(*sizes))
    assert make_plan(lowered, board_with(60_000))


def check_placed(plan):
    """Every buffer and table lies within one region, and none straddles two."""
    spans = {region.name: (start, size) for region, start, size in plan.board.spans("arena")}
    for arena in plan.arenas:
        start, size = spans[arena.region]
        assert start <= arena.start and arena.start + 2 * arena.words <= start + size
        taken = 2 * arena.words + plan.tables[arena.region]
        assert taken <= size
    for place in plan.placements.values():
        assert 0 <= place.offset and place.end <= plan.arenas[place.arena].words
    assert sum(plan.tables.values()) == sum(plan.weight_bytes)


def test_maps_that_fit_no_single_region_are_placed_in_several():
    lowered = wide(16)  # 51,200 and 6,400 bytes of maps
    plan = make_plan(lowered, board_with(10_000, 51_204, 4_000))
    assert len(plan.arenas) == 2
    check_placed(plan)
    assert {a.region for a in plan.arenas} == {"r0", "r1"}
    with pytest.raises(DoesNotFitError, match=r"'conv2 \(wide\)' needs 51200 bytes in one piece") as refusal:
        make_plan(lowered, board_with(30_000, 30_000, 30_000))
    assert "-" not in refusal.value.message.split("needs")[1]


def test_weights_and_maps_go_where_the_board_lets_them():
    regions = (
        Region("maps", 0x10000, 3_000, "host", ("arena",)),
        Region("tables", 0x20000, 100_000, "host", ("weights",)),
        Region("more", 0x40000, 2_000, "host", ("arena", "weights")),
    )
    board = replace(HOST, name="split", regions=regions)
    plan = make_plan(heavy(100), board)
    assert {a.region for a in plan.arenas} == {"maps"}
    assert set(plan.tables) == {"tables", "more"} and plan.tables["tables"] > 40_000
    assert sum(plan.tables.values()) == plan.constant_bytes
    with pytest.raises(DoesNotFitError, match="'conv1 .*in one piece"):
        make_plan(wide(1), board)


def test_a_region_cut_by_a_reserved_range_is_two_pieces():
    board = replace(board_with(100_000), reserved=(Reserved("hole", 0x10000 + 60_000, 1_000),))
    plan = make_plan(heavy(100), board)
    assert sum(plan.tables.values()) == plan.constant_bytes
    assert all(a.start + 2 * a.words <= 0x10000 + 60_000 or a.start >= 0x10000 + 61_000 for a in plan.arenas)
    with pytest.raises(DoesNotFitError, match="in one piece"):
        make_plan(heavy(150), board)


@pytest.mark.parametrize("board", ["host", "msp430fr5969", "msp430fr6989", "msp430fr5992", "msp430fr5994"])
def test_nothing_straddles_regions_on_real_boards(board):
    for graph in (chain(), residual()):
        check_placed(make_plan(program(graph), load_board(board)))
    check_placed(make_plan(heavy(60), load_board(board)))
    check_placed(make_plan(wide(6), load_board(board)))


def test_the_board_needs_less_than_the_words_alive_for_a_chain():
    plan = make_plan(program(chain()), HOST)
    assert all(a.words < a.live for a in plan.arenas)


def test_a_volatile_input_gives_its_bytes_back():
    lowered = program(chain())
    kept, given = make_plan(lowered, HOST), make_plan(lowered, HOST, volatile_input=True)
    words = lowered.inputs[0].words
    assert kept.state_bytes - given.state_bytes == 2 * words
    assert given.fram_bytes < kept.fram_bytes
    assert given.volatile_input and not kept.volatile_input


def test_the_same_plan_twice():
    for graph in (chain(), residual()):
        for board in (HOST, SMALL):
            first, second = (plan_json(make_plan(program(graph), board)) for _ in range(2))
            assert first == second


def test_units_fit_a_charge_and_cover_every_item():
    for cycles in (20_000, 40_000, 650_000):
        board = board_with(1 << 20, charge_cycles=cycles)
        plan = make_plan(program(chain()), board)
        at = 0
        for step, units in zip(plan.program.steps, plan.units, strict=True):
            assert units.first == at
            assert (units.count - 1) * units.per_unit < step.items <= units.count * units.per_unit
            assert units.cycles + board.energy.boot_cycles <= cycles
            at += units.count
        assert plan.unit_count == at
        assert plan.charge.cycles <= cycles
    counts = [
        make_plan(program(chain()), board_with(1 << 20, charge_cycles=c)).unit_count for c in (20_000, 40_000, 650_000)
    ]
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[2]


def test_few_writes_a_charge_make_small_units():
    plan = make_plan(program(chain()), board_with(1 << 20, charge_fram_writes=200))
    assert all(units.writes <= 200 for units in plan.units)
    total = sum(step_writes(plan.program, step) for step in plan.program.steps)
    assert inference_writes(plan) == total + plan.unit_count + 2
    with pytest.raises(DoesNotFitError, match="receiving 128 words") as refusal:
        make_plan(program(chain()), board_with(1 << 20, charge_fram_writes=100))
    assert "capacitor" in refusal.value.hint


def test_an_item_that_one_charge_cannot_pay_for_is_refused_with_the_numbers():
    with pytest.raises(DoesNotFitError, match=r"layer 'fc1': one item takes about \d+ cycles, one charge leaves \d+"):
        make_plan(heavy(5), board_with(1 << 20, charge_cycles=20_000))


def test_units_are_merged_until_the_cursor_holds_them():
    net = Net((1, 200, 200))
    x = "x"
    for _ in range(4):
        x = net.add("sigmoid", x)
    lowered = program(net.graph(net.pool(x, 20)))
    with pytest.raises(DoesNotFitError, match=f"more than {CURSOR_LIMIT} restart units"):
        make_plan(lowered, board_with(1 << 20, charge_fram_writes=2, charge_cycles=10_000_000))


def test_the_verdict_says_fits_or_tight_with_the_bytes():
    plan = make_plan(program(chain()), HOST)
    assert verdict(plan).startswith(f"FITS host: {plan.fram_bytes} of {plan.fram_capacity} bytes")
    tight = make_plan(heavy(70), replace(SMALL, limits=replace(SMALL.limits, tight_percent=60)))
    assert tight.fram_bytes > 0.6 * tight.fram_capacity
    assert verdict(tight).startswith("TIGHT msp430fr5969")
    parts = plan.constant_bytes + plan.arena_bytes + plan.state_bytes + plan.code_bytes
    assert parts == plan.fram_bytes

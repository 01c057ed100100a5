"""Levels: from what going on costs to a reading of the supply, and the board that looks at it."""

import re
from importlib.resources import files

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile
from exit_models import halved, made, two_convolutions, with_exits
from hypothesis import given
from hypothesis import strategies as st
from small import Net
from toolchain import require_msp430

from sparsecomp import pipeline
from sparsecomp.boards import load_board, parse_board
from sparsecomp.build import built
from sparsecomp.errors import InputError
from sparsecomp.exits import FULL_SCALE, reading, volts_of
from sparsecomp.on_board import Bench, _others
from sparsecomp.pipeline import planned
from sparsecomp.plan.exit_levels import going_on_nj, level_of, with_levels
from sparsecomp.plan_report import plan_json
from sparsecomp.prepare import Request, prepare
from sparsecomp.reference import run
from sparsecomp.report import policy_json, policy_lines
from sparsecomp_tools.adaptive.scenario import World
from sparsecomp_tools.adaptive.supplies import constant
from sparsecomp_tools.virtual_board import Supply, run_elf

BOARD = load_board("msp430fr5994")


def levels(policy="energy", capacitor_uF=None):
    plan = planned(prepare(two_convolutions(), Request(policy=policy)), Request(), BOARD)
    return with_levels(plan, capacitor_uF).program.policy.levels


def test_a_policy_may_name_its_capacitor_and_it_is_told():
    named = planned(prepare(two_convolutions(), Request(policy="adaptive:0.9/10uF")), Request(), BOARD)
    assert named.program.policy.levels == levels("adaptive:0.9", 10.0) != levels("adaptive:0.9")
    assert with_levels(named, 47.0).program.policy == named.program.policy
    (line,) = policy_lines(named)
    assert "adaptive:0.9/10uF, for a capacitor of 10 uF: goes on from" in line
    for volts in (volts_of(level) for level in named.program.policy.levels):
        assert f"{volts:.2f} V at" in line
    for document in (plan_json(named)["early_exit"], policy_json(named)):
        assert document["capacitor_uF"] == 10.0 and document["levels"] == named.program.policy.levels
        assert [e["name"] for e in document["exits"]] == ["a", "b", "full"]
    host = planned(prepare(two_convolutions(), Request(policy="energy")), Request(), load_board("host"))
    assert "all the supply" in policy_lines(host)[0]
    sure = planned(prepare(two_convolutions(), Request(policy="full")), Request(), BOARD)
    assert policy_lines(sure) == ["exit policy full"]


def test_a_steady_supply_that_never_goes_on_is_told():
    net = Net((1, 6, 6), seed=1)
    x = net.add("relu", net.conv("x", 2, pad=1))
    early = net.linear(net.flatten(net.pool(x, 3)), 3)
    for _ in range(3):
        x = net.add("relu", net.conv(x, 8, pad=1))
    model = with_exits(net, early, net.linear(net.flatten(x), 3))
    plan = planned(prepare(model, Request(policy="energy/4uF")), Request(), BOARD)
    assert volts_of(plan.program.policy.levels[0]) > BOARD.energy.volts
    assert policy_lines(plan)[0].endswith("a steady 3 V always ends at 'a'")
    assert "steady" not in policy_lines(planned(prepare(model, Request(policy="energy/1mF")), Request(), BOARD))[0]


@given(st.floats(1.0, 1e6), st.floats(1.01, 4.0), st.floats(5.0, 5000.0))
def test_more_to_pay_or_a_smaller_capacitor_asks_for_more(cost_nj, factor, capacitor_uF):
    level = level_of(BOARD, cost_nj, capacitor_uF)
    assert level_of(BOARD, factor * cost_nj, capacitor_uF) >= level
    assert level_of(BOARD, cost_nj, capacitor_uF / factor) >= level
    assert reading(BOARD.energy.v_off) <= level <= reading(3.6)


def test_the_level_is_where_the_charge_above_the_end_pays_for_the_cost():
    # 100 uF from v_off: 22 uJ and a tenth more.
    v = (BOARD.energy.v_off**2 + 2 * 1.1 * 22e-6 / 100e-6) ** 0.5
    assert level_of(BOARD, 22_000, 100) == round(v / 4 * 4095)
    assert level_of(BOARD, 1e12, 100) < FULL_SCALE  # a charge that nothing holds asks for one that can be there


def test_levels_follow_the_cost_of_each_way_on_the_reserve_and_the_capacitor():
    plan = planned(prepare(two_convolutions(), Request(policy="energy")), Request(), BOARD)
    costs = going_on_nj(plan)
    assert len(costs) == 2 and min(costs) > 0
    for capacitor in (None, 10.0, 47.0):
        expected = tuple(level_of(BOARD, cost, capacitor or BOARD.energy.capacitor_uF) for cost in costs)
        assert levels("energy", capacitor) == levels("adaptive:0.9", capacitor) == expected
    assert all(a < b for a, b in zip(levels("energy", 10.0), levels("energy:4", 10.0), strict=True))
    assert all(a < b for a, b in zip(levels("energy", 100.0), levels("energy", 10.0), strict=True))
    assert levels("confidence:0.9") == levels("full") == (0, 0)


def test_a_host_does_not_look():
    prepared = prepare(two_convolutions(), Request(policy="energy"))
    assert planned(prepared, Request(), load_board("host")).program.policy.levels == (0, 0)


def supply_code(millivolts):
    """The macro of the firmware, as its header has it."""
    text = files("sparsecomp_firmware").joinpath("ports/msp430/supply.h").read_text()
    (formula,) = re.findall(r"#define SUPPLY_CODE\(millivolts\) (.*)", text)
    python = re.sub(r"\(uint(16|32)_t\)|UL", "", formula).replace("/", "//")
    return eval(python, {"millivolts": millivolts})


@pytest.mark.parametrize("millivolts", range(0, 4001, 125))
def test_readings_are_what_the_firmware_calls_them(millivolts):
    volts = millivolts / 1000
    assert (
        0 <= supply_code(millivolts) - reading(volts) <= 1
    )  # a level is rounded down: it asks for no more than it says
    world = World(BOARD, 47.0, constant(1.0))
    assert abs(world.reading(47.0 / 2 * volts**2) - supply_code(millivolts)) <= 1


def other_board(*removed):
    """The board with the energy of a charge in cycles, and without some figures."""
    text = files("sparsecomp_boards").joinpath("msp430fr5994.toml").read_text()
    for name in removed:
        text, count = re.subn(rf"^{name} = .*\n", "", text, flags=re.M)
        assert count == 1
    return parse_board(text.replace("[energy]\n", "[energy]\ncharge_cycles = 1000000\n").encode(), "other.toml")


@pytest.mark.parametrize("policy", ["energy", "adaptive:0.9"])
@pytest.mark.parametrize("removed", [("nj_per_cycle",), ("capacitor_uF",), ("capacitor_uF", "v_on", "v_off")])
def test_a_board_without_energy_cannot_be_looked_at(policy, removed):
    board = other_board(*removed)
    prepared = prepare(two_convolutions(), Request(policy=policy))
    with pytest.raises(InputError) as refusal:
        planned(prepared, Request(), board)
    assert refusal.value.exit_code == 2 and "confidence:0.9" in refusal.value.hint and board.name in str(refusal.value)
    if "v_off" in removed:
        with pytest.raises(InputError, match="names none"):
            planned(prepared, Request(), board, Bench(supply=Supply(10.0, v_on=3.0, v_off=2.0)))
    assert planned(prepare(two_convolutions(), Request()), Request(), board).program.policy.levels == (0, 0)


def test_layers_on_the_accelerator_have_no_estimate_and_that_is_said():
    net = Net((256,))
    hidden = net.add("relu", net.linear("x", 48))
    model = with_exits(net, net.linear("x", 3), net.linear(hidden, 3))
    request = Request(lea=True)
    program = planned(prepare(model, request), request, BOARD).program
    assert any(step.attrs.get("lea") for step in program.steps)
    with pytest.raises(InputError, match="accelerator is not estimated"):
        planned(prepare(model, Request(policy="energy", lea=True)), request, BOARD)


def test_deploy_takes_the_capacitor_of_the_supply_and_every_answer_is_an_exits(tmp_path):
    require_msp430()
    model = two_convolutions()
    supply = Supply(20.0, power_uW=300.0)
    found = pipeline.deploy(
        model,
        tmp_path / "out",
        board="msp430fr5994",
        samples=6,
        policy="energy",
        bench=Bench(("virtual",), supply=supply),
    )
    assert found.plan.program.policy.levels == levels("energy", 20.0) != levels("energy")
    assert found.on_board.samples == 6
    assert sum(row.samples for row in found.on_board.exits) == 6
    text = (tmp_path / "out/model.c").read_text()
    assert "{{{}U, {}U}}".format(*levels("energy", 20.0)) in text


def test_what_an_accuracy_run_takes_for_right_ends_where_confidence_does():
    prepared = halved(two_convolutions())
    data = prepared.data(prepared.calibration)
    others = _others(prepared, data)
    numbers = [sorted(int.from_bytes(answer[-2:], "little") for answer in some) for some in others]
    taken = run(prepared.program, data.wire).values[1].ravel().astype(int)
    assert numbers == [list(range(last + 1)) for last in taken] and len(np.unique(taken)) == 3


@pytest.mark.parametrize("volts", [1.85, 3.0, 3.6])
def test_the_self_test_on_a_board_passes_whatever_the_supply(volts, tmp_path):
    """The device may leave at one exit or another; the recorded answer is that of a supply that decides nothing."""
    require_msp430()
    result = made(prepare(two_convolutions(), Request(policy="adaptive:0.6:4")), tmp_path / "project", board=BOARD.name)
    # Without a serial line: it runs by itself and keeps its verdict.
    (result.directory / "main.c").write_bytes((result.directory / "examples/selftest.c").read_bytes())
    with built(result.directory, BOARD) as copy:
        elf = copy / "build/firmware.elf"
        run_elf(BOARD, elf, image=tmp_path / "fram", supply=Supply(10_000.0, v_start=volts))
        with open(elf, "rb") as file:
            (symbol,) = ELFFile(file).get_section_by_name(".symtab").get_symbol_by_name("selftest_verdict")
    assert (tmp_path / "fram").read_bytes()[symbol["st_value"] :][:2] == (0x600D).to_bytes(2, "little")

"""Policies: what their texts mean, which are refused, and when a confidence is enough."""

import math
from dataclasses import replace

import numpy as np
import pytest
from exit_models import two_convolutions, with_exits
from hypothesis import given
from hypothesis import strategies as st
from small import Net

from sparsecomp.errors import ConversionError, InputError
from sparsecomp.exits import (
    MOST_RESERVE,
    NEVER,
    Exit,
    Policy,
    PolicyRequest,
    answers,
    confidence,
    leaves,
    make_policy,
    parse_policy,
)
from sparsecomp.prepare import Request, prepare

EXITS = (Exit("a", "x", 1.5), Exit("b", "y", 0.75), Exit("full", "z", 9.0))


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("full", {}),
        ("fixed:0", {"limit": 0}),
        ("fixed:12", {"limit": 12}),
        ("confidence:0.9", {"share": 0.9}),
        ("confidence:.51", {"share": 0.51}),
        ("energy", {"energy": True}),
        ("energy:2.5", {"energy": True, "reserve": 2.5}),
        ("energy:0.01", {"energy": True, "reserve": 0.01}),
        ("adaptive:0.8", {"energy": True, "share": 0.8}),
        ("adaptive:0.8:3", {"energy": True, "share": 0.8, "reserve": 3.0}),
        ("adaptive:0.8:3@1", {"energy": True, "share": 0.8, "reserve": 3.0, "limit": 1}),
        ("confidence:0.9@0", {"share": 0.9, "limit": 0}),
        ("full@1", {"limit": 1}),
        ("energy/470uF", {"energy": True, "capacitor_uF": 470.0}),
        ("adaptive:0.8:3@1/2.2mF", {"energy": True, "share": 0.8, "reserve": 3.0, "limit": 1, "capacitor_uF": 2200.0}),
    ],
)
def test_every_form_has_its_meaning(text, fields):
    assert parse_policy(text) == PolicyRequest(text, **fields)


WRONG = [
    "", "fast", "FULL", "full:", "full:1", "fixed", "fixed:", "fixed:-1", "fixed:1.5", "fixed:a", "fixed:1:2",
    "confidence", "confidence:", "confidence:0.5", "confidence:1", "confidence:90", "confidence:nan", "confidence:inf",
    "confidence:0.9:2", "energy:", "energy:0", "energy:-1", "energy:nan", "energy:inf", "energy:2:3",
    f"energy:{MOST_RESERVE:g}", "adaptive", "adaptive:0.4", "adaptive:0.9:", "adaptive:0.9:0", "adaptive:0.9:1:1",
    "adaptive:2:0.9", "@", "@1", "full@", "full@x", "full@-1", "fixed:1@1", "energy@1@2", "adaptive@1",
    "9" * 5000, "fixed:" + "9" * 5000, "fixed:\u0662", "full/470uF", "fixed:1/470uF",
    "confidence:0.9/470uF", "energy/0uF",
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_form_is_refused_with_the_forms_there_are(text):
    with pytest.raises(InputError, match="unknown exit policy") as refusal:
        parse_policy(text)
    assert refusal.value.exit_code == 2
    for form in ("full", "fixed:N", "confidence:0.9", "energy", "adaptive:0.9"):
        assert form in refusal.value.hint


@pytest.mark.parametrize("text", ["energy/", "energy/470", "energy/470uW", "adaptive:0.9/uF"])
def test_a_capacitor_has_its_unit(text):
    with pytest.raises(InputError, match="is no quantity in F"):
        parse_policy(text)


def test_margins_are_log_odds_times_temperature_in_elements():
    policy = make_policy(parse_policy("confidence:0.9"), EXITS, 7)
    assert policy.margins == tuple(math.floor(math.log(9) * t * 128) for t in (1.5, 0.75))
    assert (policy.limit, policy.levels, policy.energy) == (2, (0, 0), False)
    more = make_policy(parse_policy("adaptive:0.99:2"), EXITS, 7)
    assert all(a < b for a, b in zip(policy.margins, more.margins, strict=True))
    assert (more.energy, more.reserve) == (True, 2.0)
    assert make_policy(parse_policy("adaptive:0.99:2@1"), EXITS, 7) == replace(more, limit=1, text="adaptive:0.99:2@1")
    with pytest.raises(InputError, match="0 to 2"):
        make_policy(parse_policy("energy@3"), EXITS, 7)
    # A coarser exponent, of which one element is worth more.
    assert make_policy(parse_policy("confidence:0.9"), EXITS, -1).margins == (1, 0)


@pytest.mark.parametrize("temperature", [1e6, 1e300, 1.7e308])
def test_a_margin_that_no_confidence_reaches_is_never(temperature):
    exits = (Exit("a", "x", temperature), EXITS[-1])
    assert make_policy(parse_policy("confidence:0.999"), exits, 15).margins == (NEVER,)


def test_without_a_share_no_confidence_is_enough():
    for text in ("full", "energy", "fixed:1"):
        assert make_policy(parse_policy(text), EXITS, 7).margins == (NEVER, NEVER)
    scores = np.array([[32767, -32768, -32768]], np.int16)
    assert confidence(scores)[0] == NEVER  # as much as there can be
    assert not leaves(Policy(1, (NEVER,), (0,)), 0, scores)[0]


def test_ties_go_on():
    scores = np.array([[10, 3, 1], [11, 3, 1], [5, 5, 5], [-32768, -32768, -32768]], np.int16)
    policy = Policy(1, (7,), (0,))
    assert leaves(policy, 0, scores).tolist() == [False, True, False, False]
    assert leaves(replace(policy, margins=(0,)), 0, scores).tolist() == [True, True, False, False]
    # The margin of a share is exact at its own confidence: equal shares go on.
    margin = make_policy(parse_policy("confidence:0.9"), EXITS, 7).margins[0]
    two = np.array([[margin, 0, -1], [margin + 1, 0, -1]], np.int16)
    assert leaves(Policy(1, (margin,), (0,)), 0, two).tolist() == [False, True]


def test_limit_is_the_last_exit_whatever_the_confidence():
    scores = [np.zeros((2, 3), np.int16), np.ones((2, 3), np.int16), np.full((2, 3), 2, np.int16)]
    for limit in range(3):
        answer, number = answers(Policy(limit, (NEVER, NEVER), (0, 0)), scores)
        assert number.ravel().tolist() == [limit, limit] and (answer == limit).all()


def test_an_exit_beyond_the_last_is_refused():
    assert make_policy(parse_policy("fixed:2"), EXITS, 7).limit == 2
    with pytest.raises(InputError, match="the exits are 0 to 2") as refusal:
        make_policy(parse_policy("fixed:3"), EXITS, 7)
    assert refusal.value.exit_code == 2 and "2 is the whole network" in refusal.value.hint


@pytest.mark.parametrize("text", ["confidence:0.9", "energy", "adaptive:0.9"])
def test_float_scores_are_not_compared(text):
    with pytest.raises(InputError, match="compares integers") as refusal:
        make_policy(parse_policy(text), EXITS, 0, is_float=True)
    assert "int8" in refusal.value.hint and "fixed:N" in refusal.value.hint
    model = two_convolutions()
    with pytest.raises(InputError, match="compares integers"):
        prepare(model, Request(numeric="float32", policy=text))
    assert prepare(model, Request(numeric="float32")).program.policy.text == "full"
    assert prepare(model, Request(numeric="float32", policy="fixed:0")).program.policy.limit == 0


def test_a_network_without_exits_has_no_policy():
    model = replace(with_exits(_plain(), "linear_1_out"), exits=())
    assert prepare(model, Request()).program.policy is None
    with pytest.raises(InputError, match="this one has none"):
        prepare(model, Request(policy="full"))


def test_a_network_whose_only_exit_is_its_end_is_a_plain_one():
    prepared = prepare(with_exits(_plain(), "linear_1_out"), Request())
    assert prepared.program.exits == () and prepared.program.policy is None
    assert [step.kernel for step in prepared.program.steps] == ["mac"]


def _plain() -> Net:
    net = Net((1, 2, 2))
    net.linear(net.flatten("x"), 3)
    return net


def test_the_default_looks_at_confidence():
    program = prepare(two_convolutions(), Request()).program
    assert program.policy.text == "confidence:0.9" and program.policy.limit == 2
    fraction = program.tensors[program.exits[0].tensor].fraction
    wanted = [math.floor(math.log(9) * t * 2.0**fraction) for t in (1.5, 0.75)]
    assert list(program.policy.margins) == [min(NEVER, margin) for margin in wanted]


@pytest.mark.parametrize("words", [(-1, (0,), (0,)), (1, (70000,), (0,)), (1, (0,), (65536,)), (1, (0, 0), (0,))])
def test_words_that_are_none_are_no_policy(words):
    with pytest.raises(ConversionError, match="is none"):
        Policy(*words)


SCORES = st.integers(-32768, 32767) | st.integers(-3, 3)


@given(
    st.lists(st.lists(st.lists(SCORES, min_size=3, max_size=3), min_size=3, max_size=3), min_size=1, max_size=6),
    st.integers(0, 2),
    st.tuples(st.integers(0, NEVER) | st.integers(0, 4), st.integers(0, NEVER) | st.integers(0, 4)),
)
def test_decisions_are_those_of_a_loop_over_samples_and_exits(table, limit, margins):
    scores = np.array(table, np.int16).transpose(1, 0, 2)
    answer, number = answers(Policy(limit, margins, (0, 0)), list(scores))
    for sample in range(len(table)):
        for leaving in range(3):
            best, second = sorted(table[sample][leaving], reverse=True)[:2]
            if leaving >= limit or best - second > margins[leaving]:
                break
        assert number[sample, 0] == leaving
        assert answer[sample].tolist() == table[sample][leaving]

"""What is decided before a program exists: the width of the weights, and what is too large to begin with."""

from dataclasses import replace

import numpy as np
import pytest
from small import Net, loaded

from sparsecomp.errors import DoesNotFitError
from sparsecomp.frontend.extra import Exit
from sparsecomp.prepare import Request, prepare
from sparsecomp.widths import Quality


def dominated():
    """A layer whose answer hangs on small weights beside a large one that every output shares."""
    net = Net((6,), seed=2)
    weight = net.rng.normal(size=(4, 6)) / 2
    weight[:, 0] = 100
    data = net.rng.normal(size=(64, 6)).astype(np.float32)
    data[:, 0] = 1
    return loaded(net.graph(net.linear("x", 4, weight=weight, bias=False)), [data])


def width(prepared):
    return prepared.program.steps[-1].attrs["matrix"].dtype


def test_answers_that_8_bits_change_ask_for_16_though_the_decibels_are_fine():
    chosen = prepare(dominated(), Request())
    assert width(chosen) == np.int16
    (note,) = (n for n in chosen.program.notes if n.startswith("16-bit weights"))
    assert "equal answers" in note
    assert width(prepare(dominated(), Request(weights="int8"))) == np.int8


def test_the_worst_exit_decides():
    """The whole network's answers are fine with 8 bits, those of its early exit are not."""
    plain = dominated()
    net = Net((6,), seed=2)
    net.rng = np.random.default_rng(7)
    params = dict(plain.graph.params)
    early = net.linear("x", 4, weight=next(v for k, v in params.items() if k.endswith("weight")), bias=False)
    graph = net.graph(early, net.linear(net.add("relu", net.linear("x", 4)), 4))
    exits = (Exit("early", 1.0), Exit("full", 1.0))
    model = replace(loaded(graph, list(plain.calibration)), exits=exits)
    chosen = prepare(model, Request())
    (note,) = (n for n in chosen.program.notes if n.startswith("16-bit weights"))
    assert "at exit 'early'" in note
    alone = prepare(replace(model, exits=()), Request())  # two outputs that may be anything
    assert not [n for n in alone.program.notes if n.startswith("16-bit weights")]


def test_what_was_not_measured_is_not_said():
    """Answers that both widths lose: of a few samples there is no share of equal ones."""

    def notes(samples):
        net = Net((6,), seed=2)
        data = net.rng.normal(size=(samples, 6)).astype(np.float32) * 1e-6
        data[0] = 1.0  # what is calibrated for it leaves nothing of the others
        return prepare(loaded(net.graph(net.linear("x", 4, bias=False)), [data]), Request()).program.notes

    (note,) = notes(64)
    assert note.startswith("the outputs: only") and "equal answers" in note
    assert not notes(8)
    unknown = Quality(10.0, None, "the outputs")
    assert str(unknown) == "10.0 dB" and not unknown.good and replace(unknown, sqnr_db=20.0).good
    assert replace(unknown, sqnr_db=13.0).clearly_above(unknown)
    assert not replace(unknown, sqnr_db=40.0).clearly_above(replace(unknown, sqnr_db=30.0))


def test_a_confidence_that_no_scores_reach_is_told():
    net = Net((6,), seed=2)
    early = net.add("sigmoid", net.linear("x", 4))
    graph = net.graph(early, net.linear(net.add("relu", net.linear("x", 4)), 4))
    exits = (Exit("early", 1.0), Exit("full", 1.0))
    model = replace(loaded(graph, [net.rng.normal(size=(64, 6)).astype(np.float32)]), exits=exits)
    (note,) = prepare(model, Request(policy="confidence:0.9")).program.notes
    assert "'confidence:0.9'" in note and "early" in note
    for policy in ("confidence:0.52", "full", "fixed:0", "confidence:0.9@0"):
        assert not prepare(model, Request(policy=policy)).program.notes


def test_good_8_bit_weights_stay():
    net = Net((6,), seed=2)
    graph = net.graph(net.linear("x", 4))
    chosen = prepare(loaded(graph, [net.rng.normal(size=(64, 6)).astype(np.float32)]), Request())
    assert width(chosen) == np.int8 and not chosen.program.notes


def test_a_map_beyond_16_bit_indices_is_refused_by_its_layer_before_anything_runs():
    net = Net((1, 200, 200))
    graph = net.graph(net.conv("x", 8, name="wide"))
    with pytest.raises(DoesNotFitError, match="'wide' .*313632 elements"):
        prepare(loaded(graph, [np.zeros((1, 1, 200, 200), np.float32)]), Request())

"""What is decided before a program exists: the width of the weights, and what is too large to begin with."""

import numpy as np
import pytest
from small import Net, loaded

from sparsecomp.errors import DoesNotFitError
from sparsecomp.prepare import Request, prepare


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

"""The pieces of the algorithm, each against its definition."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sparsecomp.boards import load_board
from sparsecomp.compression.goal import Goal
from sparsecomp.compression.method import Method
from sparsecomp.compression.network import Network
from sparsecomp.compression.projection import Support, keep_largest
from sparsecomp.compression.rounding import rounded, settle
from sparsecomp.compression.schedule import budgets
from sparsecomp.compression.scores import lamp, sensitivity
from sparsecomp.lower import lower
from sparsecomp.passes import simplify
from sparsecomp.quantize import calibrate
from sparsecomp.wire import Wire

from .networks import Nested, blobs, plain, trained


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30), st.integers(0, 31), st.randoms())
def test_exactly_as_many_weights_stay_and_they_are_the_largest(values, count, random):
    weight = torch.tensor(values, dtype=torch.float32)
    allowed = torch.tensor([random.random() < 0.7 for _ in values])
    before = weight.clone()
    mask = keep_largest(weight, count, allowed)
    assert torch.equal(weight, before)
    if count < len(values) or not allowed.all():
        assert int(mask.sum()) == min(count, int(allowed.sum()))
        assert not (mask & ~allowed).any()
    kept, lost = weight[mask].abs(), weight[allowed & ~mask].abs()
    assert not len(kept) or not len(lost) or kept.min() >= lost.max()


def test_a_pruned_weight_may_return_unless_the_support_is_frozen():
    weight = torch.tensor([3.0, 2.0, 1.0])
    for frozen, expected in ((False, [0, 2.0, 5.0]), (True, [0, 2.0, 0])):
        support = Support(torch.ones(3, dtype=torch.bool), 2, torch.tensor([True, True, False]))
        moved = torch.tensor([0.0, 2.0, 5.0])
        support.project(moved, frozen)
        assert moved.tolist() == expected
    assert Support.full(weight).is_full


def test_lamp_is_the_share_of_what_is_not_smaller():
    weight = torch.tensor([[1.0, -3.0], [2.0, 0.0]])
    assert torch.allclose(lamp(weight), torch.tensor([[1 / 14, 9 / 9], [4 / 13, 0]], dtype=torch.float64))
    assert torch.equal(lamp(weight), lamp(10 * weight))  # layers of any scale compare
    assert sensitivity(weight, torch.full((2, 2), 0.5))[0, 1] == 4.5


@pytest.mark.parametrize("schedule", ["cubic", "geometric"])
def test_budgets_fall_and_end_at_the_target(schedule):
    method = Method(schedule=schedule, steps=5, step=0.3, first_step=0.5)
    sizes = budgets(method, 1000.0, 100.0)
    assert sizes[-1] == 100.0 and all(a > b for a, b in zip([1000.0, *sizes], sizes, strict=False))
    if schedule == "cubic":
        assert len(sizes) == 5 and sizes[0] == pytest.approx(100 + 900 * 0.8**3)
    else:
        assert sizes[0] == 500 and sizes[1] == pytest.approx(350)
    assert budgets(method, 90.0, 100.0) == [100.0]


@given(st.integers(0, 1000))
def test_rounded_weights_stand_on_255_steps(seed):
    weight = torch.randn(4, 3, generator=torch.Generator().manual_seed(seed))
    steps = rounded(weight) / (weight.abs().max() / 127)
    assert torch.allclose(steps, steps.round(), atol=1e-4) and steps.abs().max() <= 127.001
    gain = torch.tensor([1.0, -2.0, 0.0, 0.1])
    folded = rounded(weight, gain) * gain[:, None]
    steps = folded / ((weight * gain[:, None]).abs().max() / 127)
    assert torch.allclose(steps, steps.round(), atol=1e-3)


@pytest.mark.parametrize("make", [plain, Nested])
def test_a_settled_network_lowers_to_the_numbers_it_was_settled_to(make):
    x, y = blobs(120)
    network = Network(trained(make(), x, y, epochs=2), (torch.from_numpy(x[:1]),))
    goal = Goal("bytes", 0.0, (Wire(),), load_board("host"))
    fractions = calibrate(network.current(), [x])
    settle(network.model, network.current(), network.layers, goal.lowering(fractions))
    settled = network.current()
    narrow, exact = (
        lower(simplify(settled)[0], (Wire(),), fractions, goal.lowering(fractions, exact=e).options)
        for e in (False, True)
    )
    shared = {name for layer in network.layers if len(layer.nodes) > 1 for name in layer.nodes}
    compared = 0
    for a, b in zip(narrow.steps, exact.steps, strict=True):
        if a.kernel == "mac" and a.source.split("+")[0] not in shared:
            assert np.array_equal(a.attrs["matrix"], b.attrs["matrix"])
            assert b.attrs["multiplier"].size == 1 and b.attrs["bias"].dtype == np.int8
            compared += 1
    assert compared >= 3

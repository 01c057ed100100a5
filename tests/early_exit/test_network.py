"""Networks with exits: what their answers are, what they may depend on, and which exits there cannot be."""

import copy

import pytest
import torch
from nets import EXITS, SHAPES, conv2d, with_exits
from torch import nn

from sparsecomp.compression.layers import trace
from sparsecomp.early_exit import EarlyExitNetwork, GlobalHead, IndividualHeads
from sparsecomp.errors import InputError

BOTH = pytest.mark.parametrize("head", [GlobalHead, IndividualHeads])
WIDTHS = pytest.mark.parametrize("hidden", [0, 7])


def maps(count=5):
    torch.manual_seed(3)
    return [torch.randn(count, *shape) for shape in SHAPES]


@WIDTHS
@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_the_incremental_form_is_one_head_over_concatenated_maps_with_zeros(hidden, pooling):
    torch.manual_seed(0)
    head = GlobalHead(SHAPES, 4, pooled=2, hidden=hidden, pooling=pooling)
    values = [head.pool(i, features) for i, features in enumerate(maps())]
    found = head.scores(values)
    for last, logits in enumerate(found):
        zeroed = [v if i <= last else torch.zeros_like(v) for i, v in enumerate(values)]
        torch.testing.assert_close(logits, head.concatenated(zeroed), atol=1e-5, rtol=0)
    assert not torch.allclose(found[0], found[1])


def test_a_global_head_has_one_bias_and_one_last_layer():
    head = GlobalHead(SHAPES, 4, pooled=2, hidden=7)
    assert [name for name, _ in head.named_parameters()] == [
        "slots.0.weight", "slots.0.bias", "slots.1.weight", "out.weight", "out.bias",
    ]  # fmt: skip


@BOTH
@WIDTHS
def test_answers_are_those_of_the_exits_in_order_and_the_networks_own_last(head, hidden):
    network = with_exits(head, hidden=hidden)
    x = torch.randn(3, 1, 12, 12)
    answers = network(x)
    assert [tuple(a.shape) for a in answers] == [(3, 4)] * 3
    torch.testing.assert_close(answers[-1], network.network(x))
    first = network.network[:4](x)
    values = [network.head.pool(0, first), network.head.pool(1, network.network[4:7](first))]
    torch.testing.assert_close(torch.stack(network.head.scores(values)), torch.stack(answers[:-1]))


@BOTH
def test_an_exit_depends_on_nothing_behind_it(head):
    network = with_exits(head, hidden=3)
    x = torch.randn(2, 1, 12, 12)
    before = network(x)
    with torch.no_grad():
        network.network[4].weight.zero_()
    after = network(x)
    assert torch.equal(before[0], after[0])
    assert not torch.equal(before[1], after[1])


@BOTH
def test_operators_of_an_exit_stand_right_behind_the_layer_that_it_looks_at(head):
    graph = trace(with_exits(head, hidden=3), torch.zeros(1, 1, 12, 12))
    names = [node.name for node in graph.nodes]
    producers = [names.index(graph.producer(name).name) for name in graph.outputs]
    assert producers[0] < names.index("network_4") < producers[1] < names.index("network_9") == producers[2]


def test_the_forward_leaves_no_trace_in_the_network_and_copies_are_their_own():
    network = with_exits()
    copied = copy.deepcopy(network)
    x = torch.randn(2, 1, 12, 12)
    assert torch.equal(network(x)[0], copied(x)[0])
    with torch.no_grad():
        copied.head.slots[0].weight.zero_()
    assert not torch.equal(network(x)[0], copied(x)[0])
    assert not any(module._forward_hooks for module in network.modules())


def test_a_vector_is_taken_as_it_is():
    plain = nn.Sequential(nn.Flatten(), nn.Linear(9, 6), nn.ReLU(), nn.Linear(6, 3))
    head = GlobalHead([(6,)], 3, pooled=2)
    assert head.widths == (6,)
    assert EarlyExitNetwork(plain, ("2",), head)(torch.randn(2, 1, 3, 3))[0].shape == (2, 3)


@pytest.mark.parametrize(("size", "count"), [(5, 3), (7, 4), (6, 2), (4, 4), (5, 1)])
@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_maps_of_any_size_are_pooled_to_the_size_asked_for(size, count, pooling):
    for space in ((size,), (size, size + 1)):
        head = IndividualHeads([(2, *space)], 3, pooled=count, pooling=pooling)
        assert head.pool(0, torch.randn(1, 2, *space)).shape == (1, 2, *[count] * len(space))


@pytest.mark.parametrize(
    ("exits", "message"),
    [
        (("3", "conv7"), "no module 'conv7'"),
        (("3", "3"), "one twice"),
        ((), "are none"),
    ],
)
def test_exits_that_cannot_be_are_refused(exits, message):
    with pytest.raises(InputError, match=message):
        EarlyExitNetwork(conv2d(), exits, GlobalHead(SHAPES, 4))


def test_a_network_says_when_its_modules_run_otherwise_than_named():
    x = torch.zeros(1, 1, 12, 12)
    backwards = EarlyExitNetwork(conv2d(), EXITS[::-1], GlobalHead(SHAPES[::-1], 4))
    with pytest.raises(InputError, match="exit '3' is reached as number 1, not 2"):
        backwards(x)

    class Unused(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.spare = conv2d(), nn.ReLU()

        def forward(self, x):
            return self.body(x)

    silent = EarlyExitNetwork(Unused(), ("body.3", "spare"), GlobalHead(SHAPES, 4))
    with pytest.raises(InputError, match="does not run 'spare'"):
        silent(x)


def test_a_head_for_another_number_of_maps_is_refused():
    with pytest.raises(InputError, match=r"1 map\(s\), 2 exit"):
        EarlyExitNetwork(conv2d(), EXITS, GlobalHead(SHAPES[:1], 4))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooled": 3}, "cannot be pooled to 3"),
        ({"pooling": "median"}, "unknown pooling"),
        ({"pooled": 0}, "no head for"),
        ({"hidden": -1}, "no head for"),
    ],
)
def test_heads_that_cannot_be_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        GlobalHead(SHAPES, 4, **options)


@pytest.mark.parametrize("values", [(1.0, 1.0), (1.0, 0.0, 1.0), (1.0, float("nan"), 1.0), (1.0, float("inf"), 1.0)])
def test_temperatures_are_one_number_above_zero_for_each_answer(values):
    network = with_exits()
    with pytest.raises(InputError, match="temperatures"):
        network.temperatures = values
    network.temperatures = (2, 0.5, 1)
    assert network.temperatures == (2.0, 0.5, 1.0)

"""Placement of buffers: optimal on chains, never overlapping, and what live buffers are."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from small import Net, chain, program, residual

from sparsecomp.plan import Buffer
from sparsecomp.plan.arena import divide, greedy, height, overlap_in_time, place, two_ended
from sparsecomp.plan.buffers import RECEIVED, live_buffers, live_words

SIZES = st.integers(1, 5000)


def check_apart(buffers, offsets):
    """No two buffers that are alive at once share a word, nor does one leave the arena."""
    assert set(offsets) == {b.name for b in buffers}
    assert min(offsets.values(), default=0) >= 0
    for i, a in enumerate(buffers):
        for b in buffers[i + 1 :]:
            if a.first <= b.last and b.first <= a.last:
                assert offsets[a.name] + a.words <= offsets[b.name] or offsets[b.name] + b.words <= offsets[a.name]


@st.composite
def lives(draw):
    """Buffers of any lifetimes."""
    steps = draw(st.integers(1, 12))
    out = []
    for i in range(draw(st.integers(0, 14))):
        first = draw(st.integers(-1, steps - 1))
        out.append(Buffer(f"b{i}", draw(SIZES), first, draw(st.integers(first, steps))))
    return tuple(out)


@given(st.lists(SIZES, min_size=1, max_size=30))
def test_chains_take_the_words_alive_at_once_and_no_more(sizes):
    buffers = [Buffer(f"b{i}", words, i, i + 1) for i, words in enumerate(sizes)]
    offsets = place(buffers)
    check_apart(buffers, offsets)
    bound = max(a + b for a, b in zip([0, *sizes], [*sizes, 0], strict=True))
    assert height(buffers, offsets) == live_words(tuple(buffers))[0] == bound


@given(st.permutations(range(8)), st.lists(SIZES, min_size=8, max_size=8))
def test_the_order_in_which_a_chain_is_given_does_not_matter(order, sizes):
    buffers = [Buffer(f"b{i}", words, i, i + 1) for i, words in enumerate(sizes)]
    assert place([buffers[i] for i in order]) == place(buffers)


@given(lives())
@settings(max_examples=200)
def test_no_network_has_overlapping_buffers(buffers):
    offsets = place(buffers)
    check_apart(buffers, offsets)
    assert height(buffers, offsets) >= live_words(buffers)[0]


@given(lives())
def test_the_search_is_never_worse_than_greedy_by_size(buffers):
    by_size = greedy(sorted(buffers, key=lambda b: (-b.words, b.first, b.name)))
    check_apart(buffers, by_size)
    assert height(buffers, place(buffers)) <= height(buffers, by_size)


def test_the_search_improves_on_greedy_somewhere():
    """Lifetimes and sizes where placing the largest first wastes words."""
    better = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        firsts = rng.integers(0, 8, 10)
        buffers = [
            Buffer(f"b{i}", int(rng.integers(1, 100)), int(f), int(f + rng.integers(0, 4)))
            for i, f in enumerate(firsts)
        ]
        by_size = greedy(sorted(buffers, key=lambda b: (-b.words, b.first, b.name)))
        better += height(buffers, place(buffers)) < height(buffers, by_size)
    assert better >= 5


@given(lives(), st.lists(st.integers(1, 8000), min_size=1, max_size=4))
def test_several_memories_hold_what_they_are_given(buffers, capacities):
    groups = divide(buffers, capacities)
    assert len(groups) == len(capacities)
    for group, capacity in zip(groups, capacities, strict=True):
        offsets = place(group)
        check_apart(group, offsets)
        assert height(group, offsets) <= capacity
    given_out = [b for group in groups for b in group]
    assert len(set(given_out)) == len(given_out)
    for left in set(buffers) - set(given_out):
        assert any(overlap_in_time(left, b) for b in buffers if b is not left) or left.words > max(capacities)


@given(lives(), st.integers(0, 3))
@settings(max_examples=40)
def test_a_seed_gives_the_same_placement_every_time(buffers, seed):
    assert place(buffers, seed) == place(list(buffers), seed)


def test_what_is_not_a_chain_cannot_be_placed_at_two_ends():
    buffers = [Buffer("a", 10, 0, 2), Buffer("b", 10, 1, 2), Buffer("c", 10, 2, 3)]
    assert two_ended(buffers, 30) is None
    assert height(buffers, place(buffers)) == 30


def test_the_commit_of_a_step_belongs_to_the_lives_of_its_input_and_output():
    assert overlap_in_time(Buffer("a", 1, 0, 3), Buffer("b", 1, 3, 4))
    assert not overlap_in_time(Buffer("a", 1, 0, 3), Buffer("b", 1, 4, 5))


def test_lives_reach_from_the_first_writer_to_the_last_reader():
    lowered = residual_program()
    buffers = {b.name: b for b in live_buffers(lowered)[0]}
    assert set(buffers) == {lowered.base(step.output) for step in lowered.steps}
    for name, buffer in buffers.items():
        writers = [i for i, s in enumerate(lowered.steps) if lowered.base(s.output) == name]
        readers = [i for i, s in enumerate(lowered.steps) if name in map(lowered.base, s.inputs)]
        last = len(lowered.steps) if any(p.tensor == name for p in lowered.outputs) else max(readers)
        assert (buffer.first, buffer.last) == (min(writers), last)
        assert buffer.words == lowered.tensors[name].stored


def residual_program():
    return program(residual())


def test_an_output_that_comes_early_lives_until_it_is_acknowledged():
    net = Net((3, 5, 5))
    early = net.conv("x", 2)
    lowered = program(net.graph(early, net.conv(net.conv(early, 3), 1, kernel=1)))
    buffers = {b.name: b for b in live_buffers(lowered)[0]}
    assert buffers[lowered.outputs[0].tensor].last == len(lowered.steps)


def test_the_received_input_is_a_buffer_only_where_it_is_volatile():
    lowered = program(chain())
    kept, offsets, words = live_buffers(lowered)
    assert words == 2 * 8 * 8 and list(offsets.values()) == [0]
    assert RECEIVED not in {b.name for b in kept}
    given_back, _, _ = live_buffers(lowered, volatile_input=True)
    received = next(b for b in given_back if b.name == RECEIVED)
    readers = [i for i, s in enumerate(lowered.steps) if lowered.inputs[0].tensor in s.inputs]
    assert (received.words, received.first, received.last) == (words, -1, max(readers))


def test_several_inputs_lie_one_after_the_other():
    net = Net((2, 5), (3, 5))
    lowered = program(net.graph(net.conv(net.add("concat", "x0", "x1", dim=0), 2)))
    _, offsets, words = live_buffers(lowered)
    assert offsets == {"x0": 0, "x1": 10}
    assert words == 25


def test_float_tensors_take_two_words_an_element():
    net = Net((4,))
    graph = net.graph(net.linear("x", 3))
    assert [b.words for b in live_buffers(program(graph, numeric="float32"))[0]] == [6]

"""Points where a network can be left: which there are, in what order, and which cannot be."""

import pytest
import torch
from nets import conv1d, conv2d, with_exits
from torch import nn

from sparsecomp.early_exit.choice import Candidate, best_set, worth
from sparsecomp.early_exit.points import Point, candidates, chosen
from sparsecomp.errors import InputError

IMAGE = torch.zeros(1, 1, 12, 12)


class Twice(nn.Module):
    """Runs one layer two times, and gives a tuple inside."""

    def __init__(self):
        super().__init__()
        self.first, self.again, self.last = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.pair = Pair()

    def forward(self, x):
        x = self.again(torch.relu(self.again(self.first(x.flatten(1)))))
        return self.last(self.pair(x)[0])


class Pair(nn.Module):
    def forward(self, x):
        return x, x


def test_candidates_are_what_the_next_layer_reads():
    assert candidates(conv2d(), IMAGE) == (Point("3", (4, 5, 5)), Point("6", (6, 2, 2)))
    assert candidates(conv1d(), torch.zeros(1, 2, 24)) == (Point("2", (6, 11)), Point("4", (8, 9)))
    plain = nn.Sequential(nn.Flatten(), nn.Linear(9, 6), nn.ReLU(), nn.Linear(6, 3))
    assert candidates(plain, torch.zeros(1, 1, 3, 3)) == (Point("2", (6,)),)


def test_points_are_put_into_the_order_of_computation():
    assert [p.path for p in chosen(conv2d(), IMAGE, ("6", "3"))] == ["3", "6"]


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (("9",), "behind '9' nothing is left"),
        (("11",), "no module '11'"),
        ((), "are none"),
        (("3", "3"), "one twice"),
    ],
)
def test_points_that_cannot_be_are_refused(paths, message):
    with pytest.raises(InputError, match=message):
        chosen(conv2d(), IMAGE, paths)


@pytest.mark.parametrize(
    ("path", "message"), [("again", "is run 2 times"), ("pair", "gives no map"), ("last", "nothing is left")]
)
def test_modules_that_run_twice_or_give_no_map_are_refused(path, message):
    with pytest.raises(InputError, match=message):
        chosen(Twice(), torch.zeros(1, 6), (path,))


def test_a_network_that_has_exits_already_is_refused():
    with pytest.raises(InputError, match="one tensor of logits"):
        chosen(with_exits(), IMAGE, ("network.3",))


def test_looking_at_a_network_leaves_it_in_the_mode_that_it_was_in():
    network = conv2d().train()
    network[4].eval()
    before = [m.training for m in network.modules()], network[1].num_batches_tracked.clone()
    chosen(network, IMAGE, ("3",))
    assert [m.training for m in network.modules()] == before[0]
    assert torch.equal(network[1].num_batches_tracked, before[1])


def test_worth_is_the_mean_accuracy_of_the_best_answer_that_is_there():
    exit_ = Candidate("a", 200, 50, 0.6)
    # To 1,250: nothing until 250, 0.6 until 1,050 (50 for the head), then 0.9.
    assert worth([exit_], 1000, 0.9) == pytest.approx((800 * 0.6 + 200 * 0.9) / 1250)
    assert worth([], 1000, 0.9) == pytest.approx(250 * 0.9 / 1250)
    worse = Candidate("b", 600, 0, 0.5)
    assert worth([exit_, worse], 1000, 0.9) == pytest.approx(worth([exit_], 1000, 0.9))


def test_only_exits_that_bring_something_are_taken():
    early, middle, late = Candidate("a", 200, 5, 0.5), Candidate("b", 500, 5, 0.85), Candidate("c", 990, 5, 0.9)
    assert best_set([late, middle, early], 1000, 0.9) == (early, middle)
    assert best_set([late, middle, early], 1000, 0.9, most=1) == (middle,)
    costly = Candidate("a", 200, 700, 0.5)
    assert best_set([costly, middle], 1000, 0.9) == (middle,)


def test_many_candidates_are_thinned_out():
    many = [Candidate(str(i), 50 * i, 1, 0.3 + 0.03 * i) for i in range(1, 15)]
    assert len(best_set(many, 1000, 0.9, most=3)) == 3


def test_without_candidates_the_user_is_asked_for_exits():
    with pytest.raises(InputError, match="no point for an exit"):
        best_set([], 1000, 0.9)

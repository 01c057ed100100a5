"""Heads are trained on kept maps: the network stays bit for bit, each parameter counts, a seed gives one head."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from nets import EXITS, conv2d, images, trained
from torch import nn

from sparsecomp.compression.feeding import Feed, as_loader
from sparsecomp.early_exit.features import collect
from sparsecomp.early_exit.heads import GlobalHead, IndividualHeads
from sparsecomp.early_exit.points import chosen
from sparsecomp.early_exit.shrinking import data_for
from sparsecomp.early_exit.training import PUBLISHED, Training, accuracies, class_weights, fit
from sparsecomp.errors import InputError

POOLING = 2, "max"
HOW = Training(epochs=3, batch=32)


@pytest.fixture(scope="module")
def network():
    return trained(conv2d(), *images(240))


def features(network, count=120, seed=0, passes=1, paths=EXITS):
    feed = Feed(as_loader(images(count, seed), "training", shuffle=False, seed=0), torch.device("cpu"))
    points = chosen(network, torch.zeros(1, 1, 12, 12), paths)
    return collect(network, feed, points, [POOLING, (1, "avg"), (3, "max")], passes)


@pytest.fixture(scope="module")
def data(network):
    return data_for(features(network), features(network, 80, 1), POOLING)


def make(kind=GlobalHead, hidden=0, seed=0, data=None):
    torch.manual_seed(seed)
    return kind(data.shapes, 4, 2, hidden, "max")


def weights(head):
    return torch.cat([p.detach().flatten() for p in head.parameters()])


def after(data, how=HOW, seed=0, **options):
    return weights(fit(make(data=data, **options), data.train, data.labels, data.logits, how, seed))


def test_maps_are_those_of_the_network_pooled_and_it_stays_as_it_is():
    network = trained(conv2d(), *images(240)).train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    found = features(network)
    assert network.training and all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert set(found.pooled) == {POOLING, (1, "avg")}  # three are more than the second map has
    x = torch.from_numpy(images(120)[0])
    with torch.no_grad():
        network.eval()
        first = network[:4](x)
        torch.testing.assert_close(found.logits, network(x))
    torch.testing.assert_close(found.pooled[1, "avg"][0].flatten(1), first.mean((2, 3)))
    assert found.pooled[POOLING][1].shape == (120, 6, 2, 2)


def test_several_passes_see_a_loader_that_changes_its_samples():
    class Changing:
        def __init__(self):
            self.count = 0

        def __iter__(self):
            self.count += 1
            x, y = images(8)
            yield torch.from_numpy(x) * self.count, torch.from_numpy(y)

    network = conv2d().eval()
    points = chosen(network, torch.zeros(1, 1, 12, 12), EXITS)
    found = collect(network, Feed(Changing(), torch.device("cpu")), points, [POOLING], 3)
    assert len(found) == 24
    assert not torch.equal(found.logits[:8], found.logits[8:16])


def test_channels_of_pruned_filters_are_no_inputs(network):
    pruned = conv2d().eval()
    pruned.load_state_dict(network.state_dict())
    with torch.no_grad():
        for part in (pruned[4].weight, pruned[4].bias):
            part[2] = 0
            part[5] = 0
    whole, found = features(network), features(pruned)
    live = found.live(POOLING)
    kept = torch.tensor([True, True, False, True, True, False])
    assert torch.equal(live[1], whole.live(POOLING)[1] & kept) and live[1].any()
    assert [m.shape[1] for m in found.narrow(POOLING, live)] == [int(alive.sum()) for alive in live]


@pytest.mark.parametrize("kind", [GlobalHead, IndividualHeads])
@pytest.mark.parametrize("hidden", [0, 8])
def test_heads_learn(data, kind, hidden):
    head = make(kind, hidden, data=data)
    fit(head, data.train, data.labels, data.logits, Training(epochs=60, batch=32))
    assert min(accuracies(head, data.val, data.val_labels)) > 0.8


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 4},
        {"batch": 16},
        {"rate": 1e-3},
        {"draw": "sample"},
        {"draw": "batch"},
        {"distill": 0.0},
        {"softening": 4.0},
        {"decay": 0.1},
        {"sgd": True},
    ],
)
def test_each_parameter_of_the_training_has_an_effect(data, change):
    assert not torch.equal(after(data), after(data, replace(HOW, **change)))


def test_uneven_classes_are_balanced_where_asked(data):
    uneven = torch.where(data.labels == 3, torch.zeros_like(data.labels), data.labels)
    both = [
        weights(fit(make(data=data), data.train, uneven, data.logits, replace(HOW, balance=b))) for b in (True, False)
    ]
    assert not torch.equal(*both)
    assert class_weights(torch.tensor([0, 0, 0, 1]), 3).tolist() == pytest.approx([2 / 3, 2.0, 0.0])
    with pytest.raises(InputError, match="classes from 0 to 2"):
        class_weights(torch.tensor([0, 3]), 3)


def test_the_same_seed_gives_the_same_head_and_another_one_another(data):
    for draw in ("all", "sample", "batch"):
        how = replace(HOW, draw=draw)
        assert torch.equal(after(data, how), after(data, how))
        assert not torch.equal(after(data, how), after(data, how, seed=1))


def test_a_batch_that_drew_one_exit_trains_that_one_alone(data):
    head = make(IndividualHeads, data=data)
    before = [layer[0].weight.detach().clone() for layer in head.layers]
    whole = replace(PUBLISHED, epochs=1, batch=len(data.labels))
    fit(head, data.train, data.labels, data.logits, whole)
    moved = [not torch.equal(b, layer[0].weight) for b, layer in zip(before, head.layers, strict=True)]
    assert sum(moved) == 1


def test_every_sample_counts_the_same_in_the_mean_whatever_is_drawn(data):
    # Losses of all exits, and of one drawn for each sample times their number, agree on average.
    head = make(IndividualHeads, data=data)
    plain = replace(HOW, epochs=1, batch=len(data.labels), distill=0.0, balance=False, sgd=True, rate=1.0)
    start = weights(head)
    steps = []
    for how, seeds in ((plain, 1), (replace(plain, draw="sample"), 40)):
        moves = [after(data, how, seed=s, kind=IndividualHeads) - start for s in range(seeds)]
        steps.append(torch.stack(moves).mean(0))
    assert nn.functional.cosine_similarity(*steps, dim=0) > 0.95
    assert float(steps[1].norm() / steps[0].norm()) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(
    "wrong",
    [{"draw": "some"}, {"epochs": 0}, {"batch": 0}, {"distill": 1.5}, {"rate": 0.0}, {"softening": 0.0}, {"decay": -1}],
)
def test_trainings_that_cannot_be_are_refused(wrong):
    with pytest.raises(InputError):
        Training(**wrong)


def test_labels_that_are_no_classes_are_refused(network):
    x, y = images(8)
    feed = Feed([(torch.from_numpy(x), torch.from_numpy(y.astype(np.float32)))], torch.device("cpu"))
    points = chosen(network, torch.zeros(1, 1, 12, 12), EXITS)
    with pytest.raises(InputError, match="are no classes"):
        collect(network, feed, points, [POOLING])
    with pytest.raises(InputError, match="empty"):
        collect(network, Feed([], torch.device("cpu")), points, [POOLING])

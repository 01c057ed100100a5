"""Networks of several answers under compression: one contract, every answer counts, calibration and names survive."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from watching import IMAGE, TEST, TRAIN, VAL, plain, trained

import sparsecomp
from sparsecomp.compression import Method
from sparsecomp.compression.files import compress_file
from sparsecomp.compression.outputs import answers, weighted
from sparsecomp.compression.published import calculate_accuracy
from sparsecomp.early_exit import EarlyExitNetwork, GlobalHead
from sparsecomp.errors import InputError
from sparsecomp.frontend import Exit

METHOD = Method(steps=2, epochs=1, finetune=1)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return EarlyExitNetwork(trained(plain(), *TRAIN), ("2",), GlobalHead([(6, 3, 3)], 3, 2))


def compress(network, method=METHOD, **options):
    network = copy.deepcopy(network)
    return sparsecomp.compress(network, TRAIN, VAL, target=0.6, method=method, **options)


def weights(result):
    return torch.cat([p.detach().flatten() for p in result.model.parameters()])


def test_one_tensor_exits_and_published_outputs_are_told_apart():
    a, b, other = torch.zeros(4, 3), torch.ones(4, 3), torch.zeros(4, 2, 5)
    assert answers(a) == (a,)
    assert answers((a, b)) == (a, b) == answers([a, b])
    assert answers((a, [other, b])) == (a,)  # (logits, [maps])
    assert answers((a, other)) == (a,)
    assert answers((a,)) == (a,)
    assert answers((a.sum(), b.sum())) == (a.sum(),)


def test_answers_are_weighed_by_their_shares():
    assert weighted([1.0, 3.0], ()) == 2.0
    assert weighted([1.0, 3.0], (3, 1)) == 1.5
    assert weighted([float("nan"), 3.0], (0, 2)) == 3.0
    with pytest.raises(InputError, match=r"3 exit weight\(s\) for a network of 2"):
        weighted([1.0, 3.0], (1, 1, 1))


def test_every_answer_is_trained_and_reported(network):
    result = compress(network, Method(steps=2, epochs=4, finetune=4), test=TEST)
    assert len(result.answers) == 2 and result.nbytes <= 600
    assert (result.validation, result.test) == (result.answers[-1].validation, result.answers[-1].test)
    head = network.head.slots[0].weight
    assert not torch.equal(head, result.model.head.slots[0].weight)
    assert result.answers[0].validation > result.answers[0].validation_before  # it was never trained
    for index, answer in enumerate(result.answers):
        with torch.no_grad():
            logits = result.model.eval()(torch.from_numpy(TEST[0]))[index]
        assert answer.test == pytest.approx(float((logits.argmax(1).numpy() == TEST[1]).mean()))
    assert "answer 1 of 2" in "\n".join(result.lines())
    assert len(result.to_json()["answers"]) == 2
    assert result.model.temperatures == tuple(answer.temperature for answer in result.answers)


def test_exit_weights_say_what_counts(network):
    found = [weights(compress(network, Method(steps=2, epochs=1, finetune=1, exit_weights=w))) for w in ((), (1, 9))]
    assert not torch.equal(*found)
    alone = compress(network, Method(steps=1, epochs=1, finetune=0, exit_weights=(0, 1)))
    head = "head.slots.0.bias"  # nothing trains it where its answer does not count; only its bytes are narrowed
    moved = (alone.model.state_dict()[head] - network.state_dict()[head]).abs().max()
    assert float(moved) < 0.02
    with pytest.raises(InputError, match="exit weight"):
        compress(network, Method(steps=1, epochs=1, finetune=0, exit_weights=(1, 1, 1)))


@pytest.mark.parametrize("wrong", [(-1.0, 2.0), (0.0, 0.0), (float("nan"), 1.0)])
def test_exit_weights_that_cannot_be_are_refused(wrong):
    with pytest.raises(InputError, match="exit_weights"):
        Method(exit_weights=wrong)


def test_a_network_that_returns_its_maps_as_well_is_judged_by_its_logits():
    class Published(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = trained(plain(), *TRAIN)

        def forward(self, x):
            first = self.body[:3](x)
            return self.body[3:](first), [first]

    network = Published()
    assert calculate_accuracy(network, TEST) == calculate_accuracy(network.body, TEST)


def test_a_network_of_one_answer_has_no_records():
    result = sparsecomp.compress(trained(plain(), *TRAIN), TRAIN, VAL, target=0.6, method=METHOD)
    assert result.answers == ()


def test_regression_with_exits_is_trained_without_temperatures():
    targets = [(x, np.eye(3, dtype=np.float32)[y]) for x, y in (TRAIN, VAL)]
    torch.manual_seed(0)
    network = EarlyExitNetwork(plain(), ("2",), GlobalHead([(6, 3, 3)], 3, 2))

    def closeness(outputs, labels):
        return -float(((outputs - labels) ** 2).mean())

    result = sparsecomp.compress(
        network, *targets, target=0.6, method=METHOD, metric=closeness, criterion=nn.functional.mse_loss
    )
    assert [answer.temperature for answer in result.answers] == [None, None]
    assert network.temperatures == (1.0, 1.0)


def test_a_file_keeps_its_exits_and_gets_their_new_temperatures(network, tmp_path):
    network = copy.deepcopy(network)
    sparsecomp.save(network, tmp_path / "m.pt", IMAGE, calibration=TRAIN[0], samples=TEST[0], labels=TEST[1])
    np.savez(tmp_path / "train.npz", x=TRAIN[0], y=TRAIN[1])
    given = {"data": tmp_path / "train.npz", "target_kb": 0.6, "steps": 1, "epochs": 1, "finetune": 1}
    result = compress_file(tmp_path / "m.pt", tmp_path / "small.pt", **given)
    exits = sparsecomp.load(tmp_path / "small.pt").exits
    assert [e.name for e in exits] == ["2", "full"]
    assert [e.temperature for e in exits] == [answer.temperature for answer in result.answers]
    assert exits != (Exit("2"), Exit("full"))
    assert result.test == result.answers[-1].test is not None

"""``add_exits``: from a trained network to one with exits, within its bytes, whatever the network."""

import copy

import numpy as np
import pytest
import torch
from nets import EXITS, conv1d, conv2d, images, trained, waves

import sparsecomp
from sparsecomp.compression import Method
from sparsecomp.early_exit import EarlyExitNetwork, Training, add_exits
from sparsecomp.early_exit.costs import nbytes, program_of
from sparsecomp.errors import DoesNotFitError, InputError
from sparsecomp.plan.sizes import constant_bytes
from sparsecomp.prepare import Request, prepare
from sparsecomp.reference import exit_scores
from sparsecomp.wire import Wire

TRAIN, VAL, TEST = images(240), images(80, 1), images(200, 2)
QUICK = {"training": Training(epochs=5, batch=32), "hidden": 0, "pooled": 2, "exits": EXITS, "kind": "gnet"}


@pytest.fixture(scope="module")
def network():
    return trained(conv2d(), *TRAIN)


def added(network, data=TRAIN, val=VAL, **options):
    return add_exits(network, data, val=val, **(QUICK | options))


def values_of(network):
    return {key: value.clone() for key, value in network.state_dict().items()}


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


@pytest.mark.parametrize("kind", ["gnet", "heads"])
@pytest.mark.parametrize("budget", [120, 1000])
def test_exits_take_no_more_than_their_bytes_and_leave_the_network_alone(network, kind, budget):
    before = values_of(network)
    result = added(network, kind=kind, head_bytes=budget)
    assert same(before, values_of(network)) and same(before, values_of(result.network.network))
    samples = TRAIN[0]
    assert result.nbytes == nbytes(result.network, samples, Wire())
    assert result.head_bytes == result.nbytes - nbytes(network, samples, Wire()) <= budget
    assert result.kind == kind and [a.name for a in result.answers] == [*EXITS, "full"]


def deployed_bytes(network, folder):
    """Of the constants, when the saved network is prepared for a board; and by that network's exits."""
    sparsecomp.save(network, folder / "m.pt", TRAIN[0][:1], calibration=TRAIN[0])
    prepared = prepare(folder / "m.pt", Request())
    assert [e.name for e in prepared.program.exits] == [*EXITS, "full"]
    return sum(constant_bytes(prepared.program))


@pytest.mark.parametrize("kind", ["gnet", "heads"])
def test_reported_bytes_are_those_of_the_device(network, kind, tmp_path):
    """The exits' scores share an exponent there, which may cost bytes."""
    calmer = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in calmer[-1].parameters():
            parameter /= 8.0
    for one in (network, calmer):
        result = added(one, kind=kind, head_bytes=500)
        assert deployed_bytes(result.network, tmp_path) == result.nbytes
        assert result.head_bytes <= 500
        smaller = sparsecomp.compress(
            result.network, TRAIN, VAL, target=result.nbytes / 1300, calibration=TRAIN[0],
            method=Method(steps=2, epochs=1, finetune=1),
        )  # fmt: skip
        assert deployed_bytes(result.network, tmp_path) == smaller.nbytes <= result.nbytes / 1.3


def test_reported_accuracy_and_temperature_are_those_of_the_network(network):
    result = added(network)
    with torch.no_grad():
        answers = result.network(torch.from_numpy(VAL[0]))
    for answer, report in zip(answers, result.answers, strict=True):
        assert report.accuracy == pytest.approx(float((answer.argmax(1).numpy() == VAL[1]).mean()), abs=1e-6)
    assert result.network.temperatures == tuple(report.temperature for report in result.answers)
    assert min(report.accuracy for report in result.answers) > 0.45
    assert len(set(result.network.temperatures)) > 1


def test_cycles_grow_with_each_answer_and_are_less_without_those_before(network):
    result = added(network, kind="heads")
    cycles = [a.cycles for a in result.answers]
    assert cycles == sorted(cycles) and len(set(cycles)) == 3
    assert result.answers[0].alone == cycles[0]
    assert all(a.alone < a.cycles for a in result.answers[1:])


def test_integers_answer_as_the_saved_network_does(network, tmp_path):
    result = added(network, head_bytes=600)
    sparsecomp.save(result.network, tmp_path / "m.pt", TRAIN[0][:1], calibration=TRAIN[0], samples=TEST[0])
    loaded = sparsecomp.load(tmp_path / "m.pt")
    prepared = prepare(loaded, Request())
    values = exit_scores(prepared.program, prepared.data(loaded.samples).wire)
    with torch.no_grad():
        answers = result.network(torch.from_numpy(TEST[0]))
    for found, answer in zip(values, answers, strict=True):
        assert (found.argmax(1) == answer.numpy().argmax(1)).mean() > 0.97
    assert tuple(e.temperature for e in loaded.exits) == result.network.temperatures


class Shaken:
    """A loader that changes its samples by torch's own random numbers."""

    def __iter__(self):
        x, y = (torch.from_numpy(a) for a in TRAIN)
        yield x + 0.3 * torch.randn_like(x), y


def test_the_same_seed_gives_the_same_exits_whatever_was_drawn_before(network):
    torch.manual_seed(5)
    first = added(network, data=Shaken(), calibration=TRAIN[0], passes=2)
    torch.manual_seed(6)
    again = added(network, data=Shaken(), calibration=TRAIN[0], passes=2)
    assert same(values_of(first.network), values_of(again.network))


def test_the_same_seed_gives_the_same_exits(network):
    first, again, other = (added(network, seed=seed).network for seed in (0, 0, 1))
    assert same(values_of(first), values_of(again)) and first.temperatures == again.temperatures
    assert not same(values_of(first), values_of(other))


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "heads"},
        {"head_bytes": 120},
        {"pooled": 1},
        {"hidden": 8},
        {"pooling": "avg"},
        {"training": Training(epochs=6, batch=32)},
        {"passes": 2},
        {"exits": ("3",)},
        {"calibration": TRAIN[0][:40] / 2},
    ],
)
def test_each_parameter_has_an_effect(network, change):
    before, after = added(network), added(network, **change)
    differs = not same(values_of(before.network), values_of(after.network))
    assert differs or before.nbytes != after.nbytes


def test_auto_takes_the_kind_that_is_better_on_validation_data(network):
    both = {kind: added(network, kind=kind, head_bytes=200) for kind in ("gnet", "heads")}
    scores = {kind: np.mean([a.accuracy for a in r.answers[:-1]]) for kind, r in both.items()}
    assert added(network, kind="auto", head_bytes=200).kind == max(scores, key=scores.get)


def test_exits_are_chosen_where_none_are_named(network):
    told = []
    result = added(network, exits=None, log=told.append)
    assert set(result.network.exits) <= set(EXITS) and result.network.exits
    assert "share of the cycles" in result.notes[0] == told[0]
    assert len(added(network, exits=None, most=1).network.exits) == 1


def test_a_tenth_is_held_out_without_validation_data(network):
    x, y = TRAIN
    result = added(network, val=None)
    assert len(result.answers) == 3
    assert len(added(network, data=[(torch.from_numpy(x), torch.from_numpy(y))] * 3, val=None).answers) == 3


def test_a_network_over_time_gets_exits():
    data = waves(240)
    network = trained(conv1d(), *data)
    result = added(network, data, waves(90, 1), exits=("2", "4"), pooled=(2, 4))
    assert result.pooled in (2, 4) and [a.name for a in result.answers] == ["2", "4", "full"]
    assert min(a.accuracy for a in result.answers) > 0.45


def test_a_compressed_network_gets_exits_that_read_only_what_is_left():
    network = trained(conv2d(), *TRAIN)
    sparsecomp.compress(network, TRAIN, VAL, target=0.35, method=Method(steps=3, epochs=1, finetune=2))
    before = values_of(network)
    result = added(network, head_bytes=300)
    assert same(before, values_of(network))
    assert result.nbytes <= 350 + 300
    program = program_of(result.network, TRAIN[0], Wire())
    dead = int((network[0].weight.flatten(1).abs().sum(1) == 0).sum())
    assert program.tensors[program.steps[0].output].channels == 4 - dead


def test_a_compressed_network_with_exits_carries_its_head_in_its_bytes(network):
    with_exits = added(copy.deepcopy(network), head_bytes=1000).network
    before = nbytes(with_exits, TRAIN[0], Wire())
    method = Method(steps=3, epochs=1, finetune=2)
    result = sparsecomp.compress(
        with_exits, TRAIN, VAL, target=before / 1500, test=TEST, method=method, calibration=TRAIN[0]
    )
    assert result.nbytes <= before / 1.5 < before
    assert {layer.weight for layer in result.layers} >= {"head.slots.0.weight", "network.0.weight"}
    assert len(result.answers) == 3
    assert result.validation == result.answers[-1].validation and result.test == result.answers[-1].test
    assert with_exits.temperatures == tuple(answer.temperature for answer in result.answers)


def test_an_exit_that_is_better_than_the_whole_network_is_told(network):
    assert not [note for note in added(network).notes if "at the latest" in note]
    spoilt = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in spoilt[-1].parameters():
            parameter += torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    result = added(spoilt, training=Training(epochs=5, batch=32, distill=0.0))
    best = max(range(2), key=lambda i: result.answers[i].accuracy)
    (note,) = [note for note in result.notes if "at the latest" in note]
    assert f"'{EXITS[best]}'" in note and note.endswith(f"adaptive:0.9@{best}")


def test_results_are_printed_and_documented(network):
    result = added(network)
    text = "\n".join(result.lines())
    assert f"{result.head_bytes:,} of 2,000 bytes" in text and "full" in text
    document = result.to_json()
    assert document["report"] == "early exit" and len(document["answers"]) == 3 and "network" not in document


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"exits": ("conv9",)}, "no module 'conv9'"),
        ({"exits": ("3", "9")}, "behind '9' nothing is left"),
        ({"kind": "tree"}, "unknown kind"),
        ({"head_bytes": 0}, "head_bytes=0"),
        ({"head_bytes": 2.5}, "head_bytes=2.5"),
        ({"passes": 0}, "passes=0"),
        ({"most": 0}, "most=0"),
        ({"most": 1.5}, "most=1.5"),
        ({"passes": None}, "passes=None"),
        ({"training": 3}, "training is a int"),
        ({"exits": "25"}, "no module '25'"),
        ({"val": (VAL[0][:, :, :5], VAL[1])}, "cannot be run on samples of the shape"),
        ({"calibration": TRAIN[0][:, :, :5]}, "cannot be run on samples of the shape .*calibration"),
        ({"pooled": 0}, "pooled=0"),
        ({"pooled": 5}, "the smallest map has 2"),
        ({"hidden": -1}, "hidden=-1"),
        ({"hidden": ()}, r"hidden=\(\)"),
        ({"pooling": "median"}, "unknown pooling"),
        ({"board": "arduino"}, "arduino"),
        ({"val": (VAL[0], VAL[1] + 9)}, "out of range|classes"),
        ({"val": (VAL[0][:0], VAL[1][:0])}, "empty"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_trained(network, change, message):
    with pytest.raises(InputError, match=message):
        added(network, **change)


def test_a_budget_below_any_head_names_the_smallest(network):
    with pytest.raises(DoesNotFitError, match=r"no head for 2 exit\(s\) fits 10 bytes") as refusal:
        added(network, head_bytes=10)
    least = int(refusal.value.hint.split("give ")[1].split()[0])
    assert added(network, head_bytes=least + 60).head_bytes <= least + 60


def test_things_that_are_no_plain_classifier_are_refused(network):
    with pytest.raises(InputError, match="not a torch.nn.Module"):
        added("model.pt")
    with pytest.raises(InputError, match="one tensor of logits"):
        added(added(network).network, exits=("network.3",))

    class Sum(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body = conv2d()

        def forward(self, x, y):
            return self.body(x + y)

    x, y = TRAIN
    with pytest.raises(InputError, match="2 inputs"):
        added(Sum(), (x, x, y), (x, x, y), exits=("body.3",))


def test_names_of_the_room_come_without_torch_until_they_are_used():
    import sparsecomp.early_exit as room

    assert room.EarlyExitNetwork is EarlyExitNetwork
    with pytest.raises(AttributeError):
        room.add_exit  # noqa: B018

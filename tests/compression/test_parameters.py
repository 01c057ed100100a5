"""Each published parameter of ``compress_NN_models`` does what it was published to do."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from watching import (
    BATCH,
    BATCHES,
    TEST,
    TRAIN,
    VAL,
    Nested,
    Steps,
    Watched,
    fresh,
    matrices,
    nonzero,
    planned,
    same,
    steps_of,
)

import sparsecomp
from sparsecomp.errors import InputError


@dataclass(frozen=True)
class Call:
    """A call of ``compress_NN_models`` and what was seen of it."""

    model: nn.Module
    nbytes: float
    steps: Steps
    train: Watched
    val: Watched | None
    test: Watched


def published(target=0.4, model=None, data=(TRAIN, VAL, TEST), **options) -> Call:
    model = fresh() if model is None else model
    train, val, test = (None if part is None else Watched(part) for part in data)
    options = {"num_epochs": 1, "compressionStep": 0.3, "modelName": None, "layersFactorization": False} | options
    with steps_of(model) as steps:
        nbytes = sparsecomp.compress_NN_models(model, target, train, test, val, **options)
    return Call(model, nbytes, steps, train, val, test)


def norm(model):
    return sum(float((weight**2).sum()) for weight in matrices(model).values())


def test_the_model_is_changed_in_place_and_its_bytes_are_returned(tmp_path):
    model = fresh()
    layers = {name: id(module) for name, module in model.named_modules()}
    flags = {name: p.requires_grad for name, p in model.named_parameters()}
    call = published(model=model)
    assert {name: id(module) for name, module in model.named_modules()} == layers
    assert {name: p.requires_grad for name, p in model.named_parameters()} == flags
    assert nonzero(model) < nonzero(fresh())
    assert 0 < call.nbytes <= 400 and call.nbytes == planned(model, tmp_path, TRAIN[0])


def test_regularizer_param_makes_weights_smaller():
    norms = [norm(published(regularizerParam=strength, learning_rate=0.01).model) for strength in (0.0, 0.1, 1.0)]
    assert norms[0] > 1.2 * norms[1] > 1.44 * norms[2]


def test_compression_step_is_the_share_that_a_step_takes():
    epochs = [len(published(compressionStep=step).steps) // BATCHES for step in (0.15, 0.3, 0.6)]
    assert epochs[0] > epochs[1] > epochs[2] > 0


def test_initial_compression_step_is_the_share_that_the_first_step_takes():
    first = [published(initialCompressionStep=step).steps.counts[0] for step in (0.1, 0.25, 0.4, 0.5)]
    assert first == sorted(set(first), reverse=True)
    later = [published(initialCompressionStep=step).steps.counts[-1] for step in (0.1, 0.5)]
    assert abs(later[0] - later[1]) < 20  # the same target at the end


def test_num_epochs_is_for_each_step():
    calls = [published(num_epochs=count) for count in (1, 2, 3)]
    sizes = len(set(calls[0].steps.counts))
    epochs = [len(call.steps) // BATCHES for call in calls]
    assert sizes == 3 and all(len(set(call.steps.counts)) == sizes for call in calls)
    assert epochs[1] - epochs[0] == epochs[2] - epochs[1] >= sizes


def test_learning_rate_is_how_far_weights_move():
    before = matrices(fresh())

    def moved(rate):
        after = matrices(published(learning_rate=rate).model)
        return max(float((after[n] - before[n])[after[n] != 0].abs().max()) for n in after)

    assert moved(1e-6) < 0.1 * moved(1e-2)


def test_fast_compression_trains_once_when_all_is_removed(tmp_path):
    model, before = fresh(), matrices(fresh())
    at_criterion = []

    def criterion(outputs, labels):
        at_criterion.append(matrices(model))
        return nn.functional.cross_entropy(outputs, labels)

    call = published(model=model, fastCompression=True, num_epochs=2, criterion=criterion)
    assert len(call.steps) == 2 * BATCHES
    assert len(set(call.steps.counts)) == 1
    untrained = [w for w in at_criterion if sum(int((v != 0).sum()) for v in w.values()) > call.steps.counts[0]]
    for weights in untrained:  # but perhaps rounded to int8
        for name, w in weights.items():
            assert float((w - before[name])[w != 0].abs().max()) < 0.51 / 127 * float(before[name].abs().max())
    assert call.nbytes <= 400 and call.nbytes == planned(model, tmp_path, TRAIN[0])
    assert len(published(num_epochs=2).steps) > len(call.steps)


def test_accuracy_aware_tries_fragile_steps_again_and_ends():
    careful, careless = (published(0.15, accuracyAware=aware) for aware in (True, False))
    assert careful.nbytes <= 150 and careless.nbytes <= 150
    assert len(careful.steps) > len(careless.steps)


def test_layers_factorization_replaces_layers_by_chains_that_pay():
    call = published(layersFactorization=True)
    layers = [m for m in call.model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert len(layers) > 4 and call.nbytes <= 400
    with torch.no_grad():
        assert call.model(torch.from_numpy(TEST[0])).shape == (60, 3)
    off = published(layersFactorization=False)
    assert len([m for m in off.model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]) == 4


def test_criterion_is_the_loss_of_a_network_that_ends_in_log_softmax():
    model = nn.Sequential(*fresh(), nn.LogSoftmax(dim=1))
    calls = []

    class Loss(nn.NLLLoss):
        def forward(self, outputs, labels):
            assert float(outputs.exp().sum(1).detach().sub(1).abs().max()) < 1e-4
            calls.append(len(labels))
            return super().forward(outputs, labels)

    call = published(model=model, criterion=Loss())
    assert len(calls) >= len(call.steps) > 0 and set(calls) == {BATCH}
    assert sparsecomp_accuracy(model) > 0.9


def sparsecomp_accuracy(model):
    with torch.no_grad():
        return float((model.eval()(torch.from_numpy(TEST[0])).argmax(1).numpy() == TEST[1]).mean())


def test_criterion_decides_what_is_learned():
    ones = published(criterion=lambda outputs, labels: nn.functional.cross_entropy(outputs, torch.ones_like(labels)))
    assert not same(ones.model, published().model)


def test_calculate_inputs_is_applied_to_every_batch():
    """The network could not take a batch that was not prepared: it has the wrong shape."""
    data = [(x.reshape(len(x), 64) * 100, y) for x, y in (TRAIN, VAL, TEST)]
    prepared = []

    def prepare(inputs):
        assert inputs.shape[1:] == (64,)
        prepared.append(inputs)
        return inputs.reshape(-1, 1, 8, 8) / 100

    call = published(data=data, calculateInputs=prepare)
    for loader in (call.train, call.val, call.test):
        assert len(loader.given) > 0
        seen = {tensor.numpy().tobytes() for tensor in prepared}
        assert all(batch.numpy().tobytes() in seen for batch in loader.given)
    assert len(prepared) == sum(len(loader.given) for loader in (call.train, call.val, call.test))
    assert call.nbytes <= 400 and sparsecomp_accuracy(call.model) > 0.9


def test_model_name_is_a_file_that_deploys(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call = published(0.6, modelName="tiny")
    (path,) = tmp_path.iterdir()
    assert path.name == "tiny_1.pt"
    loaded = sparsecomp.load(path)
    weights = [array for array in loaded.graph.params.values() if array.ndim > 1]
    assert sum(int(np.count_nonzero(array)) for array in weights) == nonzero(call.model)
    made = sparsecomp.convert(path, tmp_path / "project")
    assert made.plan.constant_bytes == call.nbytes <= 600


def test_model_name_none_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    published(modelName=None)
    assert list(tmp_path.iterdir()) == []


def test_model_name_in_a_folder_that_is_missing_is_refused_before_training(tmp_path):
    model = fresh()
    with pytest.raises(sparsecomp.errors.SparseCompError):
        published(model=model, modelName=str(tmp_path / "gone" / "tiny"))
    assert same(model, fresh())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("device", ["cuda", "cuda:1", "none"])
def test_device_that_is_not_there(device):
    model = fresh()
    with pytest.raises(InputError, match=device):
        published(model=model, device=device)
    assert same(model, fresh())


def test_test_data_are_read_once_at_the_end():
    model = fresh()
    at_test = []
    test = Watched(TEST, before=lambda: at_test.append(matrices(model)))
    train = Watched(TRAIN, before=lambda: at_test.append("train") if at_test else None)
    sparsecomp.compress_NN_models(
        model, 0.4, train, test, num_epochs=1, compressionStep=0.5, modelName=None, layersFactorization=False
    )
    assert "train" not in at_test
    final = matrices(model)
    assert all(torch.equal(weights[name], final[name]) for weights in at_test for name in final)
    assert test.passes == 1


class Recorded(Dataset):
    """Samples that remember in which mode the network was when they were read."""

    def __init__(self, model):
        self.model, self.training, self.evaluating = model, set(), set()

    def __len__(self):
        return len(TRAIN[0])

    def __getitem__(self, index):
        (self.training if self.model.training else self.evaluating).add(index)
        return torch.from_numpy(TRAIN[0][index]), int(TRAIN[1][index])


def test_without_validation_data_a_tenth_is_held_out():
    model = fresh()
    data = Recorded(model)
    test = Watched(TEST)
    train = DataLoader(data, batch_size=BATCH, shuffle=True)
    nbytes = sparsecomp.compress_NN_models(
        model, 0.4, train, test, num_epochs=2, compressionStep=0.5, modelName=None, layersFactorization=False
    )
    held_out = set(range(120)) - data.training
    assert nbytes <= 400
    assert len(held_out) == 12 and held_out <= data.evaluating


def test_a_list_of_batches_is_enough():
    def batches(data):
        return list(zip(*(torch.from_numpy(part).split(BATCH) for part in data), strict=True))

    model = fresh()
    nbytes = sparsecomp.compress_NN_models(
        model, 0.4, batches(TRAIN), batches(TEST), num_epochs=1, modelName=None, layersFactorization=False
    )
    assert nbytes <= 400


def test_a_target_that_is_met_already_still_trains_and_saves(tmp_path):
    call = published(50, modelName=str(tmp_path / "large"))
    assert len(call.steps) > 0
    (path,) = tmp_path.iterdir()
    assert sparsecomp.convert(path, tmp_path / "project").plan.constant_bytes == call.nbytes


def test_batch_norm_never_sees_validation_or_test_data():
    far = [(x + 1000, y) for x, y in (VAL, TEST)]
    model = fresh(Nested)
    assert float(published(50, model=model, data=(TRAIN, *far)).model.stem["norm"].running_mean.abs().max()) < 5
    assert float(model.stem["norm"].running_var.max()) < 50


def test_layers_of_nested_modules_are_compressed_and_batch_norm_is_trained():
    model, before = fresh(Nested), fresh(Nested)
    assert published(0.7, model=model).nbytes <= 700
    weights = matrices(model)
    assert set(weights) == {"stem.conv.weight", "block.0.weight", "shared.weight", "head.1.weight"}
    assert any(float((w == 0).float().mean()) > 0.3 for w in weights.values())
    assert not torch.equal(model.stem["norm"].weight, before.stem["norm"].weight)
    assert not torch.equal(model.stem["norm"].bias, before.stem["norm"].bias)


@pytest.mark.parametrize(
    "wrong",
    [
        {"compressionStep": 0}, {"compressionStep": 1.0}, {"compressionStep": -0.1}, {"initialCompressionStep": 1.5},
        {"num_epochs": 0}, {"learning_rate": 0}, {"learning_rate": float("nan")}, {"regularizerParam": -1},
        {"target": 0}, {"target": -1}, {"target": float("nan")}, {"target": float("inf")},
    ],
)  # fmt: skip
def test_wrong_numbers_are_refused(wrong):
    model = fresh()
    with pytest.raises(InputError):
        published(model=model, **wrong)
    assert same(model, fresh())

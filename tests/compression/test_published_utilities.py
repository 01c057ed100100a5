"""The published utilities beside ``compress_NN_models``."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from watching import TEST, TRAIN, Nested, Watched, fresh, matrices, same

from sparsecomp.compression.published import (
    apply_sparsity,
    calculate_accuracy,
    compute_sparsity_for_layers,
    layers_of,
    print_full_model,
    print_size_model,
)
from sparsecomp.errors import InputError


def zeros(weight):
    return int((weight == 0).sum())


@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.5, 0.9, 0.99, 1.0])
def test_apply_sparsity_is_exact_in_each_layer(sparsity):
    model = fresh(Nested)
    biases = {name: p.detach().clone() for name, p in model.named_parameters() if p.dim() == 1}
    assert apply_sparsity(model, sparsity) is model
    weights = matrices(model)
    assert set(weights) == {"stem.conv.weight", "block.0.weight", "shared.weight", "head.1.weight"}
    for weight in weights.values():
        wanted = sparsity * weight.numel()
        assert wanted - 1e-6 <= zeros(weight) < wanted + 1
    assert all(torch.equal(p, biases[name]) for name, p in model.named_parameters() if p.dim() == 1)


def test_apply_sparsity_takes_the_smallest_and_leaves_the_rest():
    model, before = fresh(), matrices(fresh())
    apply_sparsity(model, 0.7)
    for name, weight in matrices(model).items():
        kept = weight != 0
        assert torch.equal(weight[kept], before[name][kept])
        assert float(before[name][kept].abs().min()) >= float(before[name][~kept].abs().max())


@pytest.mark.parametrize("sparsity", [0.2, 0.5, 0.75])
def test_apply_sparsity_cuts_ties(sparsity):
    layer = nn.Linear(10, 8)
    nn.init.constant_(layer.weight, -0.3)
    apply_sparsity(layer, sparsity)
    assert zeros(layer.weight) == sparsity * 80


def test_apply_sparsity_counts_zeros_that_are_there():
    layer = nn.Linear(10, 8)
    with torch.no_grad():
        layer.weight[:4] = 0
    before = layer.weight.detach().clone()
    apply_sparsity(layer, 0.25)
    assert torch.equal(layer.weight, before)


def test_apply_sparsity_by_layer():
    model, before = fresh(Nested), fresh(Nested)
    apply_sparsity(model, {"block.0": 0.5, "shared": 0.9})
    assert zeros(model.block[0].weight) == 162 and zeros(model.shared.weight) == 519
    assert torch.equal(model.head[1].weight, before.head[1].weight)
    assert torch.equal(model.stem["conv"].weight, before.stem["conv"].weight)


def test_apply_sparsity_works_on_one_dimension_and_in_training():
    model = nn.Sequential(nn.Conv1d(2, 4, 5), nn.ReLU()).train()
    apply_sparsity(model, 0.5)
    assert zeros(model[0].weight) == 20 and model[0].weight.requires_grad and model.training


@pytest.mark.parametrize(
    "wrong", [-0.1, 1.1, float("nan"), {"0": 2.0}, {"nowhere": 0.5}, {"1": 0.5}, {"0": float("nan")}]
)
def test_apply_sparsity_refuses_what_is_no_share_or_no_layer(wrong):
    model = fresh()
    with pytest.raises(InputError):
        apply_sparsity(model, wrong)
    assert same(model, fresh())


def test_compute_sparsity_for_layers(capsys):
    model = apply_sparsity(fresh(Nested), {"block.0": 0.5, "shared": 0.75})
    found = compute_sparsity_for_layers(model)
    assert found == {"stem.conv": 0, "block.0": 0.5, "shared": 0.75, "head.1": 0}
    printed = capsys.readouterr().out
    assert all(name in printed for name in found)


def test_layers_of_finds_each_layer_once():
    assert list(layers_of(fresh(Nested))) == ["stem.conv", "block.0", "shared", "head.1"]
    shared = nn.Linear(4, 4)
    assert len(layers_of(nn.Sequential(shared, nn.ReLU(), shared))) == 1


def test_print_size_model_of_a_dense_network_is_its_float_bytes(capsys):
    model = fresh()
    assert print_size_model(model) == 4 * sum(p.numel() for p in model.parameters())
    assert capsys.readouterr().out


def test_print_size_model_counts_buffers():
    """Six means, variances, gains and offsets of four bytes, and a count of eight."""
    model = fresh(Nested)
    assert print_size_model(model) == 4 * sum(p.numel() for p in model.parameters()) + 4 * 12 + 8


def test_print_size_model_counts_values_indices_and_pointers():
    """By hand, for densities of half and below: 8 bytes a non-zero, 4 a bias, and a pointer of 4 a filter of a
    convolution, or a column of a linear layer and one more.
    """
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8, 6, bias=False))
    apply_sparsity(model, {"0": 0.75, "2": 0.5})
    assert print_size_model(model) == (54 * 8 + 8 * 4 + 8 * 4) + (24 * 8 + 9 * 4)
    apply_sparsity(model, {"2": 1.0})
    assert print_size_model(model) == (54 * 8 + 8 * 4 + 8 * 4) + 9 * 4


def test_print_size_model_of_a_layer_that_is_hardly_sparse():
    layer = nn.Linear(10, 10)
    apply_sparsity(layer, 0.4)
    assert print_size_model(layer) == 100 * 4 + 10 * 4


def test_print_full_model_shows_everything(capsys):
    model = nn.Sequential(fresh(Nested), nn.Linear(50, 40))
    with torch.no_grad():
        model[1].weight[20, 25] = 7.125  # in the middle, where a summary would leave it out
    print_full_model(model)
    printed = capsys.readouterr().out
    assert all(name in printed for name in model.state_dict())
    assert "(40, 50)" in printed and "7.125" in printed


def loader(data, size=7):
    return DataLoader(TensorDataset(*map(torch.from_numpy, data)), batch_size=size)


def test_calculate_accuracy_is_a_percentage_of_all_samples():
    model = fresh()
    with torch.no_grad():
        right = (model(torch.from_numpy(TEST[0])).argmax(1).numpy() == TEST[1]).mean()
    for size in (1, 7, 60):  # the last batch may be smaller
        assert calculate_accuracy(model, loader(TEST, size)) == pytest.approx(100 * right)
    wrong = (TEST[0], np.where(np.arange(60) < 15, 2 - TEST[1], TEST[1]))
    with torch.no_grad():
        right = (model(torch.from_numpy(TEST[0])).argmax(1).numpy() == wrong[1]).mean()
    assert calculate_accuracy(model, loader(wrong)) == pytest.approx(100 * right)


def test_calculate_accuracy_leaves_the_network_as_it_was():
    model = fresh(Nested).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    first, second = (calculate_accuracy(model, loader(TRAIN)) for _ in range(2))
    assert first == second  # without dropout
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training and all(p.grad is None for p in model.parameters())


def test_calculate_accuracy_prepares_inputs():
    data = (TEST[0].reshape(60, 64) * 10, TEST[1])
    plain = calculate_accuracy(fresh(), loader(TEST))
    assert calculate_accuracy(fresh(), loader(data), calculateInputs=lambda x: x.reshape(-1, 1, 8, 8) / 10) == plain


def test_calculate_accuracy_reads_the_data_once():
    watched = Watched(TEST)
    calculate_accuracy(fresh(), watched)
    assert watched.passes == 1


def test_calculate_accuracy_on_a_device_that_is_not_there():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(InputError, match="cuda"):
        calculate_accuracy(fresh(), loader(TEST), device="cuda")


def test_calculate_accuracy_without_data_is_refused():
    with pytest.raises(InputError):
        calculate_accuracy(fresh(), [])

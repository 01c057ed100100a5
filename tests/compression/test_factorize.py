"""Factorized layers: against numpy's SVD, tensorly's reconstruction and the layers they replace."""

import copy
import math

import numpy as np
import pytest
import tensorly
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorly.decomposition import partial_tucker
from tensorly.tenalg import multi_mode_dot
from torch import nn

from sparsecomp.compression.factorize import (
    candidates,
    decompose,
    factorize_layer,
    parameters_of,
    rebuilt_weight,
    replace_layer,
)
from sparsecomp.compression.ranks import rank
from sparsecomp.errors import InputError


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(5)


def filled(layer, weight):
    layer.weight.data = torch.as_tensor(np.ascontiguousarray(weight)).to(layer.weight)
    return layer


def low_rank(outputs, inputs, kernel, ranks, noise=0.0, seed=1):
    """Weight (outputs, inputs, *kernel) of Tucker ranks (inputs, outputs), its elements about 1, plus noise."""
    rng = np.random.default_rng(seed)
    core = rng.standard_normal((ranks[1], ranks[0], *kernel))
    first, last = rng.standard_normal((inputs, ranks[0])), rng.standard_normal((outputs, ranks[1]))
    weight = multi_mode_dot(core, [last, first], modes=[0, 1]) / math.sqrt(ranks[0] * ranks[1])
    return weight + noise * rng.standard_normal(weight.shape)


def error(layer, new):
    """Frobenius norm of what the weight lost, relative to the weight."""
    weight = layer.weight.detach().double()
    return float((rebuilt_weight(new).double() - weight).norm() / weight.norm())


def tail(matrix, kept):
    """Relative error of the best approximation of rank ``kept`` (Eckart, Young)."""
    values = np.linalg.svd(np.asarray(matrix, np.float64), compute_uv=False)
    return float(np.sqrt((values[kept:] ** 2).sum() / (values**2).sum()))


def kinds(new):
    return [(type(layer).__name__, tuple(layer.weight.shape), layer.bias is not None) for layer in new]


CONVOLUTIONS = [
    nn.Conv1d(6, 8, 3),
    nn.Conv1d(6, 8, 5, stride=2, padding=3, dilation=2, bias=False),
    nn.Conv2d(6, 8, 3),
    nn.Conv2d(6, 8, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2)),
    nn.Conv2d(6, 8, 3, padding="same", padding_mode="reflect", bias=False),
    nn.Conv2d(6, 8, 3, padding=1, padding_mode="circular"),
    nn.Conv2d(12, 8, 3, padding=1, groups=2),
    nn.Conv1d(12, 16, 3, stride=3, groups=4, bias=False),
    nn.Conv2d(4, 6, 1),
    nn.Conv2d(4, 6, 1, stride=2, padding=1),
    nn.Conv2d(8, 4, 1, padding=2, padding_mode="replicate", groups=2),
    nn.Conv1d(4, 6, 1, bias=False),
    nn.Linear(12, 7),
    nn.Linear(7, 12, bias=False),
]


def samples(layer):
    if isinstance(layer, nn.Linear):
        return torch.randn(3, layer.in_features)
    return torch.randn(3, layer.in_channels, *(12, 11)[: len(layer.kernel_size)])


def channels(layer):
    """(inputs, outputs) of one group."""
    groups = getattr(layer, "groups", 1)
    return layer.weight.shape[1], layer.weight.shape[0] // groups


def full(layer):
    return (min(channels(layer)),) if layer.weight[0, 0].numel() == 1 else channels(layer)


@pytest.mark.parametrize("layer", CONVOLUTIONS, ids=str)
def test_full_ranks_compute_what_the_layer_computes(layer):
    x = samples(layer)
    options = [full(layer)]
    if len(full(layer)) == 2:
        options += [(full(layer)[0], None), (None, full(layer)[1])]
    for sides in options:
        new = decompose(layer, sides)
        assert len(new) == (2 if None in sides or len(sides) == 1 else 3)
        assert torch.allclose(new(x), layer(x), atol=1e-4)
        assert error(layer, new) < 1e-5


@pytest.mark.parametrize("layer", CONVOLUTIONS, ids=str)
def test_a_lower_rank_computes_what_its_rebuilt_weight_computes(layer):
    x = samples(layer)
    new = decompose(layer, tuple(max(1, most // 2) for most in full(layer)))
    expected = filled(copy.deepcopy(layer), rebuilt_weight(new))
    assert expected.weight.shape == layer.weight.shape
    assert torch.allclose(new(x), expected(x), atol=1e-4)
    assert not torch.allclose(new(x), layer(x), atol=1e-2)


@pytest.mark.parametrize(
    "layer", [nn.Linear(30, 20), nn.Linear(20, 30, bias=False), nn.Conv2d(30, 20, 1), nn.Conv1d(20, 30, 1)], ids=str
)
@pytest.mark.parametrize("kept", [1, 4, 9])
def test_a_matrix_keeps_the_best_approximation_of_its_rank(layer, kept):
    new = factorize_layer(layer, kept)
    assert error(layer, new) == pytest.approx(tail(layer.weight.detach().flatten(1), kept), rel=1e-5)
    assert np.linalg.matrix_rank(rebuilt_weight(new).flatten(1).double().numpy(), tol=1e-5) == kept
    # The singular values are shared evenly: both factors have the same scale, which integers of few bits need.
    first, second = (layer.weight.detach().flatten(1) for layer in new)
    assert torch.allclose((first**2).sum(1), (second**2).sum(0), rtol=1e-4)


@pytest.mark.parametrize("shape", [(16, 12, 3, 3), (12, 16, 5)])
@pytest.mark.parametrize("ranks", [(3, 4), (6, 2), (8, 8)])
def test_tucker_is_tensorlys_and_within_the_bounds_of_its_unfoldings(shape, ranks):
    layer = filled((nn.Conv1d, nn.Conv2d)[len(shape) - 3](shape[1], shape[0], shape[2:]), np.random.randn(*shape))
    new = factorize_layer(layer, ranks)
    weight = layer.weight.detach().double().numpy()
    (core, bases), _ = partial_tucker(weight, rank=[ranks[1], ranks[0]], modes=[0, 1])
    assert kinds(new) == [
        (type(layer).__name__, (ranks[0], shape[1], *(1,) * len(shape[2:])), False),
        (type(layer).__name__, (ranks[1], ranks[0], *shape[2:]), False),
        (type(layer).__name__, (shape[0], ranks[1], *(1,) * len(shape[2:])), True),
    ]
    known = multi_mode_dot(core, bases, modes=[0, 1])
    assert np.allclose(rebuilt_weight(new).numpy(), known, atol=1e-5)
    tails = [
        tail(weight.reshape(shape[0], -1), ranks[1]),
        tail(np.moveaxis(weight, 1, 0).reshape(shape[1], -1), ranks[0]),
    ]
    # No approximation can lose less than the worse unfolding; the higher-order SVD loses at most both together.
    assert max(tails) - 1e-6 <= error(layer, new) <= math.hypot(*tails) + 1e-6


def test_one_thin_side_is_numpys_svd_of_its_unfolding():
    layer = nn.Conv2d(3, 16, 3)
    new = factorize_layer(layer, (3, 4))
    assert kinds(new) == [("Conv2d", (4, 3, 3, 3), False), ("Conv2d", (16, 4, 1, 1), True)]
    assert error(layer, new) == pytest.approx(tail(layer.weight.detach().flatten(1), 4), rel=1e-5)
    layer = nn.Conv2d(16, 3, 3, stride=2)
    new = factorize_layer(layer, (4, 99))
    assert kinds(new) == [("Conv2d", (4, 16, 1, 1), False), ("Conv2d", (3, 4, 3, 3), True)]
    assert [part.stride for part in new] == [(1, 1), (2, 2)]
    assert error(layer, new) == pytest.approx(tail(layer.weight.detach().transpose(0, 1).flatten(1), 4), rel=1e-5)


@pytest.mark.parametrize("kind, kernel", [(nn.Conv1d, (5,)), (nn.Conv2d, (3, 3))])
@pytest.mark.parametrize("bias", [True, False])
def test_planted_ranks_of_a_convolution_are_recovered(kind, kernel, bias):
    layer = filled(kind(24, 32, kernel, bias=bias), low_rank(32, 24, kernel, (6, 8), noise=0.02))
    new = factorize_layer(layer)
    assert kinds(new)[1][1] == (8, 6, *kernel)
    assert error(layer, new) < 0.03
    x = samples(layer)
    assert (new(x) - layer(x)).norm() < 0.03 * layer(x).norm()
    assert (6, 8) in candidates(layer)


def test_the_groups_of_a_grouped_convolution_share_the_largest_planted_ranks():
    parts = [low_rank(16, 12, (3, 3), ranks, 0.02, seed) for seed, ranks in enumerate([(3, 4), (4, 2)])]
    layer = filled(nn.Conv2d(24, 32, 3, padding=1, groups=2), np.concatenate(parts))
    new = factorize_layer(layer)
    assert [(part.in_channels, part.out_channels, part.groups) for part in new] == [(24, 8, 2), (8, 8, 2), (8, 32, 2)]
    assert error(layer, new) < 0.05
    with torch.no_grad():
        layer.weight[:16] = 0  # a dead group has rank 0, and must neither warn nor stop the other
    new = factorize_layer(layer)
    assert kinds(new)[1][1] == (4, 4, 3, 3)
    assert error(layer, new) < 0.05 and not rebuilt_weight(new)[:16].any()


@pytest.mark.parametrize("groups", [1, 2])
def test_planted_ranks_of_a_matrix_are_recovered(groups):
    weight = np.concatenate([low_rank(40, 30, (), (5, 5), 0.02, seed) for seed in range(groups)])
    layers = [filled(nn.Conv1d(30 * groups, 40 * groups, 1, groups=groups), weight[..., None])]
    layers += [filled(nn.Linear(30, 40), weight)] if groups == 1 else []
    for layer in layers:
        assert rank(layer.weight.detach()[:40].flatten(1).numpy()) == 5
        new = factorize_layer(layer)
        assert len(new) == 2 and new[0].weight.shape[0] == 5 * groups
        assert error(layer, new) < 0.05
        assert (5,) in candidates(layer)


def test_a_linear_layer_with_few_outputs_is_not_destroyed():
    layer = filled(nn.Linear(4096, 8), low_rank(8, 4096, (), (2, 2), 0.02))
    new = factorize_layer(layer)
    assert [part.weight.shape for part in new] == [(2, 4096), (8, 2)]
    assert error(layer, new) < 0.05
    assert kinds(factorize_layer(layer, 7))[0] == ("Linear", (7, 4096), False)
    assert factorize_layer(layer, 8) is None


def test_a_linear_layer_with_few_inputs_does_not_grow():
    layer = nn.Linear(32, 1024)
    for kept in (8, 31, 32, 102):
        new = factorize_layer(layer, kept)
        assert (new is None) == (kept >= 32 * 1024 / (32 + 1024))
        assert new is None or parameters_of(new) < parameters_of(layer)
    assert all(ranks[0] < 32 for ranks in candidates(layer))


@settings(max_examples=60)
@given(
    st.sampled_from([(nn.Conv1d, (3,)), (nn.Conv1d, (1,)), (nn.Conv2d, (1, 1)), (nn.Conv2d, (2, 3)), (nn.Linear, ())]),
    st.integers(1, 3),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(0, 12), st.integers(0, 12)),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_whatever_the_ranks_parameters_are_saved_or_nothing_is_returned(form, groups, sizes, ranks, bias, seed):
    kind, kernel = form
    torch.manual_seed(seed)
    groups = groups if kernel else 1
    options = {"kernel_size": kernel, "groups": groups} if kernel else {}
    layer = kind(sizes[0] * groups, sizes[1] * groups, bias=bias, **options)
    ranks = ranks if math.prod(kernel) > 1 else ranks[:1]
    before = torch.get_rng_state()
    new = factorize_layer(layer, ranks)
    assert torch.equal(before, torch.get_rng_state())
    depthwise = groups > 1 and sizes[0] == 1
    if new is None:
        for tried in candidates(layer):
            assert factorize_layer(layer, tried) is not None
    else:
        assert not depthwise and all(ranks)
        assert parameters_of(new) < parameters_of(layer)
        assert rebuilt_weight(new).shape == layer.weight.shape and error(layer, new) < 1
        assert (new[-1].bias is not None) == bias and all(part.bias is None for part in new[:-1])
        x = samples(layer)
        rebuilt = filled(copy.deepcopy(layer), rebuilt_weight(new))
        assert torch.allclose(new(x), rebuilt(x), atol=1e-4)


@pytest.mark.parametrize("layer", [nn.Conv2d(16, 24, 3), nn.Conv2d(24, 32, 3, groups=2), nn.Linear(64, 48)], ids=str)
def test_candidates_keep_more_energy_the_more_parameters_they_cost(layer):
    tried = candidates(layer, (0.2, 0.4, 0.6, 0.6, 0.8))
    news = [factorize_layer(layer, ranks) for ranks in tried]
    sizes = [parameters_of(new) for new in news]
    assert len(set(tried)) == len(tried) >= 2
    assert sizes == sorted(sizes) and sizes[-1] < parameters_of(layer)
    errors = [error(layer, new) for new in news]
    assert errors == sorted(errors, reverse=True)
    assert candidates(layer, ()) == []  # what is left is EVB's, and a random layer is noise


def test_the_energy_asked_for_is_kept():
    layer = nn.Linear(200, 100)
    for share in (0.3, 0.5, 0.7):
        (ranks,) = candidates(layer, (share,))
        new = factorize_layer(layer, ranks)
        thinner = factorize_layer(layer, ranks[0] - 1)
        assert 1 - error(layer, new) ** 2 >= share > 1 - error(layer, thinner) ** 2


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


@pytest.mark.parametrize(
    "layer",
    [
        nn.ReLU(),
        nn.BatchNorm2d(8),
        nn.Conv3d(8, 8, 3),
        nn.ConvTranspose2d(8, 8, 3),
        nn.LazyLinear(8),
        Doubled(32, 32),
        nn.Conv2d(8, 8, 3, groups=8),
        nn.Conv2d(8, 16, 3, groups=8),
        nn.Conv1d(8, 8, 3, dtype=torch.complex64),
        filled(nn.Linear(32, 32), np.zeros((32, 32))),
        filled(nn.Conv2d(8, 8, 3), np.zeros((8, 8, 3, 3))),
    ],
    ids=str,
)
def test_what_cannot_be_factorized_stays(layer):
    assert factorize_layer(layer) is None
    assert candidates(layer) == []


def test_noise_has_no_rank_and_rank_zero_nothing_to_keep():
    assert factorize_layer(nn.Linear(64, 64)) is None
    assert factorize_layer(nn.Conv2d(16, 16, 3)) is None
    assert factorize_layer(nn.Linear(64, 64), 0) is None
    assert factorize_layer(nn.Conv2d(16, 16, 3), (4, 0)) is None


def test_a_single_input_channel_is_one_rank():
    layer = filled(nn.Conv2d(1, 32, 5), low_rank(32, 1, (5, 5), (1, 4), 0.02))
    assert kinds(factorize_layer(layer)) == [("Conv2d", (4, 1, 5, 5), False), ("Conv2d", (32, 4, 1, 1), True)]


def test_device_dtype_mode_and_gradients_are_the_layers():
    layer = nn.Conv2d(16, 24, 3, dtype=torch.bfloat16).eval()
    layer.weight.requires_grad = False
    new = factorize_layer(layer, (4, 4))
    assert {p.dtype for p in new.parameters()} == {torch.bfloat16} == {rebuilt_weight(new).dtype}
    assert [p.requires_grad for p in new.parameters()] == [False, False, False, True]
    assert not any(part.training for part in new.modules())
    assert new[-1].bias is not layer.bias and torch.equal(new[-1].bias, layer.bias)
    double = factorize_layer(nn.Linear(32, 32, dtype=torch.float64), 4)
    assert all(part.weight.dtype == torch.float64 and part.weight.requires_grad and part.training for part in double)
    double(torch.randn(2, 32, dtype=torch.float64)).sum().backward()
    assert all(part.weight.grad is not None for part in double)


@pytest.mark.parametrize("layer", [nn.Linear(32, 32), nn.Conv1d(8, 8, 1), nn.Conv2d(8, 8, 3)], ids=str)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_an_error_with_a_hint(layer, bad):
    layer = copy.deepcopy(layer)
    layer.weight.data.view(-1)[3] = bad
    ranks = (2, 2) if layer.weight[0, 0].numel() > 1 else 2
    for attempt in (lambda: factorize_layer(layer), lambda: factorize_layer(layer, ranks), lambda: candidates(layer)):
        with pytest.raises(InputError, match="not finite") as caught:
            attempt()
        assert caught.value.hint


def test_a_decomposition_that_does_not_converge_is_an_error(monkeypatch):
    def fails(*args, **kwargs):
        raise np.linalg.LinAlgError("SVD did not converge")

    monkeypatch.setattr(np.linalg, "svd", fails)
    monkeypatch.setattr("sparsecomp.compression.factorize.partial_tucker", fails)
    for layer, ranks in ((nn.Linear(32, 32), 4), (nn.Linear(32, 32), None), (nn.Conv2d(8, 8, 3), (2, 2))):
        with pytest.raises(InputError, match="did not converge") as caught:
            factorize_layer(layer, ranks)
        assert caught.value.hint


def test_a_factor_out_of_the_range_of_its_type_is_an_error():
    layer = filled(nn.Conv2d(16, 16, 3, dtype=torch.float16), np.full((16, 16, 3, 3), 6e4))
    with pytest.raises(InputError, match="out of the range of torch.float16"):
        factorize_layer(layer, (1, 1))


@pytest.mark.parametrize(
    "layer, ranks",
    [
        (nn.Linear(8, 8), (2, 2)),
        (nn.Linear(8, 8), -1),
        (nn.Linear(8, 8), 2.0),
        (nn.Linear(8, 8), ()),
        (nn.Conv2d(8, 8, 3), 2),
        (nn.Conv2d(8, 8, 3), (2, -2)),
        (nn.Conv2d(8, 8, 3), "ab"),
    ],
    ids=str,
)
def test_ranks_that_do_not_fit_the_layer_are_refused(layer, ranks):
    with pytest.raises(InputError, match="ranks"):
        factorize_layer(layer, ranks)


@pytest.mark.parametrize(
    "layer, sides",
    [(nn.Linear(8, 8), (9,)), (nn.Linear(8, 8), (None,)), (nn.Conv1d(8, 8, 3), (1, 4)), (nn.ReLU(), (1,))],
)
def test_decompose_refuses_ranks_that_the_weight_does_not_have(layer, sides):
    with pytest.raises(InputError):
        decompose(layer, sides)


@pytest.mark.parametrize("backend", ["numpy", "pytorch"])
def test_tensorlys_backend_is_what_it_was(backend):
    layer = nn.Conv2d(16, 16, 3)
    expected = rebuilt_weight(factorize_layer(layer, (4, 4)))
    with tensorly.backend_context(backend):
        assert torch.equal(rebuilt_weight(factorize_layer(layer, (4, 4))), expected)
        assert tensorly.get_backend() == backend


class Block(nn.Module):
    """A module of one's own with containers in it, one layer under three names."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())
        self.items = nn.ModuleList([nn.Linear(8, 8), nn.Linear(8, 8)])
        self.heads = nn.ModuleDict({"a": nn.Linear(8, 4), "b": self.items[0]})
        self.alias = self.items[0]

    def forward(self, x):
        x = self.body(x).mean((2, 3))
        return self.heads["a"](self.alias(self.items[1](self.heads["b"](self.items[0](x)))))


@pytest.mark.parametrize("path", ["blocks.1.body.0", "blocks.0.items.1", "blocks.1.heads.a", "blocks.0.alias", "last"])
def test_a_nested_layer_is_replaced_through_its_parent(path):
    model = nn.Module()
    model.blocks = nn.ModuleList([Block(), Block()])
    model.last = nn.Linear(4, 4)
    names = set(dict(model.named_modules()))
    old, new = model.get_submodule(path), nn.Identity()
    assert replace_layer(model, path, new) is old
    assert model.get_submodule(path) is new
    assert set(dict(model.named_modules())) <= names  # no child with a dot in its name
    assert not any(module is old for module in model.modules())
    assert not any(key.startswith(f"{path}.") for key in model.state_dict())


def test_every_alias_of_a_shared_layer_is_replaced_and_the_old_one_can_come_back():
    block = Block()
    x = torch.randn(2, 8, 6, 6)
    expected, keys = block(x), list(block.state_dict())
    new = decompose(block.items[0], (8,))
    old = replace_layer(block, "heads.b", new)
    assert block.items[0] is block.heads["b"] is block.alias is new
    assert torch.allclose(block(x), expected, atol=1e-5)
    assert replace_layer(block, "alias", old) is new
    assert torch.equal(block(x), expected) and list(block.state_dict()) == keys


def test_a_module_shared_by_two_parents_and_a_wrapper_around_the_old_layer():
    shared = nn.Sequential(nn.Linear(4, 4))
    model = nn.Sequential(shared, nn.ReLU(), shared)
    old = model[0][0]
    wrapper = nn.Sequential(old, nn.ReLU())
    replace_layer(model, "2.0", wrapper)
    assert model[0][0] is model[2][0] is wrapper and wrapper[0] is old


@pytest.mark.parametrize("path", ["", "nothing", "0.nothing", "0.weight", "7"])
def test_a_path_without_a_layer_is_an_error(path):
    with pytest.raises(InputError) as caught:
        replace_layer(nn.Sequential(nn.Linear(2, 2)), path, nn.ReLU())
    assert caught.value.hint

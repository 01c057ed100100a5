"""Each choice of a ``Method`` can be seen to act."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn
from watching import TEST, TRAIN, VAL, Nested, fresh, matrices, nonzero, same, small, steps_of

import sparsecomp
from sparsecomp.compression import Method
from sparsecomp.errors import InputError

STILL = 1e-12  # a learning rate at which weights stay where they are
QUICK = {"steps": 2, "epochs": 1, "finetune": 1}


def compress(model=None, train=TRAIN, options=None, **method):
    """The result, and the weights at each step of the optimizer."""
    model = fresh() if model is None else model
    options = {"target": 0.4} if options is None else options
    with steps_of(model) as steps:
        result = sparsecomp.compress(model, train, VAL, method=Method(**(QUICK | method)), **options)
    return result, steps


def supports(**method):
    """Which weights are left of 80 % that are removed in one step, without training."""
    method = {"channels": False, "quantize": False, "learning_rate": STILL, "steps": 1, "finetune": 0} | method
    result, _ = compress(options={"sparsity": 0.8}, **method)
    return {name: weight != 0 for name, weight in matrices(result.model).items()}


def top(scores, count):
    """The ``count`` largest of all scores."""
    limit = np.sort(np.concatenate([s.reshape(-1) for s in scores.values()]))[-count]
    return {name: s >= limit for name, s in scores.items()}


def kept(found):
    return sum(int(mask.sum()) for mask in found.values())


def equal(found, expected):
    return all(np.array_equal(found[name].numpy(), expected[name]) for name in found)


def test_score_magnitude_keeps_the_largest_weights():
    found = supports(score="magnitude")
    expected = top({name: w.abs().numpy() for name, w in matrices(fresh()).items()}, kept(found))
    assert equal(found, expected)


def lamp(weight):
    """The square of a weight over the sum of those at least as large in its layer (Lee et al., ICLR 2021)."""
    squares = weight.double().numpy().reshape(-1) ** 2
    order = np.argsort(squares)
    score = np.empty_like(squares)
    score[order] = squares[order] / np.cumsum(squares[order][::-1])[::-1]
    return score.reshape(weight.shape)


def test_score_lamp_is_as_published():
    found = supports(score="lamp")
    assert equal(found, top({name: lamp(w) for name, w in matrices(fresh()).items()}, kept(found)))
    assert not equal(found, {name: mask.numpy() for name, mask in supports(score="magnitude").items()})


def test_score_sensitivity_follows_the_data():
    """A pixel that is always dark has no gradient: none of its weights is kept, however large."""
    x = TRAIN[0].copy()
    x[:, :, :, 0] = 0
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    torch.manual_seed(2)
    with torch.no_grad():
        model[1].weight.view(3, 8, 8)[:, :, 0] = 9
    method = Method(score="sensitivity", channels=False, quantize=False, learning_rate=STILL, steps=1, finetune=0)
    sparsecomp.compress(model, (x, TRAIN[1]), (x[:30], TRAIN[1][:30]), sparsity=0.5, method=method)
    assert not torch.count_nonzero(model[1].weight.view(3, 8, 8)[:, :, 0])
    assert torch.count_nonzero(model[1].weight) == 96


def changed(before, after):
    return [name for name in after if after[name] < before[name]]


def test_selection_largest_takes_from_one_layer_a_step():
    choice = {"selection": "largest", "schedule": "geometric", "step": 0.15, "first_step": 0.15, "channels": False}
    result, _ = compress(options={"target": 0.35}, **choice)
    densities = [dict.fromkeys(result.history[0].densities, 1.0), *(record.densities for record in result.history)]
    assert len(densities) > 4
    assert all(len(changed(a, b)) == 1 for a, b in itertools.pairwise(densities))
    assert changed(*densities[:2]) == ["fc1"]  # 512 of 806 weights
    result, _ = compress(channels=False)
    assert len([d for d in result.history[0].densities.values() if d < 1]) == 4


def filters(result):
    return sum(layer.filters for layer in result.layers)


def test_channels_removes_filters():
    off, _ = compress(channels=False)
    on, _ = compress(channels=True, density=0.8)
    assert filters(on) < filters(off)
    assert nonzero(on.model) > nonzero(off.model)  # indices are saved with a filter
    assert on.nbytes <= 400 and off.nbytes <= 400


def test_density_is_what_is_left_in_the_filters_that_stay():
    counts = [filters(compress(channels=True, density=density)[0]) for density in (0.4, 0.7, 1.0)]
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[2]


def test_a_filter_that_is_removed_leaves_neither_bias_nor_batch_norm():
    result, _ = compress(fresh(Nested), channels=True, density=1.0, options={"target": 0.5})
    assert any(layer.filters < layer.shape[0] for layer in result.layers)
    model = result.model
    weight, norm = model.stem["conv"].weight, model.stem["norm"]
    gone = weight.flatten(1).abs().sum(1) == 0
    assert not torch.count_nonzero(norm.weight[gone]) and not torch.count_nonzero(norm.bias[gone])


def test_price_decides_which_filters_go():
    found = [
        tuple(layer.filters for layer in compress(channels=True, density=0.9, price=price)[0].layers)
        for price in ("none", "bytes", "cycles")
    ]
    assert len(set(found)) == 3


def test_schedule_cubic_takes_its_steps():
    result, _ = compress(schedule="cubic", steps=4)
    budgets = [record.budget for record in result.history]
    assert len(budgets) == 4 and budgets[-1] == 400
    start = 400 + (budgets[0] - 400) / (3 / 4) ** 3
    assert start > 800  # all weights of the network in int8
    assert budgets == pytest.approx([400 + (start - 400) * (1 - k / 4) ** 3 for k in (1, 2, 3, 4)])
    assert all(record.size <= record.budget for record in result.history)


def test_schedule_geometric_takes_shares():
    budgets = []
    for first in (0.1, 0.4):
        result, _ = compress(schedule="geometric", step=0.2, first_step=first)
        budgets.append([record.budget for record in result.history])
        ratios = [b / a for a, b in itertools.pairwise(budgets[-1])]
        assert ratios[:-1] == pytest.approx([0.8] * (len(ratios) - 1)) and ratios[-1] >= 0.8
        assert budgets[-1][-1] == 400
    assert budgets[0][0] / 0.9 == pytest.approx(budgets[1][0] / 0.6)
    assert len(budgets[0]) > len(budgets[1])


def in_training(options=None, **method):
    """The weights each time that the loss of a training batch is computed."""
    model, seen = fresh(), []

    def criterion(outputs, labels):
        if torch.is_grad_enabled():
            seen.append(matrices(model))
        return nn.functional.cross_entropy(outputs, labels)

    compress(model, options={"target": 0.3, "criterion": criterion}, channels=False, **method)
    return seen


def test_support_frozen_keeps_pruned_weights_away_and_free_lets_them_back():
    def came_back(support):
        seen = in_training(support=support, learning_rate=0.1, steps=2, epochs=3)
        masks = [torch.cat([(w != 0).flatten() for w in weights.values()]) for weights in seen]
        return any(bool((b & ~a).any()) for a, b in itertools.pairwise(masks))

    assert came_back("free") and not came_back("frozen")


def test_epochs_and_finetune_are_counted():
    for steps, epochs, finetune in ((1, 1, 0), (2, 1, 0), (2, 2, 0), (2, 2, 3)):
        choice = {"steps": steps, "epochs": epochs, "finetune": finetune, "accuracy_aware": False}
        _, seen = compress(**choice)
        assert len(seen) == 2 * (steps * epochs + finetune)  # 120 samples in batches of 64


def test_distill_one_learns_from_the_network_alone():
    """Labels of the training data do not matter then; they do for less."""
    shuffled = (TRAIN[0], np.roll(TRAIN[1], 1))
    for share, as_before in ((1.0, True), (0.5, False)):
        right, wrong = (compress(distill=share, channels=False, train=data)[0].model for data in (TRAIN, shuffled))
        assert same(right, wrong) == as_before


def test_temperature_acts_where_there_is_distillation():
    for share, as_before in ((0.0, True), (0.5, False)):
        cold, hot = (compress(distill=share, temperature=heat)[0].model for heat in (1.0, 8.0))
        assert same(cold, hot) == as_before


def on_a_grid(weight):
    """Whether each filter's, or else the layer's, weights are whole multiples of 1/127 of the largest, or close."""

    def close(values):
        steps = values / values.abs().max().clamp(min=1e-9) * 127
        return bool((steps - steps.round()).abs().max() < 0.02)

    return close(weight) or all(close(row) for row in weight)


def test_quantize_trains_weights_of_eight_bits():
    for quantize in (True, False):
        last = in_training(quantize=quantize, epochs=2)[-1]
        assert all(on_a_grid(weight) for weight in last.values()) == quantize


def test_bias_of_one_byte():
    sizes = [compress(bias=bias, channels=False, options={"sparsity": 0.8})[0].nbytes for bias in (True, False)]
    assert sizes[0] < sizes[1]


def bias_types(model, folder):
    sparsecomp.save(model, folder / "m.pt", torch.zeros(1, 1, 8, 8), calibration=TRAIN[0])
    sparsecomp.convert(folder / "m.pt", folder / "project")
    texts = [path.read_text() for path in sorted((folder / "project" / "headers").glob("*.h"))]
    return {line.split("_b[")[0].rsplit(" ", 1)[0] for text in texts for line in text.splitlines() if "_b[" in line}


def test_bias_of_one_byte_is_one_byte_in_the_c_code(tmp_path):
    types = bias_types(compress(bias=True)[0].model, tmp_path)
    assert len(types) == 1 and "int8_t" in types.pop()


def test_factorize_replaces_layers_and_tells_their_ranks():
    result, _ = compress(factorize=True)
    assert any(layer.ranks for layer in result.layers)
    assert len([m for m in result.model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]) > 4
    assert not any(layer.ranks for layer in compress(factorize=False)[0].layers)


class Falling:
    """A metric that is worse by a tenth each time it is asked."""

    def __init__(self):
        self.value = 1.0

    def __call__(self, outputs, labels):
        self.value -= 0.1
        return self.value


def test_factorize_drop_is_what_a_low_rank_may_cost():
    for drop, found in ((0.005, False), (1.0, True)):
        options = {"target": 0.4, "metric": Falling()}
        result, _ = compress(fresh(small), factorize=True, factorize_drop=drop, options=options)
        assert any(layer.ranks for layer in result.layers) == found


def test_accuracy_aware_rolls_fragile_steps_back_but_ends():
    result, _ = compress(options={"target": 0.4, "metric": Falling()})
    assert any(record.rolled_back for record in result.history)
    assert not result.history[-1].rolled_back
    assert result.met and result.nbytes <= 400
    for off in ({"accuracy_aware": False}, {"fragile_drop": 1.0}):
        result, _ = compress(options={"target": 0.4, "metric": Falling()}, **off)
        assert not any(record.rolled_back for record in result.history)


def test_fragile_layers_are_left_alone():
    result, _ = compress(steps=4, fragile_drop=0.02, options={"target": 0.2})
    layers = set(result.history[0].densities)
    accepted, looked = dict.fromkeys(layers, 1.0), 0
    for before, record in itertools.pairwise(result.history):
        if not before.rolled_back:
            accepted = before.densities
        elif set(before.fragile) < layers:
            looked += 1
            assert record.step == before.step
            assert all(record.densities[name] >= accepted[name] for name in before.fragile)
    assert looked and result.nbytes <= 200
    found = [set(record.fragile) for record in result.history]
    assert all(a <= b for a, b in itertools.pairwise(found)) and found[-1]


def test_regularizer_and_learning_rate():
    def size(**method):
        return sum(float((w**2).sum()) for w in matrices(compress(**method)[0].model).values())

    assert size(regularizer=0.0) > 1.1 * size(regularizer=0.5)
    before = matrices(fresh())
    moved = []
    for rate in (1e-7, 1e-2):
        after = matrices(compress(learning_rate=rate, quantize=False)[0].model)
        moved.append(max(float((after[n] - before[n])[after[n] != 0].abs().max()) for n in after))
    assert moved[0] < 0.05 * moved[1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"selection": "smallest"}, {"score": ""}, {"price": "watts"}, {"schedule": "linear"}, {"support": "fixed"},
        {"distill": 1.1}, {"distill": -0.1}, {"density": 0}, {"density": 1.5}, {"fragile_drop": -1}, {"step": 0},
        {"step": 1}, {"first_step": 1}, {"steps": 0}, {"epochs": 0}, {"finetune": -1}, {"regularizer": -1},
        {"learning_rate": 0}, {"temperature": 0}, {"learning_rate": float("nan")}, {"factorize_drop": -0.1},
        {"regularizer": float("nan")}, {"learning_rate": float("inf")}, {"temperature": float("inf")}, {"steps": 1.5},
    ],
)  # fmt: skip
def test_wrong_choices_are_refused(wrong):
    with pytest.raises(InputError):
        Method(**wrong)


def test_the_network_keeps_what_it_learned():
    result, _ = compress(steps=3, finetune=3, options={"target": 0.4, "test": TEST})
    assert result.validation > 0.95 and result.test > 0.95
    assert result.test_before is not None and result.exit_code == 0

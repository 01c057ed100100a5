"""The rebuilt network: same outputs, and the same weights after one step of training."""

import copy

import numpy as np
import pytest
import torch
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import sparsecomp  # noqa: E402
from sparsecomp.frontend import read_back, to_module  # noqa: E402
from sparsecomp.ops import run_float  # noqa: E402


class Everything(nn.Module):
    """Residual, concatenating, sharing weights, with every operator that has a gradient."""

    def __init__(self, p=0.0):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding="same")
        self.bn1 = nn.BatchNorm2d(4, momentum=0.3, eps=1e-3)
        self.even = nn.Conv2d(4, 4, (2, 4), padding="same", groups=2, bias=False)
        self.bn2 = nn.BatchNorm2d(4, affine=False, momentum=None)
        self.drop = nn.Dropout(p)
        self.line = nn.Conv1d(4, 4, 3, padding=2, dilation=2)
        self.bn3 = nn.BatchNorm1d(4)
        self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 8)
        self.b.weight = self.a.weight
        self.bn4 = nn.BatchNorm1d(8)
        self.fc = nn.Linear(18, 3)

    def forward(self, x):
        x = F.relu6(self.bn1(self.conv1(x)))
        x = F.leaky_relu(self.bn2(self.even(x)) + x, 0.2)
        x = F.pad(F.max_pool2d(x, 3, 2, 1, ceil_mode=True), (1, 0, 0, 1), value=0.5)
        mean = F.hardswish(x.mean((2, 3)))
        small = F.adaptive_avg_pool2d(F.avg_pool2d(x, 2, 1, 1, count_include_pad=False), (3, 2)).mean(3, keepdim=True)
        y = torch.tanh(self.bn3(self.line(x.flatten(2))))
        y = F.avg_pool1d(F.max_pool1d(y, 2), 2)
        y = self.drop(F.adaptive_avg_pool1d(y, 2).reshape(x.shape[0], 8))
        y = self.bn4(torch.sigmoid(self.a(y)) + self.b(torch.clamp(y, min=-0.5)))
        z = torch.cat(
            [mean, y, small.flatten(1)[:, :6] if False else small.reshape(x.shape[0], 12).view(-1, 6, 2).mean(2)], 1
        )
        return F.log_softmax(self.fc(z), dim=1), torch.softmax(mean, 1)


def rebuilt(network, tmp_path, size=9):
    sparsecomp.save(network, tmp_path / "m.pt", torch.zeros(1, 1, size, size))
    graph = sparsecomp.load(tmp_path / "m.pt").graph
    return graph, to_module(graph)


def step(network, x, target):
    """One step of SGD with momentum on a batch."""
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    output = network(x)
    logits, side = output if isinstance(output, tuple) else (output, output)
    loss = F.nll_loss(logits, target) + (side**2).mean()
    loss.backward()
    optimizer.step()
    return float(loss)


def test_same_outputs(tmp_path):
    torch.manual_seed(0)
    network = Everything().eval()
    _, module = rebuilt(network, tmp_path)
    x = torch.randn(5, 1, 9, 9)
    for wanted, got in zip(network(x), module.eval()(x), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-6)


def test_one_step_of_training_is_the_same(tmp_path):
    torch.manual_seed(0)
    network = Everything()
    graph, module = rebuilt(network, tmp_path)
    x, target = torch.randn(8, 1, 9, 9), torch.arange(8) % 3
    assert len(list(module.parameters())) == len(list(network.parameters()))
    assert step(module, x, target) == pytest.approx(step(network, x, target), rel=1e-5)
    trained = network.state_dict()
    after = read_back(graph, module)
    for key, value in after.params.items():
        np.testing.assert_allclose(value, trained[key].numpy(), rtol=2e-5, atol=2e-6, err_msg=key)
    assert not np.array_equal(after.params["conv1.weight"], graph.params["conv1.weight"])
    assert not np.array_equal(after.params["bn1.running_mean"], graph.params["bn1.running_mean"])
    # The trained Graph computes what the trained network computes.
    network.eval()
    values = run_float(after, (x.numpy(),))
    with torch.no_grad():
        wanted = network(x)
    for name, tensor in zip(after.outputs, wanted, strict=True):
        np.testing.assert_allclose(values[name], tensor.numpy(), rtol=1e-4, atol=1e-5)


def test_dropout_keeps_its_probability(tmp_path):
    network = nn.Sequential(
        nn.Flatten(), nn.Linear(81, 6), nn.ReLU(), nn.Dropout(0.4), nn.Linear(6, 3), nn.LogSoftmax(1)
    )
    _, module = rebuilt(network, tmp_path)
    assert [layer.p for layer in module.modules() if isinstance(layer, nn.Dropout)] == [0.4]
    x, target = torch.randn(8, 1, 9, 9), torch.arange(8) % 3
    other = copy.deepcopy(network)
    losses = []
    for candidate in (module, other):
        torch.manual_seed(7)
        losses.append(step(candidate, x, target))
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_shared_weights_stay_shared(tmp_path):
    graph, module = rebuilt(Everything(), tmp_path)
    assert module.a.weight is module.b.weight
    before = module.a.weight.detach().clone()
    step(module, torch.randn(4, 1, 9, 9), torch.zeros(4, dtype=torch.long))
    assert module.a.weight is module.b.weight and not torch.equal(before, module.a.weight)
    assert isinstance(module.bn1, nn.BatchNorm2d) and module.bn1.momentum == 0.3 and module.bn2.momentum is None


def test_the_rebuilt_network_can_be_saved_again(tmp_path):
    torch.manual_seed(0)
    graph, module = rebuilt(Everything(), tmp_path)
    again, _ = rebuilt(module, tmp_path)
    x = np.random.default_rng(1).normal(size=(2, 1, 9, 9)).astype(np.float32)
    first, second = run_float(graph, (x,)), run_float(again, (x,))
    for a, b in zip(graph.outputs, again.outputs, strict=True):
        np.testing.assert_allclose(first[a], second[b], rtol=1e-5, atol=1e-6)


def test_a_rebuilt_network_that_is_saved_again_names_modules_and_not_our_own_lines(tmp_path):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    sparsecomp.save(network, tmp_path / "first.pt", torch.zeros(1, 4))
    sparsecomp.save(to_module(sparsecomp.load(tmp_path / "first.pt").graph), tmp_path / "second.pt", torch.zeros(1, 4))
    places = [node.where for node in sparsecomp.load(tmp_path / "second.pt").graph.nodes]
    assert places and not any("trainable.py" in place for place in places)

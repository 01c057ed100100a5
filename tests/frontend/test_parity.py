"""Every operator, with its options, in module and functional form: the Graph computes what torch computes."""

import numpy as np
import pytest
import torch
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import sparsecomp  # noqa: E402


class Lambda(nn.Module):
    """A functional forward; ``layers`` are its parameters."""

    def __init__(self, function, *layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.function = function

    def forward(self, *inputs):
        return self.function(self.layers, *inputs)


IMAGE, LINE, FLAT = (3, 9, 10), (4, 20), (12,)
CASES = {
    "conv2d": (nn.Conv2d(3, 4, 3), IMAGE),
    "conv2d options": (nn.Conv2d(3, 6, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=3), IMAGE),
    "conv2d no bias": (nn.Conv2d(3, 4, 3, bias=False), IMAGE),
    "conv2d depthwise": (nn.Conv2d(3, 3, 3, groups=3, padding=1), IMAGE),
    "conv2d same": (nn.Conv2d(3, 4, (3, 5), padding="same", dilation=(1, 2)), IMAGE),
    "conv2d same even": (nn.Conv2d(3, 4, (2, 4), padding="same"), IMAGE),
    "conv2d valid": (nn.Conv2d(3, 4, 3, padding="valid"), IMAGE),
    "conv2d functional": (Lambda(lambda m, x: F.conv2d(x, m[0].weight, m[0].bias, 2, 1), nn.Conv2d(3, 4, 3)), IMAGE),
    "conv1d": (nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2), LINE),
    "conv1d same even": (nn.Conv1d(4, 5, 4, padding="same", dilation=3), LINE),
    "conv1d functional": (Lambda(lambda m, x: F.conv1d(x, m[0].weight), nn.Conv1d(4, 5, 3)), LINE),
    "linear": (nn.Linear(12, 5), FLAT),
    "linear no bias": (nn.Linear(12, 5, bias=False), FLAT),
    "linear functional": (Lambda(lambda m, x: F.linear(x, m[0].weight, m[0].bias), nn.Linear(12, 5)), FLAT),
    "linear matmul": (Lambda(lambda m, x: x @ m[0].weight.t(), nn.Linear(12, 5)), FLAT),
    "max_pool2d": (nn.MaxPool2d(2), IMAGE),
    "max_pool2d options": (nn.MaxPool2d((3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), ceil_mode=True), IMAGE),
    "max_pool2d functional": (Lambda(lambda m, x: F.max_pool2d(x, 3, ceil_mode=True)), IMAGE),
    "max_pool2d indices": (Lambda(lambda m, x: F.max_pool2d(x, 2, return_indices=True)[0]), IMAGE),
    "max_pool1d": (nn.MaxPool1d(3, stride=2, padding=1, ceil_mode=True), LINE),
    "avg_pool2d": (nn.AvgPool2d(2), IMAGE),
    "avg_pool2d options": (nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False), IMAGE),
    "avg_pool2d padded": (nn.AvgPool2d((3, 2), 2, (1, 0), ceil_mode=True), IMAGE),
    "avg_pool2d divisor": (nn.AvgPool2d(2, divisor_override=3), IMAGE),
    "avg_pool1d": (nn.AvgPool1d(3, 2, 1, count_include_pad=False), LINE),
    "adaptive_avg_pool2d": (nn.AdaptiveAvgPool2d((4, 3)), IMAGE),
    "adaptive_avg_pool2d none": (nn.AdaptiveAvgPool2d((None, 1)), IMAGE),
    "adaptive_avg_pool1d": (nn.AdaptiveAvgPool1d(3), LINE),
    "mean": (Lambda(lambda m, x: x.mean((2, 3))), IMAGE),
    "mean keepdim": (Lambda(lambda m, x: x.mean(-1, keepdim=True)), IMAGE),
    "mean 1d": (Lambda(lambda m, x: torch.mean(x, dim=2)), LINE),
    "batch_norm2d": (nn.BatchNorm2d(3, eps=1e-3, momentum=0.3), IMAGE),
    "batch_norm2d plain": (nn.BatchNorm2d(3, affine=False), IMAGE),
    "batch_norm1d": (nn.BatchNorm1d(4), LINE),
    "batch_norm1d flat": (nn.BatchNorm1d(12), FLAT),
    "relu": (nn.ReLU(), IMAGE),
    "relu inplace": (nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(inplace=True)), IMAGE),
    "relu inplace on the input": (Lambda(lambda m, x: torch.tanh(F.relu(x, inplace=True))), IMAGE),
    "relu functional": (Lambda(lambda m, x: torch.relu(x)), FLAT),
    "relu6": (nn.ReLU6(), IMAGE),
    "relu6 functional": (Lambda(lambda m, x: F.relu6(x)), FLAT),
    "hardtanh": (nn.Hardtanh(-0.5, 0.25), IMAGE),
    "clamp": (Lambda(lambda m, x: x.clamp(-0.5, 0.5)), FLAT),
    "clamp min": (Lambda(lambda m, x: torch.clamp_min(x, 0.1)), FLAT),
    "clamp max": (Lambda(lambda m, x: x.clamp(max=0.1)), FLAT),
    "clamp infinite": (Lambda(lambda m, x: F.hardtanh(x, 0.0, float("inf"))), FLAT),
    "leaky_relu": (nn.LeakyReLU(0.3), IMAGE),
    "sigmoid": (nn.Sigmoid(), IMAGE),
    "tanh": (nn.Tanh(), LINE),
    "hardswish": (nn.Hardswish(), IMAGE),
    "hardswish by hand": (Lambda(lambda m, x: x * F.relu6(x + 3) / 6), IMAGE),
    "softmax": (nn.Softmax(dim=1), FLAT),
    "softmax channels": (nn.Softmax(dim=-3), IMAGE),
    "log_softmax": (Lambda(lambda m, x: F.log_softmax(x, dim=-1)), FLAT),
    "dropout": (nn.Sequential(nn.Dropout(0.3), nn.ReLU()), FLAT),
    "dropout2d": (nn.Dropout2d(0.3), IMAGE),
    "flatten": (nn.Flatten(), IMAGE),
    "flatten part": (Lambda(lambda m, x: x.flatten(2)), IMAGE),
    "view": (Lambda(lambda m, x: x.view(x.size(0), -1)), IMAGE),
    "reshape": (Lambda(lambda m, x: x.reshape(1, 9, 30)), IMAGE),
    "squeeze": (Lambda(lambda m, x: x.mean(3, keepdim=True).squeeze(3).unsqueeze(2)), IMAGE),
    "unflatten": (nn.Unflatten(1, (3, 4)), FLAT),
    "add": (Lambda(lambda m, x: torch.sigmoid(x) + x), IMAGE),
    "add itself": (Lambda(lambda m, x: x + x), IMAGE),
    "add inplace": (Lambda(lambda m, x: torch.sigmoid(x).add_(x)), IMAGE),
    "concat": (Lambda(lambda m, x: torch.cat([x, torch.tanh(x), x], 1)), IMAGE),
    "concat rows": (Lambda(lambda m, x: torch.cat([x, x], dim=-2)), IMAGE),
    "stack": (Lambda(lambda m, x: torch.stack([x, torch.tanh(x), x + x], 1)), FLAT),
    "stack and interleave": (Lambda(lambda m, x: torch.stack([x, torch.tanh(x)], dim=-1).flatten(1)), FLAT),
    "stack rows of a line": (Lambda(lambda m, x: torch.stack([x, torch.tanh(x)], dim=2)), LINE),
    "pad": (nn.ConstantPad2d((1, 2, 0, 3), 0.5), IMAGE),
    "zero pad": (nn.ZeroPad2d((1, 0, 2, 0)), IMAGE),
    "pad 1d": (Lambda(lambda m, x: F.pad(x, (2, 1), value=-1.0)), LINE),
    "pad channels": (Lambda(lambda m, x: F.pad(x, (0, 0, 1, 2))), LINE),
    "max_pool3d": (nn.MaxPool3d((1, 3, 3)), IMAGE),
    "max_pool3d of channels": (nn.MaxPool3d((2, 3, 2), stride=(1, 2, 3), dilation=(2, 1, 2)), IMAGE),
    "max_pool3d of channels only": (nn.MaxPool3d((2, 1, 1), (2, 1, 1), (1, 0, 0)), IMAGE),
    "zeros": (Lambda(lambda m, x: torch.cat([x, torch.zeros_like(x), torch.zeros(1, 2, 9, 10)], 1)), IMAGE),
    "zeros added": (Lambda(lambda m, x: x + torch.zeros_like(x)), IMAGE),
    "dropped": (Lambda(lambda m, x: x.contiguous().clone().detach().to(torch.float32).float() + x), FLAT),
}  # fmt: skip


UPSAMPLED = {
    "upsample": (nn.Upsample(scale_factor=2), IMAGE),
    "upsample by two factors": (nn.Upsample(scale_factor=(3, 2)), IMAGE),
    "upsample to a size": (nn.Upsample(size=(18, 10)), IMAGE),
    "upsample 1d": (nn.Upsample(scale_factor=3), LINE),
}


def randomize(network):
    """Statistics and gains that differ by channel, so that a mix-up shows."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.uniform_(-1, 1, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            if module.affine:
                module.weight.data.uniform_(-2, 2, generator=generator)
                module.bias.data.uniform_(-1, 1, generator=generator)
    return network


@pytest.mark.parametrize("form", ["saved", "decomposed"])
@pytest.mark.parametrize("case", CASES)
def test_operator(case, form, tmp_path, plain_archive, same_as_torch):
    network, shape = CASES[case]
    randomize(network)
    x = np.random.default_rng(5).normal(size=(1, *shape)).astype(np.float32) * 2
    if form == "saved":
        path = tmp_path / "model.pt"
        sparsecomp.save(network, path, torch.from_numpy(x))
    else:
        path = plain_archive(network, (torch.from_numpy(x),), decompose=True)
    same_as_torch(sparsecomp.load(path).graph, network, (x,))


@pytest.mark.parametrize("case", UPSAMPLED)
def test_upsampling(case, tmp_path, same_as_torch):
    """As saved: torch decomposes it into tables of indices, which are refused."""
    network, shape = UPSAMPLED[case]
    x = np.random.default_rng(5).normal(size=(1, *shape)).astype(np.float32)
    sparsecomp.save(network, tmp_path / "model.pt", torch.from_numpy(x))
    same_as_torch(sparsecomp.load(tmp_path / "model.pt").graph, network, (x,))


def test_batch_size_does_not_matter_to_the_graph(tmp_path, same_as_torch):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(48, 5))
    x = np.random.default_rng(6).normal(size=(7, *IMAGE)).astype(np.float32)
    sparsecomp.save(network, tmp_path / "model.pt", torch.from_numpy(x))
    same_as_torch(sparsecomp.load(tmp_path / "model.pt").graph, network, (x,))

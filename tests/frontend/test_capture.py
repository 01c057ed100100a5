"""From a forward to a Graph: structure, names, source lines, and what is refused with the line that fixes it."""

import numpy as np
import pytest
import torch
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import sparsecomp  # noqa: E402
from sparsecomp.errors import ConversionError, InputError, SparseCompError  # noqa: E402

RNG = np.random.default_rng(2)


def image(channels=2, size=8, batch=1):
    return torch.from_numpy(RNG.normal(size=(batch, channels, size, size)).astype(np.float32))


def graph_of(network, example, tmp_path):
    sparsecomp.save(network, tmp_path / "m.pt", example)
    return sparsecomp.load(tmp_path / "m.pt").graph


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.bn = nn.BatchNorm2d(2)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)) + x)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(2, 2, 1), nn.ReLU(inplace=True))
        self.block = Block()
        self.register = nn.Linear(128, 3)  # a C keyword

    def forward(self, x):
        x = self.block(self.features(x))
        return self.register(torch.flatten(x, 1))


def test_names_lines_and_keys(tmp_path, same_as_torch):
    network = Residual()
    x = image()
    graph = graph_of(network, x, tmp_path)
    assert [(node.op, node.name) for node in graph.nodes] == [
        ("conv", "features_0"),
        ("relu", "features_1"),
        ("conv", "block_conv"),
        ("batch_norm", "block_bn"),
        ("add", "block_add1"),
        ("relu", "block_relu1"),
        ("reshape", "reshape1"),
        ("linear", "register_fc1"),
    ]
    assert set(graph.params) == {name for name in network.state_dict() if not name.endswith("num_batches_tracked")}
    import inspect

    first = inspect.getsourcelines(Block.forward)[1]
    assert graph.nodes[4].where == f"test_capture.py:{first + 1}"
    same_as_torch(graph, network, (x.numpy(),))


def test_layers_without_user_code_are_counted(tmp_path):
    graph = graph_of(nn.Sequential(nn.Flatten(), nn.Linear(128, 4), nn.ReLU(), nn.Linear(4, 2)), image(), tmp_path)
    assert [node.name for node in graph.nodes] == ["reshape1", "fc1", "relu1", "fc2"]
    assert graph.nodes[1].where == "1 (Linear)"


def test_names_that_differ_only_in_case_or_clash(tmp_path):
    class Clash(nn.Module):
        def __init__(self):
            super().__init__()
            self.act, self.Act, self.input, self.a = nn.ReLU(), nn.Tanh(), nn.Sigmoid(), nn.Sequential(nn.ReLU())
            self.a_0 = nn.Tanh()

        def forward(self, x):
            return self.act(self.a_0(self.a(self.input(self.Act(self.act(x))))))

    names = [node.name for node in graph_of(Clash(), image(), tmp_path).nodes]
    assert len({name.lower() for name in names}) == 6
    assert all(name.isidentifier() and name.lower() != "input" for name in names)


def test_several_inputs_and_outputs(tmp_path, same_as_torch):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 3), nn.Linear(5, 3)

        def forward(self, x, y):
            s = self.a(x) + self.b(y)
            return s, [torch.relu(s), x]

    class Flat(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, *inputs):
            s, rest = self.inner(*inputs)
            return (s, *rest)

    network = Two()
    x, y = (RNG.normal(size=(1, n)).astype(np.float32) for n in (4, 5))
    graph = graph_of(network, (torch.from_numpy(x), torch.from_numpy(y)), tmp_path)
    assert graph.inputs == ("x", "y")
    assert [graph.shapes[name] for name in graph.outputs] == [(3,), (3,), (4,)]
    same_as_torch(graph, Flat(network), (x, y))


def test_shared_weights_share_their_key(tmp_path, same_as_torch):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
            self.b.weight = self.a.weight

        def forward(self, x):
            return self.a(self.b(self.a(x)))

    network = Tied()
    x = RNG.normal(size=(1, 4)).astype(np.float32)
    graph = graph_of(network, torch.from_numpy(x), tmp_path)
    assert {node.params["weight"] for node in graph.nodes} == {"a.weight"}
    assert [node.params["bias"] for node in graph.nodes] == ["a.bias", "b.bias", "a.bias"]
    assert len({node.name for node in graph.nodes}) == 3
    same_as_torch(graph, network, (x,))


def test_dead_operators_vanish(tmp_path):
    class Dead(nn.Module):
        def forward(self, x):
            torch.tanh(x).flatten(1)
            return torch.relu(x)

    assert [node.name for node in graph_of(Dead(), image(), tmp_path).nodes] == ["relu1"]


def test_inplace_through_a_view_is_refused_not_miscomputed(tmp_path):
    class Aliased(nn.Module):
        def forward(self, x):
            y = torch.tanh(x)
            seen = y.view(1, -1)
            y.add_(x)  # also changes what `seen` shows
            return seen, y

    with pytest.raises(ConversionError, match="changed in place") as error:
        graph_of(Aliased(), image(), tmp_path)
    assert "without in-place" in error.value.hint


def test_inplace_chain_is_normalized(tmp_path, same_as_torch):
    class Chain(nn.Module):
        def forward(self, x):
            y = torch.sigmoid(x)
            y += x
            y.relu_()
            y.clamp_(max=0.75)
            return F.leaky_relu(y, 0.1, inplace=True).view(1, -1)

    x = image()
    same_as_torch(graph_of(Chain(), x, tmp_path), Chain(), (x.numpy(),))


def lam(function, *layers):
    class Forward(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(layers)

        def forward(self, x):
            return function(self.layers, x)

    return Forward()


REFUSED = {
    "reflect": (nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"), "reflect", "padding_mode='zeros'"),
    "circular": (nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"), "circular", "padding_mode='zeros'"),
    "replicate": (lam(lambda m, x: F.pad(x, (1, 1, 1, 1), mode="replicate")), "replicate", "zero or constant"),
    "crop": (lam(lambda m, x: F.pad(x, (-1, -1))), "crops", "zero or more"),
    "transposed": (nn.ConvTranspose2d(2, 2, 2), "conv_transpose2d", "Conv2d"),
    "broadcast": (lam(lambda m, x: x + x.mean((2, 3), keepdim=True)), "broadcasting", "same shape"),
    "constant": (lam(lambda m, x: x + 1.0), "adds a constant", "bias"),
    "half hardswish": (lam(lambda m, x: F.relu6(x + 3)), "", ""),
    "alpha": (lam(lambda m, x: torch.add(x, torch.relu(x), alpha=2)), "alpha=2", "x + y"),
    "scale": (lam(lambda m, x: x * 2.0), "mul", "fold the factor"),
    "permute": (lam(lambda m, x: x.permute(0, 2, 3, 1)), "reorders", "supported:"),
    "gelu": (nn.GELU(), "gelu", "supported: Conv1d/2d"),
    "lstm": (lam(lambda m, x: m[0](x.flatten(2))[0], nn.LSTM(64, 3)), "", ""),
    "batch mean": (lam(lambda m, x: x.mean(0, keepdim=True)), "batch", "spatial"),
    "channel mean": (lam(lambda m, x: x.mean(1)), "channels", "spatial"),
    "squeezed batch": (lam(lambda m, x: x.mean((2, 3)).squeeze(0)), "batch dimension", "keep the batch"),
    "linear on rows": (nn.Linear(8, 3), "dimensions", "flatten"),
    "no statistics": (nn.BatchNorm2d(2, track_running_stats=False), "statistics", "track_running_stats=True"),
    "functional dropout": (lam(lambda m, x: F.dropout(x, 0.5)), "train mode", "self.training"),
    "double": (lam(lambda m, x: x.double().relu().float()), "float64", "float32"),
    "fixed weight": (lam(lambda m, x: F.conv2d(x, torch.ones(2, 2, 1, 1))), "", ""),
    "indices": (lam(lambda m, x: F.max_pool2d(x, 2, return_indices=True)), "", ""),
    "branch": (lam(lambda m, x: x if x.sum() > 0 else -x), "torch.export cannot capture", "must not branch"),
    "crash": (lam(lambda m, x: m[0](x), nn.Conv2d(5, 5, 1)), "torch.export cannot capture", "example_input"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_a_reason_and_a_hint(case, tmp_path):
    network, reason, hint = REFUSED[case]
    path = tmp_path / "m.pt"
    with pytest.raises(SparseCompError) as error:
        sparsecomp.save(network, path, image())
    assert reason in error.value.message and hint in error.value.hint and error.value.hint
    assert "\n" not in str(error.value)
    assert error.value.exit_code in (1, 2)
    assert not list(tmp_path.iterdir())


def test_message_names_operator_and_source_line(tmp_path):
    class Net(nn.Module):
        def forward(self, x):
            x = torch.relu(x)
            return torch.cumsum(x, 1)

    import inspect

    line = inspect.getsourcelines(Net.forward)[1] + 2
    with pytest.raises(ConversionError) as error:
        graph_of(Net(), image(), tmp_path)
    assert "aten.cumsum.default" in error.value.message
    assert f"test_capture.py:{line}" in error.value.message
    assert "LeakyReLU" in error.value.hint


def test_a_forward_that_cannot_be_captured_is_quiet_and_located(tmp_path, capfd):
    class Branch(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    import inspect

    line = inspect.getsourcelines(Branch.forward)[1] + 1
    with pytest.raises(ConversionError, match=f"at test_capture.py:{line}: "):
        graph_of(Branch(), image(), tmp_path)
    assert capfd.readouterr() == ("", "")


def test_plain_archives_in_train_mode_or_with_a_batch_are_refused(plain_archive):
    network = nn.Sequential(nn.Conv2d(2, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5))
    with pytest.raises(SparseCompError) as error:
        sparsecomp.load(plain_archive(network, (image(batch=4),), eval_mode=False))
    with pytest.raises(SparseCompError) as error:
        sparsecomp.load(plain_archive(network, (image(),), eval_mode=False))
    assert "model.eval()" in error.value.hint
    with pytest.raises(InputError) as error:
        sparsecomp.load(plain_archive(network, (image(batch=4),)))
    assert "batch of 1" in error.value.message and "[:1]" in error.value.hint


def test_dynamic_shapes_are_refused(plain_archive):
    path = plain_archive(nn.ReLU(), (image(batch=2),), dynamic_shapes=({0: torch.export.Dim("batch")},))
    with pytest.raises(InputError) as error:
        sparsecomp.load(path)
    assert "dynamic" in error.value.message and "without dynamic_shapes" in error.value.hint


@pytest.mark.parametrize("decompose", [False, True])
@pytest.mark.parametrize("strict", [False, True])
def test_plain_export_in_both_forms_and_modes(plain_archive, same_as_torch, strict, decompose):
    network = Residual()
    x = image()
    loaded = sparsecomp.load(plain_archive(network, (x,), decompose=decompose, strict=strict))
    assert (loaded.format, loaded.calibration, loaded.samples, loaded.labels) == ("pt2", None, None, None)
    assert loaded.graph.nodes[0].name == "features_0"
    assert loaded.graph.nodes[4].where.startswith("test_capture.py:")
    same_as_torch(loaded.graph, network, (x.numpy(),))


def test_pointwise_views_of_one_storage(tmp_path, same_as_torch):
    """Parameters that are slices of one tensor are read from the right place."""

    class Sliced(nn.Module):
        def __init__(self):
            super().__init__()
            whole = torch.randn(3, 4, 5)
            self.w, self.v = nn.Parameter(whole[1]), nn.Parameter(whole[2].t())

        def forward(self, x):
            return F.linear(F.linear(x, self.w), self.v)

    network = Sliced()
    x = RNG.normal(size=(1, 5)).astype(np.float32)
    same_as_torch(graph_of(network, torch.from_numpy(x), tmp_path), network, (x,))

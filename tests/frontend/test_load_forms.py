"""Every form in which people keep a trained network: loaded, or refused with the lines that make it loadable."""

import hashlib
import shutil

import numpy as np
import pytest
import torch
from torch import nn  # noqa: E402

import sparsecomp  # noqa: E402
from sparsecomp.errors import InputError, SparseCompError  # noqa: E402

NET = """
from __future__ import annotations

import dataclasses

import torch
from torch import nn
import neighbour

class Net(nn.Module):
    def __init__(self, width=neighbour.WIDTH):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3, padding=1)
        self.bn = nn.BatchNorm2d(width, momentum=None)
        self.fc = nn.Linear(width * 16, 3)

    def forward(self, x):
        x = torch.relu(self.bn(self.conv(x)))
        return self.fc(torch.max_pool2d(x, 2).flatten(1))

@dataclasses.dataclass
class Settings:
    width: int = 4

def broken():
    raise KeyError("no such thing")

NOT_A_NET = 3

def number():
    return 3
"""
SHAPE = (1, 8, 8)
X = np.random.default_rng(9).normal(size=(1, *SHAPE)).astype(np.float32)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with the user's net.py, and the network that it builds."""
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "neighbour.py").write_text("WIDTH = 4\n")
    monkeypatch.syspath_prepend(tmp_path)
    import importlib
    import sys

    for name in ("net", "neighbour"):
        sys.modules.pop(name, None)
    network = importlib.import_module("net").Net()
    network.bn.running_mean.uniform_(-1, 1)
    yield tmp_path, network
    for name in ("net", "neighbour"):
        sys.modules.pop(name, None)


def test_state_dict_and_checkpoints(project, same_as_torch):
    folder, network = project
    weights = network.state_dict()
    path, arch = folder / "model.pt", f"{folder}/net.py:Net"
    forms = [
        weights,
        dict(weights),
        {"epoch": 3, "model_state_dict": weights, "optimizer": {"lr": 0.1, "state": [torch.zeros(2)]}},
        {"state_dict": {f"module.{key}": value for key, value in weights.items()}},
        {"model": {f"_orig_mod.{key}": value for key, value in weights.items()}},
        {key: value.half() for key, value in weights.items()},
    ]
    for form in forms[:-1]:
        torch.save(form, path)
        loaded = sparsecomp.load(path, arch=arch, input_shape=SHAPE)
        assert loaded.format == "state_dict" and loaded.calibration is None
        assert loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert loaded.graph.nodes[1].attrs["momentum"] is None
        assert loaded.graph.nodes[0].where.startswith("net.py:")
        same_as_torch(loaded.graph, network, (X,))
    torch.save(forms[-1], path)  # half precision weights go into float32 layers
    same_as_torch(sparsecomp.load(path, arch=arch, input_shape=SHAPE).graph, network, (X,), 1e-2)


def test_safetensors(project, same_as_torch):
    from safetensors import torch as safetensors

    folder, network = project
    safetensors.save_file(network.state_dict(), folder / "model.pt", metadata={"format": "pt"})
    loaded = sparsecomp.load(folder / "model.pt", arch=f"{folder}/net.py:Net", input_shape=SHAPE)
    assert loaded.format == "safetensors"
    same_as_torch(loaded.graph, network, (X,))
    data = (folder / "model.pt").read_bytes()
    for damaged in (data[:-10], data[:9] + b"}" * 20 + data[29:], data.replace(b'"F32"', b'"F99"')):
        (folder / "model.pt").write_bytes(damaged)
        with pytest.raises(InputError):
            sparsecomp.load(folder / "model.pt", arch=f"{folder}/net.py:Net", input_shape=SHAPE)


def test_weights_need_the_network_and_its_input_shape(project):
    folder, network = project
    path = folder / "model.pt"
    torch.save(network.state_dict(), path)
    for options, reason in [
        ({}, "not the network"),
        ({"input_shape": SHAPE}, "not the network"),
        ({"arch": f"{folder}/net.py:Net"}, "what shape"),
        ({"arch": "net.py"}, "file.py:factory"),
        ({"arch": f"{folder}/nowhere.py:Net"}, "no file"),
        ({"arch": f"{folder}/net.py:Nets"}, "no function or class 'Nets'"),
        ({"arch": f"{folder}/net.py:NOT_A_NET"}, "no function or class"),
        ({"arch": f"{folder}/net.py:number"}, "gives a int"),
        ({"arch": f"{folder}/net.py:broken"}, "KeyError"),
        ({"arch": f"{folder}/net.py:Net", "input_shape": (1, 0, 8)}, "not a list of sizes"),
        ({"arch": f"{folder}/net.py:Net", "input_shape": (3, 8, 8)}, "cannot capture"),
    ]:
        with pytest.raises(SparseCompError) as error:
            sparsecomp.load(path, **options)
        assert reason in error.value.message and error.value.hint, options
        assert "\n" not in str(error.value)
    (folder / "neighbour.py").write_text("WIDTH = 5\n")
    import sys

    sys.modules.pop("neighbour")
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
    with pytest.raises(InputError, match="do not fit"):
        sparsecomp.load(path, arch=f"{folder}/net.py:Net", input_shape=SHAPE)


def layers():
    shared = nn.ReLU(inplace=True)
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 4, 3, padding="same", bias=False), nn.BatchNorm2d(4, momentum=None), shared),
        nn.Conv2d(4, 4, (3, 1), stride=(2, 1), padding=(1, 0), groups=2),
        shared,
        nn.MaxPool2d(2, ceil_mode=True),
        nn.AvgPool2d(2, 1),
        nn.ZeroPad2d(1),
        nn.ConstantPad2d((1, 0, 0, 0), 0.5),
        nn.AdaptiveAvgPool2d((2, None)),
        nn.Dropout2d(0.1),
        nn.Flatten(2),
        nn.Conv1d(4, 4, 3, padding=1),
        nn.BatchNorm1d(4, affine=False),
        nn.LeakyReLU(0.2),
        nn.MaxPool1d(2),
        nn.AvgPool1d(2),
        nn.AdaptiveAvgPool1d(2),
        nn.Flatten(),
        nn.Linear(8, 6),
        nn.ReLU6(),
        nn.Hardtanh(-2, 2),
        nn.Sigmoid(),
        nn.Tanh(),
        nn.Hardswish(),
        nn.Dropout(0.5),
        nn.Identity(),
        nn.Unflatten(1, (2, 3)),
        nn.Flatten(),
        nn.LogSoftmax(dim=1),
        nn.Softmax(dim=-1),
    )


def test_pickled_module_is_built_anew(tmp_path, same_as_torch):
    network = layers().eval()
    torch.save(network, tmp_path / "model.pt")
    loaded = sparsecomp.load(tmp_path / "model.pt", input_shape=SHAPE)
    assert loaded.format == "module"
    assert loaded.graph.nodes[1].attrs["momentum"] is None
    same_as_torch(loaded.graph, network, (X,))
    with pytest.raises(InputError, match="what shape"):
        sparsecomp.load(tmp_path / "model.pt")
    with pytest.raises(InputError, match="whole module"):
        sparsecomp.load(tmp_path / "model.pt", arch="net.py:Net")


def test_single_layer_and_shared_layer(tmp_path, same_as_torch):
    for network in (nn.Linear(4, 4), nn.Sequential(*[nn.Linear(4, 4)] * 2, nn.Linear(4, 2))):
        torch.save(network, tmp_path / "model.pt")
        graph = sparsecomp.load(tmp_path / "model.pt", input_shape=(4,)).graph
        same_as_torch(graph, network, (X.reshape(1, -1)[:, :4].copy(),))
    assert graph.nodes[0].params == graph.nodes[1].params


def test_custom_class_is_refused_unless_trusted(project, same_as_torch):
    folder, network = project
    path = folder / "model.pt"
    torch.save(network, path)
    with pytest.raises(InputError) as error:
        sparsecomp.load(path, input_shape=SHAPE)
    assert "net.Net" in error.value.message and error.value.exit_code == 2
    assert "import sparsecomp; sparsecomp.save(model, 'model.pt', example_input)" in error.value.hint
    loaded = sparsecomp.load(path, input_shape=SHAPE, trust_pickle=True)
    assert loaded.format == "pickle"
    same_as_torch(loaded.graph, network, (X,))


def test_unsupported_layer_is_refused(tmp_path):
    torch.save(nn.Sequential(nn.Linear(4, 4), nn.GELU()), tmp_path / "model.pt")
    with pytest.raises(InputError, match="GELU"):
        sparsecomp.load(tmp_path / "model.pt", input_shape=(4,))


def test_torchscript_is_refused(tmp_path):
    torch.jit.trace(nn.Linear(4, 2), torch.zeros(1, 4)).save(tmp_path / "model.pt")
    for trust in (False, True):
        with pytest.raises(InputError, match="TorchScript") as error:
            sparsecomp.load(tmp_path / "model.pt", trust_pickle=trust)
    assert "sparsecomp.save" in error.value.hint


def test_legacy_torch_save_is_refused(tmp_path):
    torch.save({"w": torch.zeros(2)}, tmp_path / "model.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(InputError, match="bare pickle"):
        sparsecomp.load(tmp_path / "model.pt", arch="net.py:Net", input_shape=(1,))


def test_values_that_are_no_network(tmp_path):
    for value in (torch.zeros(3), [torch.zeros(3)], {"x": 1}, {}, 5):
        torch.save(value, tmp_path / "model.pt")
        with pytest.raises(InputError, match="neither a network nor a state_dict"):
            sparsecomp.load(tmp_path / "model.pt", arch="net.py:Net", input_shape=(1,))


def test_the_extension_does_not_matter(model, tmp_path):
    for name in ("model.safetensors", "model.bin", "model"):
        shutil.copy(model, tmp_path / name)
        loaded = sparsecomp.load(tmp_path / name)
        assert loaded.format == "pt2"
        assert loaded.sha256 == hashlib.sha256(model.read_bytes()).hexdigest()


def test_options_that_make_no_sense_for_an_archive(model):
    assert sparsecomp.load(model, input_shape=(1, 8, 8)).graph.inputs == ("input",)
    with pytest.raises(InputError, match="own network"):
        sparsecomp.load(model, arch="net.py:Net")
    with pytest.raises(InputError, match="not the input shape"):
        sparsecomp.load(model, input_shape=(1, 28, 28))

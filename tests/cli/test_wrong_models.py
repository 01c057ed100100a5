"""Wrong model files on the command line: a line and a hint each, the right exit code, no directory left behind."""

import pickle
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

import sparsecomp


class Net(nn.Module):
    """A class that only the user's own code knows."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 3)

    def forward(self, x):
        return self.layer(x)


class Cumulative(nn.Module):
    def forward(self, x):
        return torch.cumsum(x, 1)


@pytest.fixture
def refused(cli, tmp_path):
    """Deploys the file and asserts the refusal; nothing may appear beside it."""

    def run(path, code, *words, board="host", options=()):
        before = set(tmp_path.iterdir())
        result = cli("deploy", "--board", board, path, "-o", tmp_path / "project", *options)
        assert set(tmp_path.iterdir()) == before
        result.refused(code, *words)

    return run


def export(module, path, example, **options):
    torch.export.save(torch.export.export(module, example, **options), path)
    return path


@pytest.fixture
def pt2(tmp_path):
    return tmp_path / "model.pt2"


def test_not_a_zip(refused, tmp_path):
    (tmp_path / "model.pt").write_bytes(b"weights")
    refused(tmp_path / "model.pt", 2, "neither an export archive", "sparsecomp.save")


def test_poisoned_archive(refused, model, tmp_path):
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(model) as good, zipfile.ZipFile(path, "w") as bad:
        for name in good.namelist():
            bad.writestr(name, good.read(name))
        root = good.namelist()[0].split("/")[0]
        bad.writestr(f"{root}/data/weights/model.pt", pickle.dumps(print))
    refused(path, 2, "model.pt")


def test_pickled_custom_class(refused, tmp_path):
    torch.save(Net(), tmp_path / "model.pt")
    refused(tmp_path / "model.pt", 2, "Net", "sparsecomp.save")


def test_torchscript(refused, tmp_path):
    torch.jit.save(torch.jit.trace(Net().eval(), torch.zeros(1, 6)), tmp_path / "model.pt")
    refused(tmp_path / "model.pt", 2, "TorchScript", "sparsecomp.save")


def test_state_dict_without_arch(refused, tmp_path):
    torch.save(Net().state_dict(), tmp_path / "model.pt")
    refused(tmp_path / "model.pt", 2, "--arch")


def test_unsupported_operator(refused, pt2):
    refused(export(Cumulative(), pt2, (torch.zeros(1, 6),)), 1, "cumsum", "test_wrong_models.py:")


def test_train_mode_archive(refused, pt2):
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).train()
    refused(export(net, pt2, (torch.zeros(1, 1, 8, 8),)), 2, "train", ".eval()")


def test_batch_above_one(refused, pt2):
    refused(export(Net().eval(), pt2, (torch.zeros(4, 6),)), 2, "batch", "1")


def test_dynamic_shapes(refused, pt2):
    net = nn.Conv2d(1, 2, 3).eval()
    shapes = ({2: torch.export.Dim("height", min=4, max=64)},)
    refused(export(net, pt2, (torch.zeros(1, 1, 8, 8),), dynamic_shapes=shapes), 2, "shape")


def test_nan_weights(refused, pt2):
    net = Net().eval()
    with torch.no_grad():
        net.layer.weight[0, 0] = float("nan")
    refused(export(net, pt2, (torch.zeros(1, 6),)), 2, "layer.weight", "NaN")


def test_missing_calibration(refused, pt2):
    refused(export(Net().eval(), pt2, (torch.zeros(1, 6),)), 2, "calibration", "--calibrate")


def test_unpickling_is_only_done_on_request(cli, tmp_path):
    torch.save(Net(), tmp_path / "model.pt")
    np.savez(tmp_path / "data.npz", x=np.random.default_rng(0).normal(size=(8, 6)).astype(np.float32))
    result = cli("deploy", tmp_path / "model.pt", "-o", tmp_path / "project", "--trust-pickle",
                 "--calibrate", tmp_path / "data.npz", "--failures", 5)  # fmt: skip
    assert result.code == 0, result.err


def test_too_big_for_the_fr5969(refused, tmp_path):
    net = nn.Sequential(nn.Flatten(), nn.Linear(400, 300), nn.ReLU(), nn.Linear(300, 10)).eval()
    images = np.random.default_rng(0).normal(size=(8, 1, 20, 20)).astype(np.float32)
    sparsecomp.save(net, tmp_path / "model.pt", torch.zeros(1, 1, 20, 20), calibration=images)
    refused(
        tmp_path / "model.pt",
        3,
        "fc1",
        "bytes of weights",
        "msp430fr5969",
        "it would fit msp430fr",
        board="msp430fr5969",
    )

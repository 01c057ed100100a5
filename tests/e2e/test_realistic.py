"""Networks as people write them, with seeded weights: functional forwards, residual and depthwise blocks, two heads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import sparsecomp
from sparsecomp.errors import ConversionError, InputError
from sparsecomp.levels import Accuracy

BOARDS = ["host", "msp430fr5969", "msp430fr5992", "msp430fr5994", "msp430fr6989"]


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 5, padding=2), nn.Conv2d(4, 8, 5)
        self.fc1, self.fc2 = nn.Linear(72, 32), nn.Linear(32, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), (2, 2))
        x = F.relu(self.fc1(torch.flatten(x, 1)))
        return F.log_softmax(self.fc2(x), dim=1)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.bn = nn.Conv2d(1, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4)
        self.c1, self.b1 = nn.Conv2d(4, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8)
        self.c2, self.b2 = nn.Conv2d(8, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8)
        self.short = nn.Sequential(nn.Conv2d(4, 8, 1, 2, bias=False), nn.BatchNorm2d(8))
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = F.relu(self.bn(self.stem(x)))
        y = self.b2(self.c2(F.relu(self.b1(self.c1(x)))))
        y += self.short(x)
        return self.fc(F.adaptive_avg_pool2d(F.relu(y), 1).flatten(1))


def depthwise(inputs: int, outputs: int, stride: int, activation: type[nn.Module]) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
        nn.BatchNorm2d(inputs),
        activation(),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        activation(),
    )


class Mobile(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.Hardswish())
        self.body = nn.Sequential(depthwise(4, 8, 2, nn.ReLU6), depthwise(8, 12, 1, nn.Hardswish))
        self.drop, self.fc = nn.Dropout(0.2), nn.Linear(12, 10)

    def forward(self, x):
        return self.fc(self.drop(self.body(self.stem(x)).mean([2, 3])))


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.image, self.meta = nn.Conv2d(1, 4, 3, 2, 1), nn.Linear(36, 8), nn.Linear(3, 4)
        self.kind, self.level = nn.Linear(12, 5), nn.Linear(12, 2)

    def forward(self, image, meta):
        a = F.max_pool2d(F.relu(self.conv(image)), 2).flatten(1)
        both = torch.cat([F.relu(self.image(a)), torch.tanh(self.meta(meta))], dim=1)
        return self.kind(both), torch.sigmoid(self.level(both))


def motion() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(6, 8, 7, stride=2, padding=3), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(2),
        nn.Conv1d(8, 12, 5, padding="same"), nn.LeakyReLU(0.1),
        nn.Conv1d(12, 12, 3, padding=2, dilation=2), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(12, 7),
    )  # fmt: skip


def autoencoder() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(40, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4), nn.ReLU(), nn.Linear(4, 16), nn.Tanh(),
        nn.Linear(16, 40),
    )  # fmt: skip


NETWORKS = {
    "lenet": (LeNet, [(1, 20, 20)]),
    "residual": (Residual, [(1, 12, 12)]),
    "mobile": (Mobile, [(1, 16, 16)]),
    "two_heads": (TwoHeads, [(1, 12, 12), (3,)]),
    "motion": (motion, [(6, 48)]),
    "autoencoder": (autoencoder, [(40,)]),
}


def built(name: str, count: int = 40) -> tuple[nn.Module, list[torch.Tensor]]:
    """The network with seeded weights and batch-norm statistics of its data, and those data."""
    factory, shapes = NETWORKS[name]
    torch.manual_seed(7)
    network = factory()
    data = [torch.randn(count, *shape) for shape in shapes]
    with torch.no_grad():
        for _ in range(30):
            network(*data)
    return network.eval(), data


def saved(tmp_path, name: str, **extra):
    network, data = built(name)
    arrays = tuple(x.numpy() for x in data)
    path = tmp_path / f"{name}.pt"
    sparsecomp.save(network, path, tuple(x[:1] for x in data), calibration=arrays, samples=arrays, **extra)
    return path, network, data


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_as_people_write_it_goes_from_torch_to_verified_c(name, tmp_path):
    path, network, data = saved(tmp_path, name)
    analysis = sparsecomp.analyze(path, BOARDS)
    assert all(fit.plan for fit in analysis.fits)
    result = sparsecomp.deploy(path, tmp_path / "out", failures=30, kills=0)
    assert result.exit_code == 0 and result.compared_elements > 0
    assert result.accuracy.output_sqnr_db > 25 and result.accuracy.notes() == []
    assert result.accuracy.agreement >= 0.85
    assert {p.name for p in tmp_path.iterdir()} == {path.name, "out"}
    done = subprocess.run(["make", "-s", "-C", tmp_path / "out"], capture_output=True, text=True)
    assert done.returncode == 0 and "PASS" in done.stdout


def test_modules_of_the_users_network_stand_beside_its_layers(tmp_path):
    path, _, _ = saved(tmp_path, "residual")
    lines = sparsecomp.analyze(path).lines()
    assert any(line.startswith("conv1 ") and " stem+relu " in line for line in lines)
    assert any(line.startswith("conv4 ") and " short_0 " in line for line in lines)


def test_two_runs_write_the_same_bytes_report_included(tmp_path):
    path, _, _ = saved(tmp_path, "mobile")
    contents = []
    for out, seed in (("a", "1"), ("b", "2")):
        command = [sys.executable, "-m", "sparsecomp.cli", "deploy", path, "-o", out, "--failures", "20", "--seed", "5"]
        environment = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
        folder = tmp_path / out
        contents.append({p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()})
    assert contents[0] == contents[1] and len(contents[0]) > 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_deployment_that_is_ended_leaves_nothing(number, tmp_path):
    path, _, _ = saved(tmp_path, "lenet")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    command = [sys.executable, "-m", "sparsecomp.cli", "deploy", path, "-o", tmp_path / "out", "--failures", "99999999"]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(temporary)},
        # A shell's background job, which these tests may be, passes SIGINT on as ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    for line in process.stderr:  # until it has written the project beside its destination
        if line.startswith("failing power"):
            break
    time.sleep(0.3)
    process.send_signal(number)
    message = process.communicate(timeout=30)[1]
    assert process.returncode == 128 + number
    assert "interrupted" in message or f"ended by {number.name}" in message
    assert "Traceback" not in message
    assert {p.name for p in tmp_path.iterdir()} == {path.name, "tmp"}
    assert [p.name for p in temporary.iterdir() if p.name.startswith("sparsecomp")] == []


def test_targets_are_measured_by_their_squared_error(tmp_path):
    network, data = built("autoencoder")
    targets = data[0].numpy()
    path, _, _ = saved(tmp_path, "autoencoder", labels=targets)
    result = sparsecomp.deploy(path, tmp_path / "out", failures=5, kills=0)
    with torch.no_grad():
        expected = float(((network(data[0]).numpy() - targets) ** 2).mean())
    assert result.accuracy.metric == "mean squared error"
    assert result.accuracy.float_network == pytest.approx(expected, rel=1e-4)
    assert result.accuracy.host_c == result.accuracy.reference == pytest.approx(expected, rel=0.02)
    assert result.accuracy.agreement is None and "same answer" not in result.accuracy.lines()[0]
    assert json.loads((tmp_path / "out/report.json").read_text())["accuracy"]["agreement"] is None


def test_labels_of_no_use_are_refused_before_anything_is_built(tmp_path):
    path, _, _ = saved(tmp_path, "autoencoder", labels=np.full((40, 3), 0.5, np.float32))
    with pytest.raises(InputError, match="neither classes nor targets"):
        sparsecomp.deploy(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_data_without_the_trainings_preprocessing_are_noticed(tmp_path):
    path, _, data = saved(tmp_path, "mobile")
    np.savez(tmp_path / "raw.npz", x=255 * data[0].numpy())
    result = sparsecomp.deploy(path, tmp_path / "out", data=tmp_path / "raw.npz", failures=5, kills=0)
    assert result.accuracy.saturated > 0.5
    assert "preprocessed in the same way" in result.accuracy.notes()[0]


def test_lost_accuracy_and_noisy_outputs_are_said():
    def notes(**changed):
        values = {"samples": 9, "metric": "accuracy", "float_network": 0.9, "reference": 0.9, "host_c": 0.9}
        return Accuracy(**{**values, "agreement": 1.0, "output_sqnr_db": 40.0, **changed}).notes()

    assert notes() == notes(reference=0.896) == notes(reference=1.0) == notes(metric="f1", reference=0.1) == []
    assert "lose 3.5 points" in notes(reference=0.865)[0]
    assert "only 12.0 dB" in notes(output_sqnr_db=12.0)[0]
    assert "only 12.0 dB" in notes(output_sqnr_db=12.0, float_network=None, reference=None)[0]


def test_float_output_is_not_called_integer(tmp_path):
    path, _, _ = saved(tmp_path, "autoencoder")
    result = sparsecomp.deploy(path, tmp_path / "out", numeric="float32", failures=5, kills=0)
    assert "float32 reference against float" in result.accuracy.lines()[0]


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.cell, self.fc = kind(6, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, x):
        return self.fc(self.cell(x)[0][:, -1])


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention, self.fc = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 3)

    def forward(self, x):
        return self.fc(self.attention(x, x, x)[0].mean(1))


class Scaled(nn.Module):
    def __init__(self, change):
        super().__init__()
        self.change, self.fc = change, nn.Linear(16, 3)

    def forward(self, x):
        return self.fc(self.change(x))


SEQUENCE, VECTOR = (1, 10, 6), (1, 16)
REFUSED = {
    "lstm": (lambda: Recurrent(nn.LSTM), SEQUENCE, r"^LSTM \(test_realistic.py:\d+\)", "Conv1d"),
    "gru": (lambda: Recurrent(nn.GRU), SEQUENCE, r"^GRU \(test_realistic.py:\d+\)", "Conv1d"),
    "attention": (Attention, (1, 10, 8), r"^MultiheadAttention \(test_realistic.py:\d+\)", "attention"),
    "factor": (lambda: Scaled(lambda x: x * 2.0), VECTOR, "multiplies by 2.0", "preprocess"),
    "offset": (lambda: Scaled(lambda x: x - 0.13), VECTOR, "aten.sub", "preprocess"),
    "quotient": (lambda: Scaled(lambda x: x / 0.3), VECTOR, "divides", "preprocess"),
    "gelu": (lambda: Scaled(F.gelu), VECTOR, "aten.gelu", "Hardswish"),
    "layer norm": (lambda: nn.Sequential(nn.LayerNorm(16), nn.Linear(16, 3)), VECTOR, "aten.layer_norm", "BatchNorm"),
    "transposed": (lambda: nn.ConvTranspose2d(1, 2, 3), (1, 1, 5, 5), "aten.conv_transpose2d", "Conv2d"),
    "wrong shape": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(9, 3)), VECTOR, "capture the model: ", "forward"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_supported_is_named_with_a_way_out(name, tmp_path):
    factory, shape, message, hint = REFUSED[name]
    with pytest.raises(ConversionError, match=message) as refusal:
        sparsecomp.save(factory(), tmp_path / "model.pt", torch.zeros(shape))
    assert hint in refusal.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_project_directory_is_not_taken_for_a_model(tmp_path):
    with pytest.raises(InputError, match="it is a directory, not a model file"):
        sparsecomp.analyze(tmp_path)

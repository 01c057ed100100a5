"""save: what goes into the file, what is refused before anything is written."""

import os
import zipfile

import numpy as np
import pytest
import torch
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

import sparsecomp  # noqa: E402
from sparsecomp.errors import InputError, SparseCompError, ToolError  # noqa: E402
from sparsecomp.wire import Wire  # noqa: E402

X = np.random.default_rng(4).random((20, 1, 6, 6)).astype(np.float32)
Y = np.arange(20) % 3


def network():
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(32, 3)
    )


def saved(tmp_path, **options):
    path = tmp_path / "model.pt"
    sparsecomp.save(options.pop("model", network()), path, options.pop("example", torch.zeros(1, 1, 6, 6)), **options)
    return sparsecomp.load(path)


def test_arrays_tensors_loaders_and_npz_give_the_same(tmp_path):
    np.savez(tmp_path / "data.npz", x=X, y=Y)
    dataset = TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    forms = [X, torch.from_numpy(X), (X,), [torch.from_numpy(X)], DataLoader(dataset, batch_size=8), dataset,
             tmp_path / "data.npz", str(tmp_path / "data.npz")]  # fmt: skip
    for form in forms:
        with_labels = not isinstance(form, np.ndarray | torch.Tensor | tuple | list)
        loaded = saved(tmp_path, calibration=form, samples=form, labels=None if with_labels else Y)
        assert len(loaded.calibration) == len(loaded.samples) == 1
        assert loaded.calibration[0].dtype == np.float32
        np.testing.assert_array_equal(loaded.calibration[0], X)
        np.testing.assert_array_equal(loaded.samples[0], X)
        assert loaded.labels.tolist() == Y.tolist()


def test_a_loader_is_read_up_to_512_items(tmp_path):
    long = torch.zeros(700, 1, 6, 6)
    loader = DataLoader(TensorDataset(long, torch.zeros(700, dtype=torch.long)), batch_size=100)
    assert saved(tmp_path, calibration=loader).calibration[0].shape == (512, 1, 6, 6)


def test_raw_bytes_stay_raw(tmp_path):
    raw = (X * 255).astype(np.uint8)
    wire = Wire("u8", scale=1 / 255)
    loaded = saved(tmp_path, calibration=raw, samples=X, labels=Y, preprocess=wire)
    assert loaded.wires == (wire,)
    np.testing.assert_array_equal(loaded.calibration[0], raw)
    # Floats are what the network reads: they go back to the nearest raw step.
    assert loaded.samples[0].dtype == np.uint8
    assert np.abs(wire.to_float(loaded.samples[0]) - X).max() <= 0.5 / 255 + 1e-6


def test_several_inputs(tmp_path):
    class Two(nn.Module):
        def forward(self, a, b):
            return a + b

    example = (torch.zeros(1, 3), torch.zeros(1, 3))
    a, b = np.ones((5, 3), np.int16), np.zeros((5, 3), np.float32)
    loaded = saved(tmp_path, model=Two(), example=example, calibration=(a, b), preprocess=(Wire("i16", 0.5), Wire()))
    assert [x.dtype.str for x in loaded.calibration] == ["<i2", "<f4"]
    assert loaded.wires == (Wire("i16", 0.5), Wire())
    with pytest.raises(InputError, match="1 wire"):
        saved(tmp_path, model=Two(), example=example, preprocess=Wire())
    with pytest.raises(InputError, match="1 array"):
        saved(tmp_path, model=Two(), example=example, calibration=b)
    with pytest.raises(InputError):
        saved(tmp_path, model=Two(), example=example, calibration=(b, b[:3]))


def test_the_model_is_left_as_it_was(tmp_path):
    model = network().train()
    model[1].eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    saved(tmp_path, model=model)
    assert model.training and not model[1].training and model[3].training
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_training_batch_as_example(tmp_path):
    assert saved(tmp_path, example=torch.from_numpy(X)).graph.shapes["input"] == (1, 6, 6)


def test_same_model_same_bytes_and_no_paths(tmp_path):
    for name in ("a.pt", "b.pt"):
        sparsecomp.save(network(), tmp_path / name, torch.zeros(1, 1, 6, 6), calibration=X)
    data = (tmp_path / "a.pt").read_bytes()
    assert data == (tmp_path / "b.pt").read_bytes()
    assert os.path.dirname(__file__).encode() not in data and b"site-packages" not in data
    with zipfile.ZipFile(tmp_path / "a.pt") as file:
        assert file.read("model/data/sample_inputs/model.pt") == b""  # a pickle in torch's own archives


def test_torch_reads_the_archive_too(tmp_path):
    model = network().eval()
    sparsecomp.save(model, tmp_path / "m.pt", torch.zeros(1, 1, 6, 6))
    x = torch.from_numpy(X[:1])
    again = torch.export.load(tmp_path / "m.pt").module()
    assert torch.equal(again(x), model(x))


def test_cumulative_momentum_survives(tmp_path):
    model = nn.Sequential(nn.BatchNorm2d(1, momentum=None), nn.BatchNorm2d(1, momentum=0.25))
    nodes = saved(tmp_path, model=model).graph.nodes
    assert [node.attrs["momentum"] for node in nodes] == [None, 0.25]


def bad(kind):
    model = network()
    if kind == "nan":
        model[0].weight.data[0, 0, 0, 0] = float("nan")
    if kind == "infinite":
        model[5].bias.data[1] = float("inf")
    return model


REFUSED = {
    "nan weights": (lambda: {"model": bad("nan")}, "0.weight"),
    "infinite weights": (lambda: {"model": bad("infinite")}, "5.bias"),
    "not a module": (lambda: {"model": network().state_dict()}, "OrderedDict"),
    "calibration shape": (lambda: {"calibration": X[:, :, :5]}, "(20, 1, 5, 6)"),
    "calibration without batch": (lambda: {"calibration": X[0]}, "(N, 1, 6, 6)"),
    "calibration nan": (lambda: {"calibration": np.full_like(X, np.nan)}, "NaN"),
    "calibration bytes on a float wire": (lambda: {"calibration": X.astype(np.uint8)}, "uint8"),
    "calibration out of range": (lambda: {"calibration": X * 3, "preprocess": Wire("u8", 1 / 255)}, "cannot hold"),
    "calibration nan on a byte wire": (lambda: {"calibration": X * np.nan, "preprocess": Wire("u8")}, "cannot hold"),
    "calibration empty": (lambda: {"calibration": X[:0]}, "shape"),
    "calibration of texts": (lambda: {"calibration": np.array(["a"])}, "<U1"),
    "calibration of objects": (lambda: {"calibration": [object()]}, "not an array"),
    "calibration missing file": (lambda: {"calibration": "nowhere.npz"}, "nowhere.npz"),
    "calibration generator": (lambda: {"calibration": iter([X])}, "iterator"),
    "labels too high": (lambda: {"samples": X, "labels": Y + 1}, "label 3 is out of range"),
    "labels negative": (lambda: {"samples": X, "labels": Y - 1}, "label -1"),
    "labels short": (lambda: {"samples": X, "labels": Y[:5]}, "20 sample"),
    "labels alone": (lambda: {"labels": Y}, "without samples"),
    "labels of texts": (lambda: {"samples": X, "labels": np.array(["a"] * 20)}, "not a number"),
    "preprocess": (lambda: {"preprocess": {"dtype": "u8"}}, "not a Wire"),
    "two wires": (lambda: {"preprocess": (Wire(), Wire())}, "2 wire"),
    "example without batch": (lambda: {"example": torch.zeros(6)}, "(6,)"),
    "example unbatched image": (lambda: {"example": torch.zeros(1, 6, 6)}, ""),
    "example of integers": (lambda: {"example": torch.zeros(1, 1, 6, 6, dtype=torch.uint8)}, "uint8"),
    "example empty": (lambda: {"example": ()}, "empty"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused_before_anything_is_written(case, tmp_path):
    options, reason = REFUSED[case]
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(SparseCompError) as error:
        saved(folder, **options())
    assert reason in error.value.message and error.value.hint and "\n" not in str(error.value)
    assert error.value.exit_code in (1, 2)
    assert list(folder.iterdir()) == []


def test_regression_targets_are_floats(tmp_path):
    targets = X.reshape(20, 36)[:, :3]
    assert saved(tmp_path, samples=X, labels=targets).labels.dtype == np.float32


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.pt"
    path.write_bytes(b"old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ToolError, match="No space left"):
        sparsecomp.save(network(), path, torch.zeros(1, 1, 6, 6))
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_a_missing_folder_is_a_tool_error(tmp_path):
    with pytest.raises(ToolError, match="cannot write 'model.pt'"):
        sparsecomp.save(network(), tmp_path / "nowhere" / "model.pt", torch.zeros(1, 1, 6, 6))

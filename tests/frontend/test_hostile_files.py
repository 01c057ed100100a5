"""Zip tricks, pickles with something planted in them, and files that are no model."""

import io
import pickle
import warnings
import zipfile

import numpy as np
import pytest

import sparsecomp
from sparsecomp.errors import InputError
from sparsecomp.frontend.capture import pack


def raw_zip(path, entries, compression=zipfile.ZIP_STORED):
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", compression) as file:
        warnings.simplefilter("ignore")  # zipfile warns of a name that comes twice
        for name, data in entries:
            file.writestr(name, data)
    return path


def entries_of(model):
    with zipfile.ZipFile(model) as file:
        return [(name, file.read(name)) for name in file.namelist()]


@pytest.mark.parametrize("twin", ["model/models/model.json", "model/Models/Model.json", "model/MODELS/model.json"])
def test_a_member_twice_in_any_case(model, tmp_path, twin, refused):
    refused(raw_zip(tmp_path / "m.pt", [*entries_of(model), (twin, b"{}")]), "twice")


@pytest.mark.parametrize(
    "name",
    ["other/x", "model/../x", "/model/x", "model/a\\b", "model", "model//x", "model/extra/\u202egnp", "model/x/"],
)
def test_strange_member_names(model, tmp_path, name, refused):
    refused(raw_zip(tmp_path / "m.pt", [*entries_of(model), (name, b"")]), "")


def test_zip_bombs(model, tmp_path, monkeypatch, refused):
    good = entries_of(model)
    bomb = ("model/extra/zeros", bytes(10 << 20))
    refused(raw_zip(tmp_path / "ratio.pt", [*good, bomb], zipfile.ZIP_DEFLATED), "zip bomb")
    refused(raw_zip(tmp_path / "many.pt", [*good, *((f"model/extra/{i}", b"") for i in range(10_001))]), "members")
    monkeypatch.setattr("sparsecomp.frontend.container.MAX_TOTAL", 1 << 20)
    refused(raw_zip(tmp_path / "total.pt", [*good, bomb]), "unpacks to more")
    monkeypatch.setattr("sparsecomp.frontend.loading.MAX_FILE", 1 << 20)
    refused(tmp_path / "total.pt", "larger than")


def test_a_size_that_lies(model, tmp_path):
    """The directory promises another size than the member has."""
    data = bytearray(model.read_bytes())
    start = data.rfind(b"PK\x01\x02")
    name = data[start + 46 : start + 60]
    data[start + 24 : start + 28] = (1 << 20).to_bytes(4, "little")
    path = tmp_path / "m.pt"
    path.write_bytes(data)
    assert name
    with pytest.raises(InputError):
        sparsecomp.load(path)


def test_pickles_are_not_run(marker, tmp_path, refused, bomb, torch_zip):
    path = tmp_path / "model.pt"
    for data in (torch_zip(bomb(marker)), torch_zip({"state_dict": bomb(marker)}), torch_zip([1, bomb(marker)])):
        path.write_bytes(data)
        error = refused(path, "__builtin__.eval", arch="net.py:Net", input_shape=(1, 2))
        assert "sparsecomp.save(model, 'model.pt', example_input)" in error.hint and "--trust-pickle" in error.hint
    path.write_bytes(pickle.dumps(bomb(marker)))
    refused(path, "bare pickle")
    # A name that is put together while unpickling is as good as unknown.
    path.write_bytes(torch_zip(None).replace(pickle.dumps(None, 2), b"\x80\x04\x8c\x02os\x8c\x06system\x93."))
    refused(path, "")


def test_protocol_four_names_are_unknown(marker, tmp_path, refused, bomb):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(bomb(marker), protocol=4))
    path = tmp_path / "model.pt"
    path.write_bytes(buffer.getvalue())
    refused(path, "<computed>")


def test_hooked_module_runs_nothing(marker, tmp_path, refused):
    """A pickle of allowed layers only, with hooks and attributes planted in them."""
    import torch
    from torch import nn

    def attempt(change, reason):
        network = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Dropout(0.5))
        change(network)
        torch.save(network, tmp_path / "model.pt")
        refused(tmp_path / "model.pt", reason, input_shape=(4,))

    attempt(lambda n: n[0].register_forward_hook(Touch(marker)), "Touch")
    # Hooks made of allowed classes: the restricted unpickler itself lets them through.
    attempt(lambda n: n[0]._forward_hooks.update({0: nn.ReLU}), "hooks")
    attempt(lambda n: n[1]._forward_pre_hooks.update({0: nn.Linear}), "hooks")
    attempt(lambda n: n._forward_hooks.update({0: nn.Linear}), "hooks")
    attempt(lambda n: setattr(n[1], "forward", nn.Linear), "unknown attribute 'forward'")
    attempt(lambda n: n[1].__dict__.update({"__call__": nn.Linear}), "unknown attribute '__call__'")
    attempt(lambda n: n[1].add_module("inner", nn.ReLU()), "layers of its own")
    attempt(lambda n: setattr(n[2], "p", nn.Linear), "strange 'p'")
    attempt(lambda n: n[2].__dict__.update(p=[0.5] * 9), "strange 'p'")
    attempt(lambda n: n[0].__dict__.update(in_features=1 << 40), "does not fit")
    attempt(lambda n: n[0].register_buffer("more", torch.zeros(1)), "tensors of its kind")
    attempt(lambda n: n.register_buffer("more", torch.zeros(1)), "tensors of its own")


class Touch:
    """A forward hook that leaves a marker."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __call__(self, *_):
        open(self.marker, "w").close()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x00" * 100, "neither"),
        (b"hello", "neither"),
        (b"\x80", "neither"),
        (b"PK\x03\x04", "damaged or truncated"),
        (b"\x89HDF\r\n\x1a\n", "Keras"),
        (b"    TFL3    ", "TensorFlow Lite"),
        (b"", "empty"),
        ((40).to_bytes(8, "little") + b'{"x": 1', "neither"),
    ],
)
def test_other_files(data, reason, tmp_path, refused):
    path = tmp_path / "model.pt"
    path.write_bytes(data)
    refused(path, reason)


def test_other_zips(tmp_path, refused):
    path = tmp_path / "model.pt"
    np.savez(path.open("wb"), x=np.zeros(3))
    refused(path, "")
    path.write_bytes(pack({"hello.txt": b"x"}))
    refused(path, "not one of PyTorch's")
    path.write_bytes(pack({"serialized_exported_program.json": b"{}"}))
    refused(path, "older torch")
    path.write_bytes(pack({"code/x.py": b"", "data.pkl": b"", "constants.pkl": b""}))
    refused(path, "TorchScript")
    refused(tmp_path / "nowhere.pt", "no file 'nowhere.pt'")
    refused(tmp_path, "cannot read")

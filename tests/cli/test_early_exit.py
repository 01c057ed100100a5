"""``sparsecomp early-exit``: from a saved model to one with exits, and nothing left where it fails."""

import json

import numpy as np
import pytest
import torch
from torch import nn

import sparsecomp
from sparsecomp.wire import Wire

SCALE = 1 / 255


def spots(count, seed):
    """Bytes (N, 1, 10, 10) with a bright spot whose place tells the class, and the classes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, count)
    x = rng.integers(0, 120, (count, 1, 10, 10))
    for image, label in zip(x, y, strict=True):
        image[0, 3 * label : 3 * label + 3, 3 * label : 3 * label + 3] += 100
    return x.astype(np.uint8), y


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A trained model.pt that takes bytes, and labelled data."""
    folder = tmp_path_factory.mktemp("files")
    torch.set_num_threads(1)
    torch.manual_seed(4)
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(24, 3)
    )
    (x, y), (test_x, test_y) = spots(150, 0), spots(40, 1)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(torch.from_numpy(x) * SCALE), torch.from_numpy(y)).backward()
        optimizer.step()
    given = {"calibration": x[:32], "preprocess": Wire("u8", SCALE), "samples": test_x, "labels": test_y}
    sparsecomp.save(network.eval(), folder / "model.pt", torch.zeros(1, 1, 10, 10), **given)
    np.savez(folder / "data.npz", x=x, y=y)
    return folder


@pytest.fixture
def run(cli, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words, model=folder / "model.pt"):
        return cli("early-exit", model, "--data", folder / "data.npz", "--head-bytes", 300, *words)

    return run


def test_a_model_gets_the_exits_that_are_named_and_keeps_its_data(run, folder, tmp_path):
    names = [node.name for node in sparsecomp.load(folder / "model.pt").graph.nodes]
    result = run("--exits", f"{names[2]}, {names[4]}", "--kind", "gnet", "-o", "out.pt")
    assert result.code == 0, result.err
    before, loaded = sparsecomp.load(folder / "model.pt"), sparsecomp.load(tmp_path / "out.pt")
    assert [e.name for e in loaded.exits] == [names[2], names[4], "full"]
    assert loaded.wires == before.wires and len(loaded.graph.outputs) == 3
    for ours, theirs in ((loaded.samples[0], before.samples[0]), (loaded.calibration[0], before.calibration[0])):
        np.testing.assert_array_equal(ours, theirs)
    assert loaded.provenance["exits"] == "gnet" and loaded.provenance["head_bytes"] <= 300
    assert "gnet: maps pooled" in result.out


def test_exits_are_chosen_and_json_is_one_document(run, tmp_path):
    result = run("--json")
    document = json.loads(result.out)
    assert document["report"] == "early exit" and document["head_bytes"] <= 300
    assert (tmp_path / "model-exits.pt").exists()
    again = run("--json", "-o", "again.pt")
    assert json.loads(again.out) == document
    assert (tmp_path / "again.pt").read_bytes() == (tmp_path / "model-exits.pt").read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--exits", "conv9"], 2, "no module 'conv9'"),
        (["--head-bytes", "5"], 3, "no head for"),
        (["-o", "missing/out.pt"], 2, "no folder"),
        (["-o", "/proc/out.pt"], 2, "no folder"),
        (["--exits", ", "], 2, "names no layer"),
        (["--kind", "tree"], 2, "'tree' is not one of"),
    ],
)
def test_what_cannot_be_leaves_no_file(run, tmp_path, words, code, message):
    result = run(*words)
    assert result.code == code and message in result.out + result.err
    assert not list(tmp_path.iterdir())


def test_exits_are_added_once(run, tmp_path):
    assert run("-o", "out.pt").code == 0
    result = run(model=tmp_path / "out.pt")
    assert result.code == 2 and "exit(s)" in result.out + result.err


def test_data_of_another_range_are_noted(run, folder, tmp_path):
    (result,) = [run("--exits", "max_pool1", "-o", "out.pt")]
    assert "preprocessed" not in result.out
    network = nn.Sequential(nn.Flatten(), nn.Linear(100, 8), nn.ReLU(), nn.Linear(8, 3))
    given = {"calibration": np.random.default_rng(0).random((32, 1, 10, 10), np.float32)}
    sparsecomp.save(network.eval(), tmp_path / "floats.pt", torch.zeros(1, 1, 10, 10), **given)
    result = run("--exits", "relu1", "-o", "out.pt", model=tmp_path / "floats.pt")
    assert result.code == 0 and "are both preprocessed in the same way?" in result.out

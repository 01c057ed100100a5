"""``sparsecomp compress``: from a saved model to a smaller one that deploys, and nothing left where it fails."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import sparsecomp
from sparsecomp.wire import Wire

QUICK = ("--steps", 2, "--epochs", 1, "--finetune", 1)
SCALE = 1 / 255


def spots(count, seed):
    """Bytes (N, 1, 8, 8) with a bright spot whose place tells the class, and the classes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, count)
    x = rng.integers(0, 80, (count, 1, 8, 8))
    for image, label in zip(x, y, strict=True):
        image[0, 2 * label : 2 * label + 3, 2 * label : 2 * label + 3] += 150
    return x.astype(np.uint8), y


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with a trained model.pt that takes bytes, one that takes floats, and labelled data for both."""
    folder = tmp_path_factory.mktemp("files")
    torch.set_num_threads(1)
    torch.manual_seed(4)
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(36, 12),
        nn.LeakyReLU(),
        nn.Linear(12, 3),
    )
    (x, y), (test_x, test_y) = spots(96, 0), spots(40, 1)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(torch.from_numpy(x) * SCALE), torch.from_numpy(y)).backward()
        optimizer.step()
    network.eval()
    example = torch.zeros(1, 1, 8, 8)
    kept = {"samples": test_x, "labels": test_y}
    wire = Wire("u8", SCALE)
    sparsecomp.save(network, folder / "model.pt", example, calibration=x[:32], preprocess=wire, **kept)
    np.savez(folder / "data.npz", x=x, y=y)
    floats = {"calibration": x[:32] * np.float32(SCALE), "samples": test_x * np.float32(SCALE), "labels": test_y}
    sparsecomp.save(network, folder / "floats.pt", example, **floats)
    np.savez(folder / "floats.npz", x=x * np.float32(SCALE), y=y)
    torch.save(network.state_dict(), folder / "state.pt")
    return folder


@pytest.fixture
def compress(cli, files, tmp_path, monkeypatch):
    """Runs the verb in an empty folder, quickly."""
    monkeypatch.chdir(tmp_path)

    def run(*words, model="model.pt", data="data.npz"):
        return cli("compress", files / model, "--data", files / data, *QUICK, *words)

    return run


def constants(path, folder):
    return sparsecomp.convert(path, folder).plan.constant_bytes


@pytest.mark.parametrize(("model", "data"), [("model.pt", "data.npz"), ("floats.pt", "floats.npz")])
def test_the_smaller_model_deploys_as_it_is(compress, cli, files, tmp_path, model, data):
    before = (files / model).read_bytes()
    result = compress("--target-kb", 0.3, "-o", "small.pt", model=model, data=data)
    assert result.code == 0, result.out + result.err
    assert any(line.startswith("PASS") for line in result.out.splitlines())
    assert [path.name for path in tmp_path.iterdir()] == ["small.pt"] and (files / model).read_bytes() == before
    deployed = cli("deploy", "--board", "host", "small.pt", "-o", tmp_path / "project", "--failures", 5)
    assert deployed.code == 0, deployed.out + deployed.err
    assert constants(tmp_path / "small.pt", tmp_path / "again") <= 300


def test_the_smaller_model_carries_wire_calibration_and_samples(compress, files, tmp_path):
    assert compress("--target-kb", 0.3, "-o", "small.pt").code == 0
    before, after = (sparsecomp.load(path) for path in (files / "model.pt", tmp_path / "small.pt"))
    assert after.wires == before.wires
    assert all(np.array_equal(a, b) for a, b in zip(after.samples, before.samples, strict=True))
    assert np.array_equal(after.labels, before.labels)
    assert after.calibration is not None and after.calibration[0].dtype == np.uint8
    assert after.provenance


def test_the_same_command_writes_the_same_file(compress, tmp_path):
    contents = []
    for name, seed in (("a.pt", 3), ("b.pt", 3), ("c.pt", 4)):
        assert compress("--target-kb", 0.3, "--seed", seed, "-o", name).code == 0
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1] != contents[2]


def test_the_default_name_stands_in_this_folder(compress, tmp_path):
    assert compress("--target-kb", 0.3).code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["model-small.pt"]


def test_json_is_one_document(compress, tmp_path):
    result = compress("--target-kb", 0.3, "-o", "small.pt", "--json")
    assert result.code == 0, result.err
    document = json.loads(result.out)
    assert document["report"] and document["version"] == 1
    assert document["nbytes"] == constants(tmp_path / "small.pt", tmp_path / "project") <= 300
    assert len(document["layers"]) == 3 and document["history"] and document["test"] is not None


def test_sparsity_and_factorize(compress, tmp_path):
    result = compress("--sparsity", 0.8, "-o", "small.pt", "--factorize", "--json")
    assert result.code == 0, result.err
    document = json.loads(result.out)
    assert document["unit"] == "non-zero weights" and document["size"] <= document["target"]
    weights = [w for w in sparsecomp.load(tmp_path / "small.pt").graph.params.values() if w.ndim > 1]
    assert sum(int(np.count_nonzero(w)) for w in weights) == document["size"]


def test_board_with_room_to_spare(compress, tmp_path):
    result = compress("--board", "msp430fr5994", "--spare", 0.5, "-o", "small.pt", "--json")
    assert result.code == 0, result.err
    plan = sparsecomp.analyze(tmp_path / "small.pt", board="msp430fr5994").fits[0].plan
    assert plan.fram_bytes <= 0.5 * plan.fram_capacity


def test_a_state_dict_with_its_architecture(compress, files, tmp_path):
    (tmp_path / "net.py").write_text(
        "from torch import nn\n\ndef build():\n"
        "    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 12),\n"
        "                         nn.LeakyReLU(), nn.Linear(12, 3))\n"
    )
    words = ("--arch", f"{tmp_path / 'net.py'}:build", "--calibrate", files / "floats.npz")
    result = compress("--target-kb", 0.3, "-o", "small.pt", *words, model="state.pt", data="floats.npz")
    assert result.code == 0, result.err
    assert constants(tmp_path / "small.pt", tmp_path / "project") <= 300


def test_history_is_written(compress, tmp_path):
    result = compress("--target-kb", 0.3, "-o", "small.pt", "--history", "kept", "--json")
    assert result.code == 0, result.err
    history = json.loads((tmp_path / "kept" / "history.json").read_text())
    assert history["history"] == json.loads(result.out)["history"]
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return
    (picture,) = (tmp_path / "kept").glob("*.png")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_history_without_matplotlib(compress, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in [name for name in sys.modules if name.startswith("matplotlib.")]:
        monkeypatch.setitem(sys.modules, name, None)
    result = compress("--target-kb", 0.3, "-o", "small.pt", "--history", "kept")
    assert result.code == 0, result.err
    assert (tmp_path / "kept" / "history.json").is_file() and not list((tmp_path / "kept").glob("*.png"))


def test_resume_goes_on_from_the_history_folder(compress, tmp_path):
    first = compress("--target-kb", 0.3, "-o", "a.pt", "--history", "kept", "--json")
    again = compress("--target-kb", 0.3, "-o", "b.pt", "--history", "kept", "--resume", "--json")
    assert first.code == again.code == 0, again.err
    assert json.loads(first.out) == json.loads(again.out)
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()


def test_resume_refuses_the_steps_of_another_run(compress, tmp_path):
    assert compress("--target-kb", 0.3, "-o", "a.pt", "--history", "kept").code == 0
    result = compress("--target-kb", 0.2, "-o", "b.pt", "--history", "kept", "--resume")
    result.refused(2, "checkpoint")
    assert not (tmp_path / "b.pt").exists()


def test_an_accuracy_limit_that_comes_first_ends_with_3(compress, tmp_path):
    result = compress("--target-kb", 0.04, "--max-drop", 0.02, "-o", "small.pt", "--json")
    assert result.code == 3, result.err
    document = json.loads(result.out)
    assert not document["met"] and document["validation"] >= document["validation_before"] - 0.02
    if (tmp_path / "small.pt").exists():
        assert constants(tmp_path / "small.pt", tmp_path / "project") == document["nbytes"]


@pytest.fixture
def refused(compress, tmp_path):
    """Asserts that the verb fails, says so in two lines, and leaves nothing behind."""

    def run(code, *words, needles=(), **files):
        before = set(tmp_path.iterdir())
        result = compress(*words, "-o", "small.pt", **files)
        result.refused(code, *needles)
        assert "Traceback" not in result.out and "unexpected" not in result.err
        assert set(tmp_path.iterdir()) == before
        return result

    return run


@pytest.mark.parametrize(
    "words",
    [
        (), ("--target-kb", 1, "--sparsity", 0.5), ("--target-kb", 1, "--board", "msp430fr5994"), ("--target-kb", 0),
        ("--target-kb", -1), ("--target-kb", "nan"), ("--sparsity", 1.5), ("--sparsity", -0.1), ("--sparsity", "nan"),
        ("--board", "msp430fr594"), ("--board", "host"), ("--board", "msp430fr5994", "--spare", 1),
        ("--target-kb", 0.3, "--max-drop", -1), ("--target-kb", 0.3, "--device", "none"),
        ("--target-kb", 0.3, "--resume"),
    ],
    ids=lambda words: " ".join(map(str, words)) or "none",
)  # fmt: skip
def test_wrong_targets(refused, words):
    refused(2, *words)


def test_unreachable_target(refused):
    result = refused(3, "--target-kb", 0.01, needles=("10",))
    assert "ask for" in result.err.splitlines()[-1]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_device_that_is_not_there(refused):
    refused(2, "--target-kb", 0.3, "--device", "cuda", needles=("cuda",))


def test_data_that_is_not_there(refused):
    refused(2, "--target-kb", 0.3, data="gone.npz", needles=("gone.npz",))


def test_data_option_is_required(cli, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = cli("compress", files / "model.pt", "--target-kb", 0.3)
    assert result.code == 2 and "--data" in result.err and list(tmp_path.iterdir()) == []


X, Y = spots(48, 5)
WRONG = {
    "no labels": ({"x": X}, ("label",)),
    "labels too large": ({"x": X, "y": Y + 1}, ("3",)),
    "labels below zero": ({"x": X, "y": Y - 1}, ("-1",)),
    "labels too few": ({"x": X, "y": Y[:-1]}, ("47",)),
    "wrong shape": ({"x": X[:, :, :7], "y": Y}, ("(1, 7, 8)", "(1, 8, 8)")),
    "wrong type": ({"x": X.astype(np.float32) / 255, "y": Y}, ("u8",)),
    "no samples": ({"x": X[:0], "y": Y[:0]}, ()),
    "one sample": ({"x": X[:1], "y": Y[:1]}, ()),
    "no arrays": ({}, ()),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_data(refused, tmp_path, kind):
    arrays, needles = WRONG[kind]
    np.savez(tmp_path / "wrong.npz", **arrays)
    refused(2, "--target-kb", 0.3, data=tmp_path / "wrong.npz", needles=needles)


def test_data_that_is_no_npz(refused, tmp_path):
    (tmp_path / "wrong.npz").write_text("x,y")
    refused(2, "--target-kb", 0.3, data=tmp_path / "wrong.npz", needles=("wrong.npz",))


def test_data_without_numbers(refused, tmp_path):
    x = X.astype(np.float32) * np.float32("nan")
    np.savez(tmp_path / "wrong.npz", x=x, y=Y)
    refused(2, "--target-kb", 0.3, model="floats.pt", data=tmp_path / "wrong.npz")


def test_model_that_is_not_there(refused):
    refused(2, "--target-kb", 0.3, model="gone.pt", needles=("gone.pt",))


@pytest.mark.parametrize("out", ["gone/small.pt", "file/small.pt", "folder"])
def test_output_that_cannot_be_written_is_refused_before_training(compress, tmp_path, out):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    before = set(tmp_path.rglob("*"))
    result = compress("--target-kb", 0.3, "-o", out)
    assert result.code in (2, 4) and "step 1" not in result.err
    result.refused(result.code, Path(out).parts[0])
    assert set(tmp_path.rglob("*")) == before


def test_history_that_is_a_file_is_refused_before_training(compress, tmp_path):
    (tmp_path / "file").write_text("mine")
    result = compress("--target-kb", 0.3, "--history", "file", "-o", "small.pt")
    assert result.code in (2, 4) and "step 1" not in result.err
    result.refused(result.code, "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_text() == "mine"


def test_an_output_that_is_there_stays_where_the_run_fails(compress, tmp_path):
    (tmp_path / "small.pt").write_text("mine")
    assert compress("--target-kb", 0.01, "-o", "small.pt").code == 3
    assert (tmp_path / "small.pt").read_text() == "mine"


def test_data_of_a_smaller_set_of_classes_is_enough(compress, tmp_path):
    keep = Y < 2
    np.savez(tmp_path / "two.npz", x=X[keep], y=Y[keep])
    assert compress("--target-kb", 0.3, "-o", "small.pt", data=tmp_path / "two.npz").code == 0

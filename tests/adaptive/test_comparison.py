"""``sparsecomp simulate --trace``: lines, JSON, pictures and refusals."""

import json

import numpy as np
import pytest
from toolchain import require_msp430

from sparsecomp.cli import main


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A saved network with one exit for images (1, 8, 8) and three classes."""
    torch = pytest.importorskip("torch")
    from torch import nn

    import sparsecomp
    from sparsecomp.early_exit import EarlyExitNetwork, GlobalHead

    torch.manual_seed(3)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 3))
    network = EarlyExitNetwork(network, ["2"], GlobalHead([(2, 3, 3)], 3, pooled=1)).eval()
    images = np.random.default_rng(3).random((12, 1, 8, 8), dtype=np.float32)
    with torch.no_grad():
        labels = network(torch.from_numpy(images))[-1].argmax(1).numpy()
    path = tmp_path_factory.mktemp("archive") / "model.pt"
    sparsecomp.save(network, path, torch.zeros(1, 1, 8, 8), calibration=images, samples=images, labels=labels)
    return path


@pytest.fixture
def simulate(archive, capsys):
    """Runs the verb in this process: (exit code, standard output, standard error)."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main(["simulate", str(archive), *map(str, words)], prog_name="sparsecomp")
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


SHORT = ("--seconds", 20, "--period", 2, "--capacitor", "10uF")


def test_policies_are_compared_and_checked_on_the_virtual_board(simulate, tmp_path):
    require_msp430()
    pytest.importorskip("matplotlib")
    policies = ["full", "fixed:0", "adaptive:0.7:2"]
    words = [word for text in policies for word in ("--policy", text)]
    code, out, _ = simulate("--trace", "300uW", *words, *SHORT, "--check", "--plots", tmp_path / "plots")
    assert code == 0
    assert "PASS the virtual board gives the same answers in 3 runs" in out and "simulated" in out.splitlines()[0]
    assert [line.split()[0] for line in out.splitlines()[3:6]] == policies
    for name in ("policies.png", "exits.png"):
        assert (tmp_path / "plots" / name).read_bytes().startswith(b"\x89PNG")


def test_json_has_a_row_a_policy(simulate, tmp_path):
    require_msp430()
    trace = tmp_path / "walk.csv"
    trace.write_text("ms uW\n0 50\n1000 900\n")
    code, out, _ = simulate("--trace", trace, *SHORT, "--json")
    found = json.loads(out)
    assert code == 0 and (found["report"], found["version"], found["simulated"]) == ("exit policies", 1, True)
    assert [row["policy"] for row in found["rows"]] == ["full", "fixed:0", "adaptive:0.9"]
    assert found["mean_uW"] == pytest.approx(475.0) and found["checked"] == 0
    for row in found["rows"]:
        assert 0 <= row["share"] <= row["answered"] <= 1 and row["mJ"] > 0
        assert sum(row["exits"]) + sum(row["missed"].values()) == found["events"]
    full, first, _ = found["rows"]
    assert full["exits"][0] == 0 and first["exits"][1] == 0 and first["mJ"] < full["mJ"]
    assert json.loads(simulate("--trace", trace, *SHORT, "--json")[1]) == found


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--policy", "full", "--policy", "fixed:0"), "add --trace"),
        (("--check",), "add --trace"),
        (("--plots", "here"), "add --trace"),
        (("--capacitor", "10uF"), "--capacitor belongs to a comparison"),
        (("--seconds", "5"), "add --trace"),
        (("--trace", "100uW", "--seconds", "nan"), "nan is no number"),
        (("--trace", "100uW", "--deadline", "inf"), "inf is no number"),
        (("--trace", "100uW", "--seconds", "0.1", "--period", "100"), "no event comes within 0.1 s"),
        (("--trace", "100uW", "--plots", "volts.csv"), "cannot be a folder"),
        (("--trace", "100uW", "--policy", ""), "unknown exit policy"),
        (("--trace", "volts.csv"), "gives volts"),
        (("--trace", "wind"), "no supply 'wind'"),
        (("--trace", "100uW", "--policy", "fast"), "unknown exit policy"),
        (("--trace", "100uW", "--board", "host"), "--board msp430fr5994"),
        (("--trace", "100uW", "--capacitor", "0uF"), "capacitor"),
        (("--trace", "100uW", "--junit", "out.xml"), "--junit"),
        (("--trace", "100uW", "--policy", "adaptive:0.9", "--numeric", "float32"), "compares integers"),
    ],
)
def test_what_cannot_be_compared_is_refused(words, said, simulate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "volts.csv").write_text("ms volts\n0 2.5\n")
    code, _, err = simulate(*words)
    assert code == 2 and said in err and "Traceback" not in err
    error, hint = err.strip().splitlines()[-2:]
    assert error.startswith("error: ") and hint.startswith("hint: ")


def test_a_capacitor_that_pays_for_no_unit_is_refused(simulate):
    """Otherwise every event would be tried for an hour, in vain."""
    require_msp430()
    code, _, err = simulate("--trace", "100uW", "--seconds", 20, "--period", 2, "--capacitor", "0.1uF")
    assert code == 2 and "a start and the largest restart unit take" in err
    least = err.split("give --capacitor ")[1].split("uF")[0]
    assert simulate("--trace", "100uW", "--seconds", 20, "--period", 2, "--capacitor", f"{least}uF")[0] == 0


@pytest.mark.parametrize("labels", [np.eye(3)[[0, 1, 2, 0]], np.array([0.0, 1.0, 2.0, 0.5])])
def test_labels_that_are_no_classes_are_refused(labels, simulate, tmp_path):
    np.savez(tmp_path / "data.npz", x=np.zeros((4, 1, 8, 8), np.float32), y=labels)
    code, _, err = simulate("--trace", "100uW", "--data", tmp_path / "data.npz", *SHORT)
    assert code == 2 and "are no classes" in err

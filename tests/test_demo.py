"""The demo: within its size, learns, and writes a model.pt with everything that deploying needs."""

import numpy as np
import pytest

import sparsecomp
from sparsecomp import ops
from sparsecomp.datasets import load_fashion
from sparsecomp_tools.demo import network
from sparsecomp_tools.demo.__main__ import main


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo")
    with pytest.raises(SystemExit) as ended:
        main(["--out", str(out), "--epochs", "2"])
    assert not ended.value.code
    return sparsecomp.load(out / "model.pt")


def test_the_network_is_small_enough_for_a_simulated_target(saved):
    macs = sum(ops.macs(saved.graph, node) for node in saved.graph.nodes)
    assert 150_000 < macs <= 200_000


def test_the_file_holds_the_held_out_images_as_bytes(saved):
    _, _, x_test, y_test = load_fashion()
    assert saved.wires[0].dtype == "u8"
    assert np.array_equal(saved.samples[0][:, 0], x_test) and np.array_equal(saved.labels, y_test)
    assert saved.calibration[0].shape == (256, 1, 28, 28)


def test_the_same_seed_trains_the_same_network():
    x_train, y_train, x_test, y_test = load_fashion()
    first, second = (network.train(x_train[:2000], y_train[:2000], epochs=3, seed=5) for _ in range(2))
    for name, value in first.state_dict().items():
        assert np.array_equal(value.numpy(), second.state_dict()[name].numpy())
    assert network.accuracy(first, x_test, y_test) > 0.5

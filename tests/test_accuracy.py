"""What is measured on the user's data: metrics, labels of every kind, several inputs."""

import json

import numpy as np
import pytest
from small import Net, loaded, samples

import sparsecomp
from sparsecomp.errors import InputError
from sparsecomp.graph import Graph
from sparsecomp.ops import run_float

QUICK = {"failures": 10, "kills": 0}


def classifier():
    net = Net((1, 4, 4))
    return net.graph(net.linear(net.flatten(net.add("relu", net.conv("x", 3))), 4))


def two_inputs() -> Graph:
    net = Net((2, 5, 5), (6,))
    maps = net.flatten(net.conv("x0", 2))
    return net.graph(net.linear(net.add("concat", maps, net.add("tanh", "x1"), dim=0), 3))


def npz(path, **arrays):
    np.savez(path, **arrays)
    return path


@pytest.fixture
def data():
    return samples(classifier(), 30)[0]


def test_a_metric_of_the_users_own_gets_outputs_and_labels_of_every_level(data, tmp_path):
    seen = []

    def mean_error(outputs, labels):
        seen.append((outputs.shape, labels.shape))
        return -float(((outputs - labels) ** 2).mean())

    targets = np.zeros((30, 4), np.float32)
    model = loaded(classifier(), [data], targets)
    result = sparsecomp.deploy(model, tmp_path / "out", metric=mean_error, **QUICK)
    assert seen == [((30, 4), (30, 4))] * 3
    found = result.accuracy
    assert found.metric == "mean_error"
    assert found.reference == found.host_c
    assert found.float_network == pytest.approx(found.reference, rel=0.02)
    assert found.float_network < 0
    assert any("mean_error" in line for line in found.lines())
    assert json.loads((tmp_path / "out/report.json").read_text())["accuracy"]["metric"] == "mean_error"


def test_regression_targets_from_a_file_are_not_taken_for_classes(data, tmp_path):
    path = npz(tmp_path / "test.npz", x=data, y=np.linspace(0, 99, 30))

    def first_output(outputs, labels):
        assert labels.dtype.kind == "f" and labels.max() == 99
        return float(np.corrcoef(outputs[:, 0], labels)[0, 1])

    result = sparsecomp.deploy(loaded(classifier(), [data]), tmp_path / "out", data=path, metric=first_output, **QUICK)
    assert -1 <= result.accuracy.host_c <= 1


def test_top1_counts_right_answers_on_each_level(data, tmp_path):
    graph = classifier()
    model = loaded(graph, [data])
    labels = run_float(graph, [data])[graph.outputs[0]].argmax(axis=1)
    labels[:6] = (labels[:6] + 1) % 4
    result = sparsecomp.deploy(model, tmp_path / "out", data=npz(tmp_path / "t.npz", x=data, y=labels), **QUICK)
    assert result.accuracy.samples == 30
    assert result.accuracy.float_network == pytest.approx(24 / 30)
    assert result.accuracy.reference == result.accuracy.host_c
    assert abs(result.accuracy.reference - 24 / 30) <= 2 / 30


def test_without_labels_there_is_agreement_but_no_accuracy(data, tmp_path):
    result = sparsecomp.deploy(
        loaded(classifier(), [data]), tmp_path / "out", data=npz(tmp_path / "t.npz", x=data), **QUICK
    )
    found = result.accuracy
    assert found.float_network is found.reference is found.host_c is None
    assert 0.8 <= found.agreement <= 1 and found.output_sqnr_db > 20
    assert len(found.lines()) == 1


@pytest.mark.parametrize(
    "labels, message",
    [
        ([4] * 30, "go up to 4, but the model knows the classes 0 to 3"),
        ([-1] * 30, "not class numbers"),
        ([0] * 29, "30 samples but 29 labels"),
    ],
)
def test_labels_that_cannot_be_are_refused_before_anything_is_built(data, tmp_path, labels, message):
    path = npz(tmp_path / "test.npz", x=data, y=np.array(labels))
    with pytest.raises(InputError, match=message):
        sparsecomp.deploy(loaded(classifier(), [data]), tmp_path / "out", data=path, **QUICK)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"x": np.zeros((3, 1, 5, 5), np.float32)}, "the model takes"),
        ({"x0": np.zeros((3, 1, 4, 4), np.float32), "x1": np.zeros((3, 2), np.float32)}, "holds 2 input"),
        ({"x": np.full((3, 1, 4, 4), np.nan, np.float32)}, "NaN"),
        ({"z": np.zeros((3, 1, 4, 4), np.float32)}, "no array x"),
    ],
)
def test_data_that_cannot_be_are_refused(data, tmp_path, arrays, message):
    path = npz(tmp_path / "test.npz", **arrays)
    with pytest.raises(InputError, match=message):
        sparsecomp.deploy(loaded(classifier(), [data]), tmp_path / "out", data=path, **QUICK)
    with pytest.raises(InputError, match=message):
        sparsecomp.deploy(loaded(classifier(), [data]), tmp_path / "out", calibration=path, **QUICK)


def test_several_inputs_come_from_x0_and_x1(tmp_path):
    graph = two_inputs()
    first, second = samples(graph, 12, seed=4)
    labels = np.zeros(12, np.int64)
    path = npz(tmp_path / "test.npz", x0=first, x1=second, y=labels)
    result = sparsecomp.deploy(loaded(graph), tmp_path / "out", data=path, calibration=path, **QUICK)
    assert result.exit_code == 0
    assert result.accuracy.samples == 12 and result.accuracy.reference == result.accuracy.host_c
    assert result.plan.wire_words == 2 * 25 + 6
    with pytest.raises(InputError, match="pair them"):
        broken = npz(tmp_path / "broken.npz", x0=first, x1=second[:5], y=labels)
        sparsecomp.deploy(loaded(graph), tmp_path / "b", data=broken, **QUICK)


def test_float32_keeps_the_networks_own_numbers(data, tmp_path):
    result = sparsecomp.deploy(loaded(classifier(), [data]), tmp_path / "out", numeric="float32", **QUICK)
    assert result.accuracy.agreement == 1.0
    assert result.accuracy.output_sqnr_db > 100


def test_16_bit_weights_are_closer_than_8_bit_ones(data, tmp_path):
    quality = {
        weights: sparsecomp.deploy(
            loaded(classifier(), [data]), tmp_path / weights, weights=weights, **QUICK
        ).accuracy.output_sqnr_db
        for weights in ("int8", "int16")
    }
    assert quality["int16"] > quality["int8"] + 10

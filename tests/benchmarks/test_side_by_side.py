"""The benchmark of one network four ways: every program computes the right answer, and the report adds up."""

import json

import numpy as np
import pytest
from toolchain import require_msp430

from sparsecomp.errors import InputError, MismatchError
from sparsecomp_tools.benchmarks import plain_float, plain_integer, side_by_side
from sparsecomp_tools.benchmarks.random_networks import Sketch
from sparsecomp_tools.benchmarks.restart_networks import IMAGE, separable


def tiny():
    """A pooled convolution, one that is not, a linear layer."""
    net = Sketch((2, 8, 8), seed=1).conv(3, (3, 3)).relu().pool().conv(4, (2, 2), kept=0.4).relu()
    return net.linear(6, kept=0.3).relu().linear(3).network(IMAGE)


@pytest.fixture(scope="module")
def report():
    require_msp430()
    lines = []
    return side_by_side.compare(tiny(), "tiny", lines.append), lines


def test_the_report(report):
    found, lines = report
    assert json.loads(json.dumps(found))["simulated"] is True
    rows = found["programs"]
    assert len(lines) == len(rows) + 1 and all(row["fits"] for row in rows)
    cycles = [row["cycles"] for row in rows]
    assert cycles[0] > 20 * cycles[1] > 20 * cycles[2] > 20 * max(cycles[3:])
    assert all(row["times_faster_than_float"] == pytest.approx(cycles[0] / row["cycles"], abs=0.06) for row in rows)
    for row, text in zip(rows, lines[1:], strict=True):
        assert row["program"] in text and f"{row['cycles']:,}" in text
        assert row["code_bytes"] > 1000 and 50 < row["sram_bytes"] < 1000 and row["energy_uj"] > 1


def test_bytes_are_those_of_the_weights(report):
    by_name = {row["program"]: row for row in report[0]["programs"]}
    weights = 3 * 2 * 9 + 4 * 3 * 4 + 6 * 16 + 3 * 6
    floats = by_name["float32 C, onnx2c's style"]["constant_bytes"]
    assert 4 * (weights + 16) <= floats < 4 * (weights + 16) + 300  # a table of the compiler's float library
    dense = by_name["sparsecomp, dense"]["constant_bytes"]
    assert weights < dense < weights + 600  # scales, biases and the layers' parameters
    assert by_name["int16 C, gcc -O2"]["constant_bytes"] >= 2 * weights


def test_a_wrong_answer_is_an_error(monkeypatch):
    require_msp430()
    real = plain_float.float_source
    monkeypatch.setattr(side_by_side, "float_source", lambda *a: real(*a).replace("sum += ", "sum -= "))
    with pytest.raises(MismatchError, match="the float program's outputs are off by"):
        side_by_side.compare(tiny(), "tiny")


def test_other_layers_are_refused():
    network = separable()
    prepared = network.prepared()
    with pytest.raises(InputError, match="plain C"):
        plain_float.float_source(prepared.graph, network.wire, np.zeros(network.shape))
    with pytest.raises(InputError, match="plain C"):
        plain_integer.integer_source(prepared.program, np.zeros(384, np.int16))

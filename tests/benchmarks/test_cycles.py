"""The benchmarks of cycles and memory on the smallest of their networks: right answers, and estimates that hold."""

import json

from click.testing import CliRunner
from toolchain import require_msp430

from sparsecomp_tools.benchmarks import kernels, memory


def test_layers_and_a_network(tmp_path):
    require_msp430()
    done = CliRunner().invoke(kernels.main, ["--quick", "--out", str(tmp_path / "kernels.json")])
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "kernels.json").read_text())
    assert all(row["cycles_a_product"] <= 15 and abs(row["estimate"] - 1) < 0.03 for row in found["layers"])
    assert all(row["cycles_a_product"] <= 12 for row in found["inner"])
    (network,) = found["networks"]
    assert network["times_faster"] > 2 and network["at_16_mhz"] < 1.25 and network["of_bound"] < 1
    assert abs(network["estimate"] - 1) < 0.03 and abs(network["energy_estimate"] - 1) < 0.05


def test_memory_of_a_network(tmp_path):
    require_msp430()
    done = CliRunner().invoke(memory.main, ["--quick", "--out", str(tmp_path / "memory.json")])
    assert done.exit_code == 0, done.output
    (row,) = json.loads((tmp_path / "memory.json").read_text())["networks"]
    assert row["times_less"] >= 3 and row["cycles_ratio"] < 1.1

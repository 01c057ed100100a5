"""Every kernel's extreme values: sanitized C on this computer and MSP430 code equal the integer reference."""

import bench
import elementwise_vectors  # noqa: F401 (registers)
import mac_vectors  # noqa: F401
import pytest
import window_vectors  # noqa: F401
from toolchain import require_msp430
from values import VECTORS

from sparsecomp_tools.msim import check_msim, compare


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Program, input and generated directory of a named set of vectors, made once."""
    made = {}

    def get(name):
        if name not in made:
            built = VECTORS[name]()
            program = built.program()
            directory = bench.write_project(program, built.values, tmp_path_factory.mktemp(name) / "project")
            made[name] = (program, built.values, directory)
        return made[name]

    return get


@pytest.mark.parametrize("name", VECTORS)
def test_on_this_computer(project, name, tmp_path):
    program, wire, directory = project(name)
    found = bench.infer_host(directory, program, wire, tmp_path / "program")
    assert compare(program, wire, found, "host C") > len(program.steps)


@pytest.mark.parametrize("name", [n for n in VECTORS if n.startswith("mac_") and not n.endswith("values")])
def test_a_call_may_start_at_every_item(name, tmp_path):
    built = VECTORS[name]()
    program = built.program()
    directory = bench.write_project(program, built.values, tmp_path / "project", items=1)
    found = bench.infer_host(directory, program, built.values, tmp_path / "program")
    assert compare(program, built.values, found, "host C") > len(program.steps)


@pytest.mark.parametrize("model", ["small", "large"])
@pytest.mark.parametrize("name", VECTORS)
def test_in_the_msp430_simulator(project, name, model):
    require_msp430()
    program, wire, directory = project(name)
    assert check_msim(directory, program, wire, model=model) > len(program.steps)


@pytest.mark.parametrize("items", [1, 7])
@pytest.mark.parametrize("name", VECTORS)
def test_walks_on_the_simulated_device(project, name, items, tmp_path):
    require_msp430()
    program, wire, _ = project(name)
    found = bench.infer_board(program, wire, tmp_path, items, bench.board_without_line())
    assert compare(program, wire, found, "assembly") > len(program.steps)

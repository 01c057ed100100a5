"""Tensors that only the large model can hold: indices beyond 32,767 and tables beyond 64 KB."""

import bench
import big_vectors
import pytest
from toolchain import require_msp430

from sparsecomp_tools.msim import check_msim, compare

ITEMS = {"elements": 999, "tables": 1}  # of a restart unit


@pytest.fixture(scope="module", params=big_vectors.BIG)
def project(request, tmp_path_factory):
    built = big_vectors.BIG[request.param]()
    program = built.program()
    directory = bench.write_project(
        program, built.values, tmp_path_factory.mktemp("big") / "project", items=ITEMS[request.param]
    )
    return program, built.values, directory


def test_on_this_computer(project, tmp_path):
    program, wire, directory = project
    found = bench.infer_host(directory, program, wire, tmp_path / "program")
    assert compare(program, wire, found, "host C") >= big_vectors.ELEMENTS


def test_in_the_large_model(project):
    require_msp430()
    program, wire, directory = project
    assert check_msim(directory, program, wire, model="large") >= big_vectors.ELEMENTS

"""Whole networks as MSP430 code: every layer equals the reference bit by bit, in both memory models."""

import networks
import pytest
from toolchain import require_msp430

from sparsecomp.boards import list_boards
from sparsecomp.build import built
from sparsecomp.plan.units import inference_writes, step_writes
from sparsecomp_tools.msim import check_msim


@pytest.fixture(scope="module", params=networks.SMALL)
def small(request, tmp_path_factory):
    return networks.generate(networks.SMALL[request.param](), tmp_path_factory.mktemp(request.param) / "project")


def test_the_networks_are_large_enough_to_prove_something(small):
    steps, units = small.program.steps, small.plan.units
    assert sum(step.kernel in ("mac", "add", "max_pool", "avg_pool") for step in steps) >= 3
    assert sum(unit.count for unit in units if unit.writes >= 4) >= 30
    assert inference_writes(small.plan) >= 600
    assert sum(step_writes(small.program, step) for step in steps) >= 600 - small.plan.unit_count


def test_their_forms():
    kernels = {}
    for name, build in networks.SMALL.items():
        kernels[name] = {node.op for node in build().graph.nodes}
        depthwise = any(node.op == "conv" and node.attrs["groups"] > 1 for node in build().graph.nodes)
        assert depthwise == (name == "branching")
    assert "add" in kernels["residual"] and "concat" in kernels["branching"]
    assert not {"add", "concat"} & kernels["chain"]


def every_word(project):
    """Words of all tensors that steps write, and of the outputs, of both inputs."""
    program = project.program
    tensors = {step.output: program.tensors[step.output].stored for step in program.steps}
    return len(project.words) * (sum(tensors.values()) + sum(words.size for words in project.answers[0]))


@pytest.mark.parametrize("model", ["small", "large"])
def test_small_networks(small, model):
    require_msp430()
    assert check_msim(small.directory, small.program, small.wire, model=model) == every_word(small)


def test_the_demo_network_in_the_large_model(tmp_path):
    require_msp430()
    project = networks.generate(networks.demo(), tmp_path / "project")
    assert 100_000 < sum(step.macs for step in project.program.steps) <= 200_000
    assert check_msim(project.directory, project.program, project.wire, model="large") == every_word(project)


def test_a_project_for_a_board_and_each_encoding(tmp_path):
    require_msp430()
    for name, options in {
        "board": {"board": "msp430fr5994"},
        "dense": {"encoding": "dense"},
        "csr": {"encoding": "csr"},
        "bitmap": {"encoding": "bitmap"},
    }.items():
        project = networks.generate(networks.chain(), tmp_path / name, count=1, **options)
        assert check_msim(project.directory, project.program, project.wire) == every_word(project)


def test_a_float_network_in_the_small_model(tmp_path):
    require_msp430()
    project = networks.generate(networks.chain(), tmp_path / "project", count=1, numeric="float32")
    compared = check_msim(project.directory, project.program, project.wire, model="small")
    # An element is two words; the answers are counted in words already.
    assert compared == 2 * every_word(project) - project.answers[0][0].size


@pytest.mark.parametrize("board", [name for name in list_boards() if name != "host"])
def test_a_board_s_own_makefile_builds_the_library(tmp_path, board):
    require_msp430()
    project = networks.generate(networks.residual(), tmp_path / "project", count=1, board=board)
    with built(project.directory, project.plan.board) as copy:
        assert (copy / "build" / "libmodel.a").stat().st_size > 1000

"""A block in bands with a lifted map: built, compared on the host and on the virtual board, failed everywhere."""

import json
from dataclasses import replace
from random import Random

import networks
import numpy as np
import pytest
from networks import IMAGE, Network
from parts import in_parts
from small import Net, loaded
from toolchain import require_msp430

from sparsecomp.bands import in_bands, lifted
from sparsecomp.boards import load_board
from sparsecomp.build import built, selftest
from sparsecomp.errors import ConversionError, DoesNotFitError, MismatchError
from sparsecomp.linked import check_linked
from sparsecomp.on_board import Bench
from sparsecomp.pipeline import deploy
from sparsecomp.plan.check import check
from sparsecomp.plan.planner import make_plan
from sparsecomp.prepare import Request, prepare
from sparsecomp.validate import compare_layers
from sparsecomp_tools.power import explore_directory, simulate_directory

BOARD = "msp430fr5994"


def two_blocks(side: int = 24, channels: int = 8):
    """Two residual blocks between a convolution and a linear layer; what lives longest is as large as three maps."""
    net = Net((1, side, side), seed=7)
    x = net.add("relu", net.conv("x", channels, pad=1))
    for _ in range(2):
        y = net.add("relu", net.conv(x, channels, pad=1))
        x = net.add("relu", net.add("add", x, net.conv(y, channels, pad=1)))
    x = net.pool(net.conv(x, 4, kernel=1), kernel=side // 4)
    return net.graph(net.linear(net.flatten(x), 5))


def block() -> Network:
    """One block, small enough for every crash state of its parts."""
    net = Net((1, 8, 6), seed=8)
    x = net.add("relu", net.conv("x", 3, pad=1))
    y = net.add("relu", net.conv(x, 3, pad=1))
    x = net.add("relu", net.add("add", x, net.conv(y, 3, pad=1)))
    return Network(net.graph(net.linear(net.flatten(net.pool(x)), 3)), IMAGE)


def parted(program):
    """The block in bands of 3 rows, what it computes lifted in two pieces."""
    names = [step.name for step in program.steps]
    program = in_bands(program, names.index("conv2"), names.index("add1"), 3)
    return lifted(program, next(s for s in program.steps if s.name == "add1").output.split("[")[0], 2)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return networks.generate(block(), tmp_path_factory.mktemp("block"), change=parted)


def test_every_crash_state_of_a_block_in_bands(project):
    """Bands and a lifted map that lie over what they consume: each state that failures can lead to, visited once."""
    whole = networks.generate(block(), project.directory.parent / "whole")
    assert len(project.program.steps) > 15 and project.plan.arena_bytes < whole.plan.arena_bytes
    assert [a[0].tobytes() for a in project.answers] == [a[0].tobytes() for a in whole.answers]
    found = explore_directory(project.directory, list(project.words), project.answers)
    assert found.exhausted and found.divergences == 0 and found.states > 500


def test_bands_that_share_a_word_too_many_are_found(project, tmp_path):
    """The same with the map that is lifted one word too low: the explorer sees what the checker refuses."""
    caught = 0
    for name, place in project.plan.placements.items():
        doctored = replace(place, offset=max(0, place.offset - 24))
        plan = replace(project.plan, placements={**project.plan.placements, name: doctored})
        try:
            check(plan)
        except ConversionError:
            directory = networks.rendered(project, plan, tmp_path / f"{caught}")
            caught += explore_directory(directory, list(project.words), project.answers).divergences > 0
    assert caught >= 2


def test_layers_in_bands_on_host_and_board(tmp_path):
    """Every answer and the elements that every band wrote, the reference's; the linked tables as planned."""
    require_msp430()
    graph = two_blocks()
    bench = Bench(ports=("virtual",))
    result = deploy(loaded(graph), tmp_path / "board", board=BOARD, tiles="least", bench=bench, samples=2)
    assert result.exit_code == 0 and result.compared_elements > 0
    told = json.loads((tmp_path / "board/plan.json").read_text())["separation"]
    assert told["chosen"]["bands"] and told["chosen"]["map_bytes"] < told["before"]["map_bytes"]
    assert told["chosen"]["map_bytes"] == result.plan.arena_bytes
    assert all(other["why"] for other in told["rejected"]) and told["rejected"]
    assert any("in bands of" in line for line in result.lines())
    names = [layer.name for layer in result.on_board.measured.layers]
    assert len(set(names)) == len(names) < len(result.plan.program.steps)


def test_under_failures_on_the_host(tmp_path):
    graph = two_blocks(20, 8)
    result = deploy(loaded(graph), tmp_path / "host", tiles="least", failures=200, kills=2)
    assert result.exit_code == 0 and result.power.passed
    assert len(result.plan.program.steps) > len(result.rows)


@pytest.mark.parametrize("seed", range(3))
def test_random_parts_link_and_equal_the_reference(seed, tmp_path):
    """Random bands and lifts on both, with what the linker made of them."""
    require_msp430()
    for board in ("host", BOARD):
        network = Network(two_blocks(10, 3), IMAGE)
        project = networks.generate(
            network, tmp_path / board, board=board, change=lambda program: in_parts(program, Random(seed))
        )
        with built(project.directory, project.plan.board) as copy:
            if board == "host":
                compare_layers(copy, project.plan.program, project.wire)
                selftest(copy)
            else:
                check_linked(copy / "build/firmware.elf", project.plan)
    run = simulate_directory(tmp_path / "host", list(project.words), project.answers, failures=30, seed=seed, kills=0)
    assert run.passed, run.summary()


def test_a_wrong_band_is_named(project):
    with built(project.directory, project.plan.board) as copy:
        program = project.plan.program
        steps = list(program.steps)
        at = next(i for i, step in enumerate(steps) if step.name == "conv2_band1")
        steps[at] = replace(steps[at], attrs={**steps[at].attrs, "start": steps[at].attrs["start"] + 1})
        with pytest.raises(MismatchError, match="'conv2_band1'"):
            compare_layers(copy, replace(program, steps=tuple(steps)), project.wire)


def test_what_fits_in_parts_alone():
    """A board with too little memory for whole maps: as few parts as fit, unless that is forbidden."""
    program = prepare(loaded(two_blocks()), Request()).program
    board = load_board(BOARD)
    whole = make_plan(program, board, tiles="none")
    assert make_plan(program, board).program is program and make_plan(program, board).separation is None
    least = make_plan(program, board, tiles="least")
    assert least.arena_bytes < 0.75 * whole.arena_bytes
    small = with_fram(board, whole.fram_bytes - (whole.fram_bytes - least.fram_bytes) // 2)
    with pytest.raises(DoesNotFitError):
        make_plan(program, small, tiles="none")
    fitting = make_plan(program, small)
    assert len(program.steps) < len(fitting.program.steps) <= len(least.program.steps)
    assert fitting.constant_bytes == whole.constant_bytes
    assert np.isclose(fitting.separation["before"]["map_bytes"], whole.arena_bytes)


def with_fram(board, size: int):
    """The board with so many bytes of FRAM in one piece below 64 KB."""
    regions = tuple(
        replace(r, size=size, uses=("code", "weights", "arena")) if r.name == "fram_low" else r
        for r in board.regions
        if r.name != "fram_high"
    )
    return replace(board, regions=regions, reserved=tuple(h for h in board.reserved if h.name == "lea_stack"))

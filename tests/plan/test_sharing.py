"""Steps that share an earlier one's constant arrays: counted, stored and linked once."""

import sys
from dataclasses import replace
from pathlib import Path

import networks
import pytest
from toolchain import require_msp430

from sparsecomp.boards import load_board
from sparsecomp.build import built, selftest
from sparsecomp.errors import ConversionError
from sparsecomp.linked import check_linked
from sparsecomp.plan.planner import make_plan
from sparsecomp.plan.sizes import constant_bytes

sys.path.insert(0, str(Path(__file__).parents[1]))


def twice(program):
    """Every layer with weights is computed once more, over its own output, with the same arrays."""
    steps = []
    for step in program.steps:
        steps.append(step)
        if step.kernel == "mac":
            steps.append(replace(step, name=f"{step.name}_again", attrs={**step.attrs, "shares": step.name}))
    return replace(program, steps=tuple(steps))


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    return networks.generate(networks.chain(), tmp_path_factory.mktemp("once"))


def test_their_bytes_are_counted_once(once):
    again = twice(once.program)
    assert sum(constant_bytes(again)) == sum(constant_bytes(once.program)) > 0
    plan = make_plan(again, load_board("msp430fr5994"))
    for step, nbytes in zip(again.steps, plan.weight_bytes, strict=True):
        assert nbytes == 0 or "shares" not in step.attrs


@pytest.mark.parametrize("board", ["host", "msp430fr5994"])
def test_they_are_stored_once_and_compute_the_same(board, once, tmp_path):
    if board != "host":
        require_msp430()
    project = networks.generate(networks.chain(), tmp_path / "project", board=board, change=twice)
    headers = {path.name for path in (project.directory / "headers").iterdir()}
    assert {"conv1.h", "fc1.h"} <= headers and not any("again" in name for name in headers)
    assert ".weights = conv1_w_data" in (project.directory / "model.c").read_text().split("conv1_again = {")[1]
    with built(project.directory, project.plan.board) as copy:
        if board == "host":
            selftest(copy)  # raises where an answer is not the reference's
        else:
            check_linked(copy / "build/firmware.elf", project.plan)
    assert [a.tobytes() for a in project.answers[0]] == [a.tobytes() for a in once.answers[0]]


def test_other_constants_are_refused(once):
    first, second = (step for step in once.program.steps if step.name in ("conv1", "conv2"))
    steps = [replace(s, attrs={**s.attrs, "shares": first.name}) if s is second else s for s in once.program.steps]
    with pytest.raises(ConversionError, match="has other constants than 'conv1'"):
        constant_bytes(replace(once.program, steps=tuple(steps)))


def test_only_an_earlier_step_of_the_kernel_has_arrays_to_share(once):
    for name in ("conv2", "halo1", "nobody"):
        steps = [replace(s, attrs={**s.attrs, "shares": name}) if s.name == "conv1" else s for s in once.program.steps]
        with pytest.raises(ConversionError, match="shares the arrays of"):
            replace(once.program, steps=tuple(steps))

"""Host C against the reference: every exit's answer, every layer up to it, and nothing behind it."""

import numpy as np
import pytest
from exit_models import fixed, halved, made, one_head, two_convolutions, with_policy

from sparsecomp.build import built, selftest
from sparsecomp.errors import MismatchError
from sparsecomp.prepare import Request, prepare
from sparsecomp.reference import run
from sparsecomp.validate import check_layers, compare_answers, parse_dump, run_device


@pytest.fixture(scope="module", params=[two_convolutions, one_head], ids=lambda build: build.__name__)
def project(request, tmp_path_factory):
    """A project for the host and its built copy."""
    result = made(halved(request.param()), tmp_path_factory.mktemp("host") / "project")
    with built(result.directory, result.plan.board) as copy:
        yield result, copy


def test_every_answer_is_the_references_at_every_exit(project):
    result, copy = project
    assert set(result.exits) == {0, 1, 2}
    found = compare_answers(copy, result.plan.program, result.data.wire, run(result.plan.program, result.data.wire))
    assert [int.from_bytes(data[-2:], "little") for data in found] == result.exits.tolist()
    selftest(copy)


def dumped(result, copy, index, folder):
    run_device(copy, result.plan.program, [w[index : index + 1] for w in result.data.wire], folder / "dump")
    return parse_dump((folder / "dump").read_bytes(), len(result.plan.program.steps), leaves=True)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_layers_are_there_up_to_the_exit_and_are_the_references(project, number, tmp_path):
    result, copy = project
    program = result.plan.program
    index = int(np.flatnonzero(result.exits == number)[0])
    layers = dumped(result, copy, index, tmp_path)
    end = [i for i, step in enumerate(program.steps) if step.kernel == "exit"][number]
    assert end <= len(layers) <= end + 1
    one = [w[index : index + 1] for w in result.data.wire]
    assert check_layers(program, one, layers, "host C") > 20
    layers[end - 1] = layers[end - 1] + 1
    with pytest.raises(MismatchError, match=f"layer {end - 1} '{program.steps[end - 1].name}'"):
        check_layers(program, one, layers, "host C")


@pytest.mark.parametrize("number", [0, 1])
def test_float_answers_are_those_of_a_fixed_exit(number, tmp_path):
    prepared = prepare(two_convolutions(), Request(numeric="float32", policy=f"fixed:{number}"))
    result = made(prepared, tmp_path / "project")
    assert (result.exits == number).all()
    with built(result.directory, result.plan.board) as copy:
        compare_answers(copy, result.plan.program, result.data.wire, run(result.plan.program, result.data.wire))
    real = prepared.float_outputs(prepared.calibration)[number]
    assert np.abs(run(prepared.program, result.data.wire).values[0] - real).max() < 1e-4


def test_a_policys_words_are_those_of_the_c_file(tmp_path):
    result = made(
        with_policy(halved(two_convolutions()), fixed(prepare(two_convolutions(), Request()), 1)), tmp_path / "p"
    )
    text = (result.directory / "model.c").read_text()
    assert "model_progress = {0U, 0U, {0, 0}, 1U, {65535U, 65535U}, {0U, 0U}};" in text
    header = (result.directory / "model_ee.h").read_text()
    assert '#define EXIT_0 "a"' in header and '#define EXIT_2 "full"' in header

"""Host C against the reference: every exit's answer, every layer up to it, and nothing behind it."""

from dataclasses import replace

import numpy as np
import pytest
from exit_models import fixed, halved, made, one_head, two_convolutions, with_policy

from sparsecomp.build import built, selftest
from sparsecomp.errors import MismatchError
from sparsecomp.prepare import Request, prepare
from sparsecomp.reference import exit_elements, run
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


def test_the_supply_decides_within_what_the_policy_leaves_open(tmp_path, monkeypatch):
    """Low: the first exit. Neither: as the reference. Plenty: the whole network, however sure an exit is."""
    prepared = halved(two_convolutions())
    policy = replace(prepared.program.policy, levels=(2000, 2000), plenty=3000, energy=True)
    result = made(with_policy(prepared, policy), tmp_path / "project")
    scores = exit_elements(result.plan.program, result.data.wire)
    with built(result.directory, result.plan.board) as copy:
        for millivolts, wanted in ((1900, np.zeros_like(result.exits)), (2500, result.exits), (3300, None)):
            monkeypatch.setenv("SPARSECOMP_SUPPLY_MV", str(millivolts))
            found = run_device(copy, result.plan.program, result.data.wire)
            numbers = np.array([int.from_bytes(data[-2:], "little") for data in found])
            assert (numbers == (2 if wanted is None else wanted)).all()
            assert [d[:-2] for d in found] == [scores[k][i].tobytes() for i, k in enumerate(numbers)]
            selftest(copy)  # its recorded answer is that of no particular supply


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
    assert "model_progress = {0U, 0U, {0, 0}, 1U, 0U, {65535U, 65535U}, {0U, 0U}};" in text
    header = (result.directory / "model_ee.h").read_text()
    assert '#define EXIT_0 "a"' in header and '#define EXIT_2 "full"' in header

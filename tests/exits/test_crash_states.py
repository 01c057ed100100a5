"""Every crash state around a decision is visited, on the host and in the binary, and seeded mistakes are found."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from exit_models import halved, halves, made, minute, with_policy
from toolchain import require_msp430

from sparsecomp import pipeline
from sparsecomp.boards import load_board
from sparsecomp.errors import InputError
from sparsecomp.exits import Policy, answers, confidence
from sparsecomp.prepare import Request, prepare
from sparsecomp.reference import exit_elements
from sparsecomp_tools.power import explore_directory
from sparsecomp_tools.virtual_board import explore_project

sys.path.insert(0, str(Path(__file__).parents[1] / "power"))
import defects

EXIT, RUNTIME = "kernels/exit.c", "runtime/runtime.c"
NUMBER = "    store(p->exit, (element_t)p->number);\n"
WRITE = "    for (i = 0U; i < p->classes; i++) {\n        store("
COMMIT = "        nvm_commit(&model_progress.cursor, leaves != 0 ? done_mark() : (uint16_t)(cursor + 1U));\n"
LATER = """        if (leaves != 0) {
            const exit_t *left = layer->params;

            store(left->exit, (element_t)left->number);
        }
"""

MISTAKES = {
    "commit before the answer": (
        (EXIT, WRITE, "    nvm_commit(&model_progress.cursor, (uint16_t)(model_units + 1U));\n" + WRITE),
    ),
    "number after the commit": ((EXIT, NUMBER, ""), (RUNTIME, COMMIT, COMMIT + LATER)),
    "number of the last exit": ((EXIT, NUMBER, NUMBER.replace("p->number", "model_progress.limit")),),
    "ties leave": ((EXIT, "> model_progress.margins", ">= model_progress.margins"),),
    "the second score is forgotten": ((EXIT, "            second = p->scores[i];\n", ""),),
    "the best score is no second": ((EXIT, "            second = best;\n", ""),),
    "the last class is not copied": ((EXIT, WRITE, WRITE.replace("p->classes", "p->classes - 1U")),),
    "a layer behind the exit is left out": ((RUNTIME, ": (uint16_t)(cursor + 1U)", ": (uint16_t)(cursor + 2U)"),),
}  # fmt: skip


@pytest.fixture(scope="module")
def prepared():
    return halved(minute())


def ties(prepared):
    """The policy whose margin one sample's confidence equals; that sample, whose best class is the last, one that goes
    on with the first class ahead, and one that leaves.
    """
    scores = exit_elements(prepared.program, prepared.data(prepared.calibration).wire)[0]
    sure = confidence(scores)
    order = np.argsort(sure)
    middle = next(int(i) for i in order[len(order) // 2 :] if scores[i].argmax() == 1)
    before = next(int(i) for i in order if scores[i].argmax() == 0)
    return Policy(1, (int(sure[middle]),), (0,)), [middle, before, int(order[-1])]


@pytest.fixture(scope="module")
def project(prepared, tmp_path_factory):
    """A project in which one input goes on by a tie and another leaves."""
    policy, some = ties(prepared)
    result = made(with_policy(prepared, policy), tmp_path_factory.mktemp("states") / "project")
    assert [int(result.exits[i]) for i in some] == [1, 1, 0]
    return result, some


def stream(result, order):
    return [result.words[i] for i in order], [result.answers[i] for i in order]


@pytest.mark.parametrize("turn", [1, -1])
def test_no_failure_changes_an_answer_or_its_exit(project, turn):
    result, some = project
    found = explore_directory(result.directory, *stream(result, some[::turn]))
    assert found.exhausted and found.divergences == 0
    assert found.states > 50 and found.transitions > 5 * found.states
    # The input that leaves early takes fewer writes.
    assert (found.writes[0] > found.writes[-1]) == (turn == 1)


@pytest.mark.parametrize("turn", [1, -1])
def test_nor_in_the_boards_binary(prepared, tmp_path, turn):
    require_msp430()
    policy, some = ties(prepared)
    result = made(with_policy(prepared, policy), tmp_path / "project", board="msp430fr5994")
    found = explore_project(result.directory, result.plan.board, *stream(result, some[::turn]))
    assert found.exhausted and found.divergences == 0 and found.states > 50


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_decision_is_caught(project, mistake, tmp_path):
    result, some = project
    broken = defects.Defect(mistake, MISTAKES[mistake]).apply(result.directory, tmp_path / "broken")
    assert explore_directory(broken, *stream(result, some)).divergences > 0


def test_the_answer_of_the_wrong_exit_is_caught(project, tmp_path):
    result, some = project
    lines = (result.directory / "model_ee.c").read_text().splitlines()
    first, second = [line for line in lines if ".scores = " in line]
    broken = defects.Defect("scores", (("model_ee.c", second, first),)).apply(result.directory, tmp_path / "broken")
    assert explore_directory(broken, *stream(result, some)).first.kind == "a wrong answer"


@pytest.fixture(scope="module")
def looking(prepared, tmp_path_factory):
    """The same under a policy that looks at the supply: (project, pair of its data, answers that are right)."""
    adaptive = with_policy(prepared, replace(halves(prepared), energy=True, text="adaptive"))
    data = adaptive.data(adaptive.calibration)
    pair = made(adaptive, tmp_path_factory.mktemp("pair") / "project").pair()
    chosen = adaptive.data(tuple(x[pair] for x in adaptive.calibration))
    changed, expected = pipeline._any_supply(adaptive, chosen, load_board("host"))
    assert len(data) > len(chosen)
    return made(changed, tmp_path_factory.mktemp("looking") / "project"), pair, expected


def test_whatever_the_supply_every_answer_is_that_of_an_exit(looking):
    result, pair, expected = looking
    inputs = [result.words[i] for i in pair]
    found = explore_directory(result.directory, inputs, expected)
    assert found.exhausted and found.divergences == 0
    # Both exits are really reached: each of them alone is not enough for the sample that is not sure.
    unsure = expected[1]
    for alone in (unsure[:2] * 2, unsure[2:] * 2):
        assert explore_directory(result.directory, inputs[1:], [alone]).divergences > 0


def test_a_sure_sample_may_not_go_on_whatever_the_supply(looking):
    result, pair, expected = looking
    assert [int(number[0]) for number in expected[0][1::2]] == [0, 0]
    assert [int(number[0]) for number in expected[1][1::2]] == [0, 1]
    scores = exit_elements(result.plan.program, result.data.wire)
    assert answers(result.plan.program.policy, scores)[1][pair].ravel().tolist() == [0, 1]


def test_a_margin_that_is_ignored_is_caught_under_any_supply(looking, tmp_path):
    result, pair, expected = looking
    broken = defects.Defect(
        "margin", ((EXIT, "sure = (uint16_t)confident(p);", "sure = (uint16_t)(confident(p) * 0);"),)
    )
    found = explore_directory(
        broken.apply(result.directory, tmp_path / "broken"), [result.words[i] for i in pair], expected
    )
    assert found.divergences > 0


def test_the_verb_explores_policies_that_look_at_the_supply_on_the_host_only():
    found = pipeline.explore(minute(), policy="adaptive:0.9")
    assert found.exploration.exhausted and found.exploration.divergences == 0
    with pytest.raises(InputError, match="no supply to look at") as refusal:
        pipeline.explore(minute(), policy="energy", board="msp430fr5994")
    assert "--board host" in refusal.value.hint
    assert prepare(minute(), Request(policy="energy")).program.policy.levels == (0,)

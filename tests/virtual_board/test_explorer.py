"""The binary's crash states are exhausted, every seeded defect in it is caught, and failing literally finds no more."""

import json
from dataclasses import replace

import networks
import numpy as np
import pytest
from explored import BOARD, RUN, RUNTIME, defects, explored, minute

from sparsecomp.boards import load_board
from sparsecomp.errors import InputError
from sparsecomp.plan.planner import make_plan
from sparsecomp.plan.units import MARGIN
from sparsecomp.render import Vector, render
from sparsecomp_tools.virtual_board.exploring import explore_elf, explore_project


@pytest.fixture(scope="module", params=networks.SMALL)
def network(request, tmp_path_factory):
    return explored(networks.SMALL[request.param](), tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def residual(tmp_path_factory):
    return explored(networks.residual(), tmp_path_factory.mktemp("residual"))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return explored(minute(), tmp_path_factory.mktemp("small"))


def test_a_network_is_exhausted_and_random_schedules_leave_the_states_that_were_found(network):
    result = network.explore(schedules=20)
    assert result.exhausted and result.divergences == 0 and result.first is None
    assert min(result.writes) >= 700 and result.layers >= 3 and result.units >= 25
    # No more states than there are writes, and few of them change nothing; torn ones of a second boot come on top.
    assert 0.7 * sum(result.writes) < result.states < 2 * sum(result.writes)
    assert result.transitions > 5 * result.states
    assert result.literal_runs == 20 and result.literal_failures > 100
    assert "exhausted, 0 divergences" in result.summary()
    assert json.loads(json.dumps(result.to_json()))["states"] == result.states


def test_a_charge_for_any_one_commit_is_small_against_an_inference(network):
    result = network.explore()
    assert 1_000 < result.recovery_cycles < min(result.cycles) / 10
    charge = network.project.plan.charge  # the plan trusts its estimates to a factor of MARGIN
    assert charge.cycles / MARGIN < result.recovery_cycles < charge.cycles * MARGIN
    tight = network.explore(patience=result.recovery_cycles - 500)
    assert tight.first.kind.startswith("livelock: no commit")


def test_a_failure_at_every_instruction_leaves_a_known_state_and_one_course(small):
    result = small.explore(stride=1, schedules=100)
    assert result.exhausted and result.divergences == 0
    assert result.literal_runs == result.instructions + 100
    assert result.literal_failures > result.instructions > 3_000


def test_the_same_seed_walks_the_same_way_and_others_agree(small):
    first = small.explore(seed=3)
    assert small.explore(seed=3) == first
    for seed in range(4, 8):
        assert small.explore(seed=seed, stride=501).divergences == 0


def test_large_spaces_are_sampled_with_a_stated_fraction(residual):
    part = residual.explore(max_states=200)
    assert not part.exhausted and part.divergences == 0
    assert part.states <= 200 and 0.02 < part.fraction < 0.2 and part.states > 100
    assert "sampled" in part.summary()


def test_the_input_may_be_volatile(residual, tmp_path):
    plan = make_plan(residual.project.program, load_board(BOARD), volatile_input=True)
    vector = Vector(residual.inputs[0], np.concatenate(residual.answers[0]))
    for name, data in render(plan, vector, "0" * 64, "0").items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    result = explore_project(tmp_path, BOARD, residual.inputs, residual.answers, schedules=10)
    assert result.exhausted and result.divergences == 0


# The board's compiler insists on a value for each word of a struct.
ALL_WORDS = ("model.c", "progress_t model_progress = {0U, 0U, {0, 0}};", "progress_t model_progress = {0};")


@pytest.mark.parametrize("defect", defects.ANY_MODEL, ids=lambda defect: defect.name)
def test_a_mistake_in_the_runtime_is_caught(defect, residual, tmp_path):
    if defect.name.startswith("torn"):
        defect = replace(defect, changes=(*defect.changes, ALL_WORDS))
    result = residual.explore_defect(tmp_path, defect)
    assert result.divergences > 0
    assert "FRAM write" in result.first.describe()
    assert "exhausted" in result.summary() if result.exhausted else "ended before" in result.summary()
    if defect.name.startswith(("selector", "stale")):
        assert "held" in result.first.kind
    if defect.name.startswith("torn"):
        assert result.first.failures, "shows only after a failure"


def test_a_missing_zero_halo_is_caught(residual, tmp_path):
    result = residual.explore_with(tmp_path, ("kernels/fill.c", "store(line + i, p->value);", "(void)line;"))
    assert result.first.kind == "a wrong answer"
    assert result.first.expected != result.first.found


WALK = "kernels/msp430/walk.S"
COMMIT = "    inc.w   &model_progress"
NEXT_UNIT = "    mov.w   F_PER_UNIT(r1), F_UNIT_LEFT(r1)\n"
MISTAKES = {
    "a unit of one item less": ((WALK, NEXT_UNIT, NEXT_UNIT + "    dec.w   F_UNIT_LEFT(r1)\n"),),
    "a commit too many": ((WALK, COMMIT + "             ; the commit", f"{COMMIT}\n{COMMIT}"),),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_walk_is_caught(mistake, residual, tmp_path):
    assert residual.explore_with(tmp_path, *MISTAKES[mistake]).divergences > 0


def test_a_multiplier_without_signed_bytes_makes_the_kernels_in_c_run(small, tmp_path):
    result = small.explore_with(tmp_path, ("kernels/msp430/multiplier.S", "    inc.w   r12\n", ""))
    assert result.exhausted and result.divergences == 0
    assert min(result.cycles) > max(small.explore().cycles)


def test_a_wrong_expectation_is_a_divergence_at_its_element(residual):
    wrong = [[output.copy() for output in outputs] for outputs in residual.answers]
    wrong[1][0].reshape(-1)[2] ^= 1
    first = explore_elf(BOARD, residual.elf, residual.inputs, wrong).first
    assert (first.kind, first.input, first.output, first.element) == ("a wrong answer", 1, 0, 2)
    assert first.found == residual.answers[1][0].reshape(-1)[2] == first.expected ^ 1
    assert first.function.startswith(("model_step+", "walk_")) and "input 1, output 0, element 2" in first.describe()


HOSTILE = {
    "a write to code, constants or memory that is nobody's": "*(volatile uint16_t *)0x1800 = unit;\n",
    "a fault": "unit = *(volatile uint16_t *)0x3FF0;\n",
    "livelock: no commit": "while (unit == 1U) { NVM_BARRIER(); }\n",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_reports_code_that_misbehaves(kind, small, tmp_path):
    first = small.explore_with(tmp_path, (RUNTIME, RUN, f"    if (unit < 99U) {{ {HOSTILE[kind]} }}\n{RUN}")).first
    assert first.kind.startswith(kind)


def test_an_inference_without_end_is_reported(residual, tmp_path):
    change = (RUNTIME, "(uint16_t)(cursor + 1U)", "(uint16_t)(cursor == 4U ? 2U : cursor + 1U)")
    assert residual.explore_with(tmp_path, change).first.kind.startswith("no end")


# Every boot begins the inference again: it ends without failures, and never where each commit is followed by one.
AGAIN = """    static uint16_t begun;

    if (begun == 0U && model_progress.cursor > 1U && model_progress.cursor <= model_units) {
        nvm_commit(&model_progress.cursor, 1U);
    }
    begun = 1U;
"""


def test_a_livelock_across_failures_is_reported(small, tmp_path):
    change = (RUNTIME, "int model_done(uint32_t *id)\n{\n", f"int model_done(uint32_t *id)\n{{\n{AGAIN}")
    first = small.explore_with(tmp_path, change).first
    assert first.kind == "livelock: failures after each commit lead back to the same memory"


def test_diagnostic_memory_is_forbidden(small, tmp_path):
    declared = (
        '#include "config.h"\n',
        '#include "config.h"\n#include "port.h"\nDIAG static volatile uint16_t boots;\n',
    )
    first = small.explore_with(tmp_path, (RUNTIME, *declared), (RUNTIME, RUN, f"    unit = boots;\n{RUN}")).first
    assert first.kind == "a fault" and "nothing" in first.message and first.place == "boots"


# What start-up finds in scratch memory goes into a word of its own: no answer depends on it, but memory does.
POISON = """    static uint16_t begun;

    if (begun == 0U) {
        nvm_commit(&kept, scratch[1]);
    }
    begun = 1U;
"""


def test_failing_literally_finds_what_the_walk_did_not(small, tmp_path):
    declared = '#include "config.h"\n#include "port.h"\n'
    declared += "SCRATCH static volatile uint16_t scratch[2];\nPERSISTENT static volatile uint16_t kept;\n"
    changes = (
        (RUNTIME, '#include "config.h"\n', declared),
        (RUNTIME, "int model_done(uint32_t *id)\n{\n", f"int model_done(uint32_t *id)\n{{\n{POISON}"),
    )
    assert small.explore_with(tmp_path / "walked", *changes).divergences == 0
    result = small.explore_with(tmp_path / "literally", *changes, stride=1000)
    assert result.divergences > 0 and "not found" in result.first.kind and result.first.instruction >= 0


SRAM = {
    # Scratch memory and the multiplier are lost between units, failure or none.
    "scratch": (
        "SCRATCH static uint16_t previous;\n",
        "    first = (uint16_t)(first + (previous == cursor ? 0U : 1U));\n",
    ),
    # Statics are what start-up makes of them.
    "statics": ("static uint16_t previous;\n", "    first = (uint16_t)(first + (previous == cursor ? 0U : 1U));\n"),
}


@pytest.mark.parametrize("kind", SRAM)
def test_what_a_unit_leaves_in_sram_is_no_state(kind, residual, tmp_path):
    declared, used = SRAM[kind]
    # The second unit and all after it count on what the one before has left.
    guarded = f"    if (cursor > 1U) {{\n{used}    }}\n{RUN}    previous = (uint16_t)(cursor + 1U);\n"
    changes = (
        (RUNTIME, '#include "config.h"\n', f'#include "config.h"\n#include "port.h"\n{declared}'),
        (RUNTIME, RUN, guarded),
    )
    assert residual.explore_with(tmp_path, *changes).first.kind == "a wrong answer"


def test_what_does_not_fit_is_refused(residual, small, tmp_path):
    inputs, answers = small.inputs, small.answers
    for bad_inputs, bad_answers in (
        ([], []),
        (inputs[:1], answers),
        ([inputs[0][:-1]], answers[:1]),
        (inputs[:1], [[answers[0][0][:-1]]]),
        ([inputs[0].astype(np.float64)], answers[:1]),
        (inputs * 9, answers * 9),
    ):
        with pytest.raises(InputError):
            explore_elf(BOARD, small.elf, bad_inputs, bad_answers)
    for options in ({"max_states": 0}, {"seed": -1}, {"stride": -1}, {"patience": 0}):
        with pytest.raises(InputError):
            small.explore(**options)
    (tmp_path / "text.elf").write_text("no ELF file")
    for path in (tmp_path / "text.elf", tmp_path / "missing.elf"):
        with pytest.raises(InputError, match=path.name):
            explore_elf(BOARD, path, inputs, answers)
    with pytest.raises(InputError, match="no generated project"):
        explore_project(tmp_path, BOARD, inputs, answers)


PARTS = "runtime/parts.c"
INPUT = "serial/input.c"


def test_an_input_in_parts_is_as_safe(network):
    made = network.project
    result = explore_project(made.directory, BOARD, network.inputs, network.answers, parts=True)
    assert (result.exhausted, result.divergences) == (True, 0)
    assert min(result.writes) > 500


ID = """    nvm_put(&model_progress.id[0], (int16_t)(uint16_t)(id & 0xFFFFU));
    nvm_put(&model_progress.id[1], (int16_t)(uint16_t)(id >> 16));
"""
HELD = "    nvm_commit(&model_progress.held, 1U);\n"


@pytest.mark.parametrize(
    "change",
    [
        (PARTS, "    nvm_commit(&model_progress.held, 0U);\n", ""),
        (PARTS, ID + HELD, HELD + ID),
        (INPUT, "        nvm_put(&model_input[at + i]", "        nvm_put(&model_input[at + (i ^ 1U)]"),
    ],
    ids=["held stays", "id after held", "words swapped"],
)
def test_a_mistake_in_the_parts_is_caught(change, residual, tmp_path):
    broken = defects.Defect("parts", (change,)).apply(residual.project.directory, tmp_path / "broken")
    assert explore_project(broken, BOARD, residual.inputs, residual.answers, parts=True).divergences > 0

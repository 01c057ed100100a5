"""The explorer exhausts a model's crash states, and catches every seeded defect."""

import json

import defects
import numpy as np
import pytest

from sparsecomp.errors import InputError
from sparsecomp_tools.power import explore_directory, tiny


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.write_tiny(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="module")
def data():
    return tiny.stream(2)


def test_exhausts_with_every_write_a_state(model, data):
    result = explore_directory(model, *data)
    assert result.exhausted and result.divergences == 0 and result.first is None
    units = 3 + 3 * 5
    # Input with id and both selector writes; halo, move, convolve, add, answer; cursor: start, units, acknowledgement.
    writes = (tiny.WIDTH + 4) + (2 + 3 * tiny.WIDTH + 4) + (1 + units + 1)
    assert result.units == units and result.writes == (writes, writes)
    assert result.largest_call == tiny.WIDTH + 4
    # A failure loses what its call had written, and the last write of a call loses nothing.
    assert result.largest_loss == result.largest_call - 1
    # No more states than there are events (a write, or the world taking an answer), and few writes change nothing.
    assert 1.8 * writes < result.states <= 2 * (writes + 1) + 1
    assert result.transitions > 5 * result.states
    assert "exhausted" in result.summary()
    assert json.loads(json.dumps(result.to_json()))["states"] == result.states


def test_same_seed_same_walk_and_other_seeds_agree(model, data):
    first = explore_directory(model, *data, seed=3)
    assert explore_directory(model, *data, seed=3) == first
    assert explore_directory(model, *data, seed=4).divergences == 0


@pytest.mark.parametrize("count", [1, 3])
def test_spans_any_number_of_inferences(model, count):
    result = explore_directory(model, *tiny.stream(count))
    assert result.exhausted and len(result.writes) == count


def test_large_spaces_are_sampled_with_a_stated_fraction(model, data):
    whole = explore_directory(model, *data)
    part = explore_directory(model, *data, max_states=60)
    assert not part.exhausted and part.divergences == 0
    assert part.states <= 60 and 0.05 < part.fraction < 0.5
    assert part.states == pytest.approx(whole.states * part.fraction, rel=0.5)
    assert "sampled" in part.summary()


@pytest.mark.parametrize("defect", defects.ANY_MODEL + defects.TINY, ids=lambda defect: defect.name)
def test_catches_seeded_defects(model, data, tmp_path, defect):
    broken = defect.apply(model, tmp_path / "broken")
    result = explore_directory(broken, *data)
    assert result.divergences > 0
    assert result.first.kind and "write" in result.first.describe()


NEEDS_A_FAILURE = ("selector before payload", "stale input", "in-place add", "unit first", "layer first")


@pytest.mark.parametrize("defect", defects.ANY_MODEL + defects.TINY, ids=lambda defect: defect.name)
def test_a_description_tells_schedule_and_place(model, data, tmp_path, defect):
    first = explore_directory(defect.apply(model, tmp_path / "broken"), *data).first
    if defect.name.endswith(NEEDS_A_FAILURE):
        assert first.failures, "shows only after a failure"
        assert all(write >= 0 for write in first.failures)
    if first.kind == "a wrong answer":
        assert 0 <= first.element < (tiny.WIDTH, 4)[first.output] and first.expected != first.found


def test_a_wrong_expectation_is_a_divergence_at_its_element(model, data):
    inputs, expected = data
    wrong = [[output.copy() for output in outputs] for outputs in expected]
    wrong[1][1][2] ^= 1
    first = explore_directory(model, inputs, wrong).first
    assert (first.kind, first.input, first.output, first.element) == ("a wrong answer", 1, 1, 2)
    assert first.expected == wrong[1][1][2] and first.found == expected[1][1][2]


HOSTILE = {
    "a store to FRAM went past nvm.h": ("nvm_put(p->out + i, p->a[i]);", "p->out[i] = p->a[i];"),
    "a write past the persistent objects": ("nvm_put(p->out + i, p->a[i]);", "nvm_put(p->out + i - 30000, p->a[i]);"),
    "a call that neither writes nor returns": (
        "uint16_t i;\n\n    for (i = first; i < last; i++) {\n        nvm_put(p->out + i,",
        "volatile uint16_t i = 0U;\n    while (i == 0U) {}\n    for (i = first; i < last; i++) {\n"
        "        nvm_put(p->out + i,",
    ),
    "a call that writes without end": ("nvm_put(p->out + i, p->a[i]);", "nvm_put(p->out + i, p->a[i]); i--;"),
    "a memory or arithmetic fault": ("nvm_put(p->out + i, p->a[i]);", "nvm_put(p->out + i, ((const int16_t *)8)[i]);"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_reports_code_that_misbehaves(model, data, tmp_path, kind):
    broken = defects.Defect(kind, (("kernels/tiny.c", *HOSTILE[kind]),)).apply(model, tmp_path / "broken")
    assert explore_directory(broken, *data).first.kind.startswith(kind)


def test_reports_an_inference_without_end(model, data, tmp_path):
    change = (defects.RUNTIME, "(uint16_t)(cursor + 1U)", "(uint16_t)(cursor == 4U ? 2U : cursor + 1U)")
    result = explore_directory(defects.Defect("loop", (change,)).apply(model, tmp_path / "broken"), *data)
    assert result.first.kind.startswith("no end")


def test_reports_a_read_of_the_diagnostic_area(model, data, tmp_path):
    changes = (
        ("kernels/tiny.c", "nvm_put(p->out + i, p->a[i]);", "nvm_put(p->out + i, (int16_t)(p->a[i] + boots));"),
        (
            "kernels/tiny.c",
            '#include "tiny.h"\n',
            '#include "tiny.h"\n#include "port.h"\nstatic volatile uint16_t boots DIAG = 0U;\n',
        ),
    )
    broken = defects.Defect("diag", changes).apply(model, tmp_path / "broken")
    assert explore_directory(broken, *data).first.kind == "inference touched the diagnostic area"


SRAM = {
    # Statics are what start-up makes them: state kept there is lost, and so is an answer that rests on it.
    "statics": ("static int16_t kept[4];\n", "bad"),
    "scratch": ("static int16_t kept[4] SCRATCH;\n", "bad"),
    # Scratch within one call is what it is for.
    "scratch in a call": ("static int16_t kept[4] SCRATCH;\n", "good"),
}


@pytest.mark.parametrize("name", SRAM)
def test_what_sram_may_hold(model, data, tmp_path, name):
    declaration, verdict = SRAM[name]
    changes = [("kernels/tiny.c", '#include "tiny.h"\n', '#include "tiny.h"\n#include "port.h"\n' + declaration)]
    if verdict == "good":
        changes.append(("kernels/tiny.c", "    int16_t taps[3];\n", "    int16_t *const taps = kept;\n"))
    else:  # what move has seen is carried over to add
        changes += [
            (
                "kernels/tiny.c",
                "        nvm_put(p->out + i, p->a[i]);\n",
                "        nvm_put(p->out + i, p->a[i]);\n        if (i < 4U) { kept[i] = p->a[i]; }\n",
            ),
            (
                "kernels/tiny.c",
                "(uint16_t)p->a[i] + (uint32_t)(uint16_t)p->b[i]",
                "(uint16_t)p->a[i] + (uint32_t)(uint16_t)(i < 4U ? kept[i] : p->b[i])",
            ),
        ]
    broken = defects.Defect(name, tuple(changes)).apply(model, tmp_path / "broken")
    result = explore_directory(broken, *data)
    assert (result.divergences == 0) == (verdict == "good")


def test_wrong_data_are_refused(model, data, tmp_path):
    inputs, expected = data
    for bad_inputs, bad_expected in (
        ([], []),
        (inputs[:1], expected),
        ([inputs[0][:-1]], expected[:1]),
        (inputs[:1], [[expected[0][0][:-1], expected[0][1]]]),
        ([inputs[0].astype(np.float64)], expected[:1]),
        ([b"abc"], expected[:1]),
    ):
        with pytest.raises(InputError):
            explore_directory(model, bad_inputs, bad_expected)
    with pytest.raises(InputError):
        explore_directory(model, inputs, expected, max_states=0)
    with pytest.raises(InputError, match="no generated directory"):
        explore_directory(tmp_path, inputs, expected)

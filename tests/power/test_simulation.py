"""Random failures, fixed periods and real kills leave every answer as it is, and say so where they do not."""

import json
import os
import subprocess
from xml.etree import ElementTree

import defects
import pytest

from sparsecomp.errors import InputError, MismatchError, ToolError
from sparsecomp_tools.power import compile_directory, explore_directory, simulate_directory, tiny, write_junit
from sparsecomp_tools.power.running import write_stream
from sparsecomp_tools.power.simulation import kill_repeatedly


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.write_tiny(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="module")
def data():
    return tiny.stream(3)


def test_survives_failures_periods_and_kills(model, data):
    run = simulate_directory(model, *data, failures=700, seed=5, kills=6)
    assert (run.failures, run.kills, run.divergences) == (700, 6, 0)
    assert run.passed and run.inferences > 100
    # A delivery is the largest call; with one write fewer it never ends.
    assert run.smallest_period == run.largest_call == tiny.WIDTH + 4
    assert run.livelocked == () and run.periods == run.writes[0]
    assert "700 power failures" in run.summary()
    assert json.loads(json.dumps(run.to_json()))["passed"] is True


def test_is_seeded(model, data):
    first = simulate_directory(model, *data, failures=300, seed=8, kills=0)
    assert simulate_directory(model, *data, failures=300, seed=8, kills=0) == first
    assert simulate_directory(model, *data, failures=300, seed=9, kills=0).inferences != first.inferences


def test_many_more_failures_than_there_are_ids(model, data):
    run = simulate_directory(model, *data, failures=240_000, kills=0)
    assert run.failures == 240_000 and run.passed and run.inferences > 60_000


@pytest.mark.parametrize("defect", defects.ANY_MODEL[:5] + defects.TINY, ids=lambda defect: defect.name)
def test_random_failures_find_the_plain_defects(model, data, tmp_path, defect):
    run = simulate_directory(defect.apply(model, tmp_path / "broken"), *data, failures=3000, kills=0)
    assert run.divergences == 1 and not run.passed
    assert run.first.kind in run.message


def test_a_period_that_livelocks_is_found(tmp_path):
    # Two words of cursor, the lower one first: with the right period power fails between them in every round.
    (defect,) = [defect for defect in defects.ANY_MODEL if defect.name == "torn cursor, unit first"]
    model = tiny.write_tiny(tmp_path / "model", width=28)
    data = tiny.stream(3, width=28)
    run = simulate_directory(defect.apply(model, tmp_path / "broken"), *data, failures=100, kills=0)
    assert run.divergences == 0 and not run.passed
    assert run.livelocked == (39,) and run.smallest_period == 32
    assert "livelocks at 39" in run.summary()
    assert simulate_directory(model, *data, failures=100, kills=0).passed
    write_junit(tmp_path / "out.xml", {"periods": run})
    assert "livelock" in (tmp_path / "out.xml").read_text()


def test_an_inference_without_end_is_reported(model, data, tmp_path):
    change = (defects.RUNTIME, "(uint16_t)(cursor + 1U)", "(uint16_t)(cursor == 4U ? 2U : cursor + 1U)")
    broken = defects.Defect("loop", (change,)).apply(model, tmp_path / "broken")
    run = simulate_directory(broken, *data, failures=100, kills=0)
    assert run.first.kind.startswith("no end") and run.smallest_period == 0 and not run.passed


def test_kills_show_a_torn_input(model, data, tmp_path):
    # Exposed before it is complete: only kills in the middle of a delivery can show it.
    broken = defects.ANY_MODEL[1].apply(model, tmp_path / "broken")
    inputs, _, answers = write_stream(tmp_path, *data)
    writes = explore_directory(model, *data).writes
    with pytest.raises(MismatchError, match="differ|never|answer"):
        kill_repeatedly(compile_directory(broken).host, tmp_path, inputs, answers, writes, kills=300, seed=1)


def test_junit_names_what_failed(model, data, tmp_path):
    run = simulate_directory(model, *data, failures=50, kills=0)
    broken = defects.ANY_MODEL[0].apply(model, tmp_path / "broken")
    bad = explore_directory(broken, *data)
    write_junit(tmp_path / "out.xml", {"random": run, "explored": bad})
    suite = ElementTree.parse(tmp_path / "out.xml").getroot()[0]
    assert suite.attrib == {"name": "sparsecomp", "tests": "2", "failures": "1"}
    cases = {case.get("name"): case for case in suite}
    assert cases["random"].find("failure") is None
    assert "a wrong answer" in cases["explored"].find("failure").get("message")
    with pytest.raises(ToolError, match="cannot write"):
        write_junit(tmp_path / "missing" / "out.xml", {"random": run})


def test_needs_a_compiler(model, data, monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(ToolError, match="no-such-compiler") as error:
        simulate_directory(model, *data)
    assert error.value.hint
    monkeypatch.delenv("CC")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolError, match="no C compiler"):
        simulate_directory(model, *data)


def test_a_compile_error_is_one_line(model, data, tmp_path):
    broken = defects.Defect("typo", (("model.c", "static int16_t sum", "static int16_t"),)).apply(model, tmp_path / "b")
    with pytest.raises(ToolError, match=r"compiling model.c failed: .*error") as error:
        simulate_directory(broken, *data)
    assert "\n" not in error.value.message


def test_refuses_negative_numbers(model, data):
    for wrong in ({"failures": -1}, {"kills": -1}, {"seed": -1}):
        with pytest.raises(InputError):
            simulate_directory(model, *data, **wrong)


def test_c_is_clean_under_warnings_and_sanitizers(model, data, tmp_path):
    strict = "-Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Werror".split()
    sanitized = ("-g", "-fsanitize=undefined", "-fno-sanitize-recover=all")
    programs = compile_directory(model, flags=(*strict, *sanitized))
    assert programs.harness.exists() and programs.host.exists()
    run = simulate_directory(model, *data, failures=50, kills=2, flags=(*strict, *sanitized))
    assert run.passed
    inputs, expected = data
    (tmp_path / "in").write_bytes(b"".join(words.tobytes() for words in inputs))
    command = [programs.host, tmp_path / "fram", tmp_path / "in", tmp_path / "out"]
    done = subprocess.run(list(map(os.fspath, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

"""Random failures, fixed periods and real kills leave every answer as it is, and say so where they do not."""

import json
import os
import subprocess
from xml.etree import ElementTree

import defects
import pytest

from sparsecomp.errors import InputError, ToolError
from sparsecomp_tools.power import compile_directory, explore_directory, simulate_directory, tiny, write_junit


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


def test_a_period_that_livelocks_is_found(model, data, tmp_path):
    # After one write of its own the device forgets where it stood, if it is booted with an odd unit half done.
    changes = (
        (defects.RUNTIME_H, "} progress_t;", "    volatile uint16_t boots;\n} progress_t;"),
        (
            defects.RUNTIME,
            defects.COMMIT,
            "    nvm_commit(&model_progress.cursor, (uint16_t)(cursor == 9U && model_progress.boots == 3U ? 2U : cursor + 1U));\n",
        ),
        (
            defects.RUNTIME,
            "    nvm_commit(&model_progress.held, 1U);\n",
            "    nvm_commit(&model_progress.held, 1U);\n    nvm_commit(&model_progress.boots, 3U);\n",
        ),
        (
            defects.RUNTIME,
            "    nvm_commit(&model_progress.cursor, 1U);\n",
            "    nvm_commit(&model_progress.boots, 0U);\n    nvm_commit(&model_progress.cursor, 1U);\n",
        ),
    )
    # "boots" is 0 while units run, so this is correct; it costs two writes an inference.
    same = defects.Defect("harmless", changes).apply(model, tmp_path / "harmless")
    plain = simulate_directory(model, *data, failures=10, kills=0)
    run = simulate_directory(same, *data, failures=10, kills=0)
    assert run.passed and run.writes[0] == plain.writes[0] + 2
    # Left at 3 it sends unit 9 back for ever: no failure is needed to see that.
    broken = defects.Defect("loop", (*changes[:3],)).apply(model, tmp_path / "loop")
    run = simulate_directory(broken, *data, failures=10, kills=0)
    assert not run.passed and run.first.kind.startswith("no end")


def test_kills_show_a_torn_input(model, data, tmp_path):
    # Exposed before it is complete: only kills in the middle of a delivery can show it.
    broken = defects.ANY_MODEL[1].apply(model, tmp_path / "broken")
    from sparsecomp.errors import MismatchError
    from sparsecomp_tools.power.running import write_stream
    from sparsecomp_tools.power.simulation import kill_repeatedly

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

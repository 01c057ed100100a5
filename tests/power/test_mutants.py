"""Mutations are what they say, and the benchmark catches or explains them."""

import json

import pytest

from sparsecomp.errors import InputError
from sparsecomp_tools.benchmarks import mutants
from sparsecomp_tools.benchmarks.mutations import mutations
from sparsecomp_tools.benchmarks.survivors import SURVIVORS
from sparsecomp_tools.power import tiny

TEXT = """/* a; b == 1 */
#define N 3
static int table[2] = {1, 2};

int f(int a, int *p)
{
    int b = 5;

    if (a < 1 && b != 0x10) {
        nvm_put(p, 7);
        nvm_commit(p, b);
        return 2;
    }
    b = a;
    a = 010;
    puts("x == y; 3");
    return b;
}
"""


def changes(kind):
    return [(m.line, m.old, m.new) for m in mutations("f.c", TEXT) if m.kind == kind]


def test_each_kind_changes_what_it_says():
    assert changes("flipped") == [(9, "<", "<="), (9, "!=", "==")]
    assert changes("joined") == [(9, "&&", "||")]
    assert changes("moved") == [
        (7, "5", "6"),
        (9, "1", "2"),
        (9, "0x10", "17"),
        (10, "7", "8"),
        (12, "2", "3"),
        (15, "010", "011"),
    ]
    assert [line for line, _, new in changes("deleted") if new == ";"] == [10, 11, 12, 14, 15, 16, 17]
    ((line, old, new),) = [change for change in changes("swapped") if "nvm" in change[1]]
    assert line == 10 and old.split() == "nvm_put(p, 7); nvm_commit(p, b);".split()
    assert new.split() == "nvm_commit(p, b); nvm_put(p, 7);".split()


def test_swaps_only_where_order_matters():
    assert len(changes("swapped")) == 2  # the two stores, and b = a with a = 010
    independent = TEXT.replace("a = 010;", "p = 0;")
    assert len([m for m in mutations("f.c", independent) if m.kind == "swapped"]) == 1


def test_a_mutation_changes_just_its_place():
    for mutation in mutations("f.c", TEXT):
        changed = mutation.apply(TEXT)
        assert changed != TEXT
        assert changed.startswith(TEXT[: mutation.start]) and changed.endswith(TEXT[mutation.end :])
        assert mutation.file == "f.c" and mutation.context in TEXT


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.write_tiny(tmp_path_factory.mktemp("tiny") / "model")


def test_every_explained_survivor_exists(model):
    keys = [mutation.key for mutation in mutants.all_mutations(model)]
    for key, reason in SURVIVORS.items():
        assert key in keys and reason


def test_a_sample_is_caught_or_explained(model):
    report = mutants.run_mutants(model, *tiny.stream(2), sample=12, seed=5)
    assert report.unexplained == () and report.counted > 6
    assert {verdict.by for verdict in report.verdicts} - {"", "build"}
    result = json.loads(json.dumps(report.to_json()))
    assert result["mutants"] == report.counted and len(result["survivors"]) == len(report.survivors)


def test_a_faulty_directory_is_refused(model):
    inputs, expected = tiny.stream(2)
    with pytest.raises(InputError, match="fails without any mutation"):
        mutants.run_mutants(model, inputs, expected[::-1])


def test_exit_codes(model, tmp_path, capsys, monkeypatch):
    assert mutants.main(["--only", "fail.c", "--json", str(tmp_path / "out.json")]) == 0
    assert json.loads((tmp_path / "out.json").read_text())["killed"] == 1.0
    missing = str(tmp_path / "none")
    assert mutants.main(["--directory", missing, "--inputs", missing, "--expected", missing]) == 2
    with pytest.raises(SystemExit):
        mutants.main(["--directory", missing])
    monkeypatch.setattr(mutants, "judge", lambda *_: "")
    assert mutants.main(["--only", "fail.c"]) == 5
    assert "NOT EXPLAINED" in capsys.readouterr().out

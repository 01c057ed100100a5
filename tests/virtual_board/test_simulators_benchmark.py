"""The benchmark against GDB's simulator: what it reports, and that it refuses what it must; never how long it took."""

import json
import subprocess

import pytest
from click.testing import CliRunner
from toolchain import require_msp430

from sparsecomp.errors import MismatchError
from sparsecomp_tools.benchmarks import simulators


@pytest.fixture
def tiny(monkeypatch):
    """Runs the benchmark with tiny programs."""
    require_msp430()

    def run(*words, wanted=0.0):
        monkeypatch.setattr(simulators, "WANTED", wanted)
        return CliRunner().invoke(simulators.main, ["--scale", "0.001", "--runs", "1", *map(str, words)])

    return run


def test_the_report(tiny, tmp_path):
    done = tiny("--out", tmp_path / "report.json")
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert json.loads(done.stdout) == report
    assert (report["report"], report["version"], report["runs"]) == ("simulators", 1, 1)
    assert [case["name"] for case in report["cases"]] == list(simulators.ROUNDS)
    for case in report["cases"]:
        assert case["instructions"] > 1000 and case["energy_uj"] > 0 and 0.3 < case["hit_ratio"] < 1
        assert case["ratio"] == pytest.approx(case["gdb_s"] / case["virtual_board_s"], abs=0.006)
        assert f"{case['name']}: {case['instructions']:,} instructions" in done.stderr
    assert report["smallest_ratio"] == min(case["ratio"] for case in report["cases"])
    assert report["smallest_ratio"] == next(
        case["ratio"] for case in report["cases"] if case["name"] == report["slowest_program"]
    )


def test_a_virtual_board_that_is_too_slow_fails(tiny):
    done = tiny(wanted=1e9)
    assert done.exit_code == MismatchError.exit_code
    assert "error: the virtual board is" in done.stderr and json.loads(done.stdout)["wanted_ratio"] == 1e9


def test_the_peripherals_run(tmp_path, monkeypatch):
    """The programs run with a wait state for the cache to save, and with a timer in the ledger."""
    require_msp430()
    from sparsecomp_tools.virtual_board import run_elf

    elf = simulators.compile_program("sorting", 1, tmp_path)
    result = run_elf(simulators.BOARD, elf, semihosting=True)
    assert result.stopped == "exit" and result.ledger["timers"] > 0 and result.wait_cycles > 0
    assert 0 < result.cache_misses < result.cache_hits


def test_simulators_that_disagree_are_an_error(tmp_path, monkeypatch):
    require_msp430()
    elf = simulators.compile_program("checksum", 1, tmp_path)
    real = subprocess.run

    def changed(command, **options):
        done = real(command, **options)
        if command[0] == "msp430-elf-run":
            done.stdout += b"more"
        return done

    monkeypatch.setattr(simulators.subprocess, "run", changed)
    with pytest.raises(MismatchError, match="checksum: the virtual board ends with exit 0"):
        simulators.measure("checksum", elf, 1)


def test_without_the_toolchain_it_says_what_is_missing(monkeypatch):
    monkeypatch.setenv("PATH", "")
    done = CliRunner().invoke(simulators.main, [])
    assert done.exit_code == 4 and "error: msp430-elf-gcc is not on the PATH\nhint: " in done.stderr

"""Compiled programs that use the accelerator: a whole call against the published fit, the benchmark, the explorer."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from toolchain import require_msp430

from sparsecomp.errors import MismatchError
from sparsecomp_tools.benchmarks import lea as benchmark
from sparsecomp_tools.virtual_board import run_elf
from sparsecomp_tools.virtual_board.events import WATCH, read_events

PROGRAM = Path(__file__).parent / "programs" / "lea_call.c"


@pytest.fixture
def call(tmp_path):
    """Calls with a length and an address; (returned, sum, cycles at 16 MHz, nJ) of the second call."""
    require_msp430()

    def run(length, first="data", **options):
        script, elf, image, marks = (tmp_path / name for name in ("call.ld", "call.elf", "image", "marks"))
        script.write_text(benchmark.LINKER_SCRIPT)
        image.unlink(missing_ok=True)
        command = ["msp430-elf-gcc", *benchmark.FLAGS, f"-DLENGTH={length}", f"-DFIRST={first}", str(PROGRAM)]
        done = subprocess.run([*command, "-T", str(script), "-o", str(elf), "-lgcc"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        result = run_elf(benchmark.BOARD, elf, watch=benchmark.MARK, stop_value=4, events=marks, image=image, **options)
        assert result.stopped == "watched", result.message
        events = read_events(marks)
        at = {int(e["value"]): e for e in events[events["kind"] == WATCH]}
        passed = {name: int(at[3][name]) - int(at[2][name]) for name in ("time_ps", "energy_fj")}
        found = np.frombuffer(image.read_bytes(), "<i4", 2, benchmark.RESULTS)
        return *map(int, found), passed["time_ps"] / 62_500, passed["energy_fj"] / 1e6

    return run


@pytest.mark.parametrize("n", [16, 256, 512])
def test_a_whole_call_takes_what_was_published(call, n):
    """1.5 n + 616 cycles and 0.527 n + 204 nJ (iNAS): the time is fitted to it, the energy is not."""
    returned, found, cycles, nj = call(n)
    assert (returned, found) == (0, 2 * n * 100 * 100)
    assert cycles == pytest.approx(1.5 * n + 616, rel=0.05)
    assert nj == pytest.approx(0.527 * n + 204, rel=0.25)
    assert cycles - call(n, lea_start_cycles=0)[2] == pytest.approx(244, abs=1)


@pytest.mark.parametrize(
    ("length", "first", "status"),
    [(15, "data", 1), (16, "data + 1", 2), (16, "(int16_t *)0x1D00", 2), (16, "(int16_t *)0x3BF8", 5), (0, "data", 6)],
)
def test_a_driver_refuses_what_the_accelerator_cannot_see(call, length, first, status):
    """Odd lengths and addresses with lower bits are its own to check; the rest comes back as flags."""
    assert call(length, first)[0] == status


def test_the_benchmark(tmp_path):
    require_msp430()
    done = CliRunner().invoke(benchmark.main, ["--taps", "32", "--mhz", "16", "--out", str(tmp_path / "lea.json")])
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "lea.json").read_text())
    assert (report["report"], report["version"], report["simulated"], report["mhz"]) == ("lea", 1, True, 16)
    cases = {(case["kernel"], case["start"]): case for case in report["cases"]}
    assert {case["kernel"] for case in report["cases"]} == set(benchmark.KERNELS)
    assert not cases["macs", ""]["fitted"] and 8 < cases["macs", ""]["cycles_a_product"] < 12
    for (kernel, start), case in cases.items():
        assert case["fitted"] == kernel.startswith("lea") and (case["conflicts"] > 0) <= (kernel == "lea_overlapped")
        if start == "most":
            assert case["cycles"] > cases[kernel, "least"]["cycles"] and case["nj"] > cases[kernel, "least"]["nj"]
    assert cases["macs_short", ""]["cycles"] > cases["macs", ""]["cycles"]
    assert len(report["ratios"]) == len(cases) - 2 and done.stderr.count("fitted") == len(cases) - 2


def test_a_wrong_sum_fails_the_benchmark(monkeypatch):
    require_msp430()
    right = benchmark.layer_data
    monkeypatch.setattr(benchmark, "layer_data", lambda *a: (right(*a)[0], right(*a)[1] + 1))
    done = CliRunner().invoke(benchmark.main, ["--taps", "16"])
    assert done.exit_code == MismatchError.exit_code and "with sums" in done.stderr
    assert CliRunner().invoke(benchmark.main, ["--taps", "24"]).exit_code == 2

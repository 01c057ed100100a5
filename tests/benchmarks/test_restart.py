"""The benchmark of restart protection: every program right and restartable on layers of every kind, and its report."""

import json

import pytest
from click.testing import CliRunner
from toolchain import require_msp430

from sparsecomp.boards import load_board
from sparsecomp.errors import MismatchError, ToolError
from sparsecomp_tools.benchmarks import restart, restart_build, restart_tables
from sparsecomp_tools.benchmarks.random_networks import Sketch
from sparsecomp_tools.benchmarks.restart_measure import Image, survival, uninterrupted
from sparsecomp_tools.benchmarks.restart_networks import IMAGE, SENSOR
from sparsecomp_tools.benchmarks.restart_variants import OURS, SONIC, UNPROTECTED, tiled
from sparsecomp_tools.benchmarks.workshop import Workshop, edited

VARIANTS = (UNPROTECTED, tiled("products", 8), tiled("products", 32), tiled("outputs", 3), SONIC, OURS)


def mixed():
    """Dense, depthwise and sparse maps with pooling, a sparse line and a dense one."""
    net = Sketch((2, 12, 12), seed=1)
    net.conv(5, (3, 3)).relu().pool().conv(5, (3, 3), pad=1, groups=5).relu()
    net.conv(6, (2, 2), kept=0.3).relu().pool()
    return net.linear(9, kept=0.15).relu().linear(4).network(IMAGE)


def empty():
    """A map of three filters, of which two have no weights, and the first is one of them."""
    return Sketch((1, 7, 7), seed=2).conv(3, (3, 3), kept=0.15, empty=2).network(SENSOR)


@pytest.fixture
def shop(tmp_path):
    require_msp430()
    return Workshop(load_board(restart.BOARD), tmp_path)


def test_the_kinds_of_layers_are_all_there(tmp_path):
    def kinds(network):
        program = restart_build.subject("x", network, load_board(restart.BOARD), tmp_path).program
        return [restart_tables.kind(program, s) for s in program.steps if s.kernel == "mac"]

    assert kinds(mixed()) == ["DENSE_MAP", "DENSE_MAP", "SPARSE_MAP", "SPARSE_LINE", "DENSE_LINE"]
    assert kinds(empty()) == ["SPARSE_MAP"]


def test_the_report(monkeypatch):
    require_msp430()
    monkeypatch.setattr(restart, "NETWORKS", {"mixed": mixed, "empty": empty})
    report = restart.compare(("mixed", "empty"), 60, VARIANTS)
    assert json.loads(json.dumps(report))["simulated"] is True
    for network in report["networks"]:
        rows = {row["variant"]: row for row in network["variants"]}
        base = rows.pop("unprotected")
        assert base["ratio"] == 1 and base["extra_fram_bytes"] == 0
        for row in rows.values():
            assert row["cycles"] > base["cycles"] and row["fram_writes"] >= base["fram_writes"], row["variant"]
            assert sum(row["layer_cycles"].values()) == row["cycles"]
            assert row["failures"] >= 10 and row["recovery_cycles"] > 100
            assert row["charges_of_20000"] >= 1
        ours = rows["ours"]
        assert ours["ratio"] < 1.2 and ours["extra_fram_bytes"] == 2
        assert all(ours["ratio"] < row["ratio"] for name, row in rows.items() if name != "ours")
        # Without protection a layer's end is marked, which is a commit more where the layer is none of ours to change.
        marks = sum(1 if layer["kernel"] == "mac" else 2 for layer in network["layers"])
        assert ours["fram_writes"] == base["fram_writes"] + network["restart_units"] - marks
        assert 500 < ours["product_cycles"] < 2000
    assert len(report["shortfalls"]) >= 1  # so small networks have nothing to set a start against


def test_an_undo_log_that_is_armed_too_late_is_found(shop, monkeypatch, tmp_path):
    """The failures are dense enough to see one swapped pair of stores."""
    network = Sketch((40,), seed=3).linear(24, kept=0.4).network(SENSOR)
    board = load_board(restart.BOARD)
    mine = restart_build.subject("line", network, board, tmp_path / "line")
    real = restart_build.program_file
    late = (
        "    mov.w   r6, &sonic_pos_j            ; arms it\n    add.w   &RESLO, 0(r10)\n    addc.w  &RESHI, 2(r10)\n",
        "    add.w   &RESLO, 0(r10)\n    addc.w  &RESHI, 2(r10)\n    mov.w   r6, &sonic_pos_j\n",
    )

    def program_file(name):
        return edited(real(name), [late]) if name.endswith("sonic_undo.S") else real(name)

    image = Image(tmp_path / "fram")
    right = restart_build.build_variant(mine, SONIC, shop, tmp_path / "right.elf")
    cycles = uninterrupted(board, mine, right, image).cycles
    assert survival(board, mine, right, image, cycles, 80, 3500).failures >= 80
    monkeypatch.setattr(restart_build, "program_file", program_file)
    wrong = restart_build.build_variant(mine, SONIC, shop, tmp_path / "wrong.elf")
    assert uninterrupted(board, mine, wrong, image).fram_writes > 0
    with pytest.raises(MismatchError, match="line, sonic: the answer is not the reference's"):
        survival(board, mine, wrong, image, cycles, 80, 3500)


def test_an_edit_that_does_not_fit_is_refused():
    with pytest.raises(ToolError, match="has 'b' 2 times"):
        edited("a b b", [("b", "c")])


def test_tiles_are_whole_runs_or_divide_one(tmp_path):
    program = restart_build.subject("x", mixed(), load_board(restart.BOARD), tmp_path).program
    first, _, sparse, *_ = [s for s in program.steps if s.kernel == "mac"]
    assert first.attrs["runs"][:3] == (3, 1, 6)
    tiles = [restart_tables.run_and_tile(first, n) for n in (5, 6, 8, 12, 100)]
    assert tiles == [(3, 3), (6, 6), (6, 6), (6, 12), (6, 96)]
    assert restart_tables.run_and_tile(sparse, 8) == (0, 8)


def test_the_command_reports_errors(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("XDG_DATA_HOME", "/nowhere")
    done = CliRunner().invoke(restart.main, ["--network", "demo"])
    assert done.exit_code == 4 and "error: the compiler msp430-elf-gcc is not on the PATH" in done.stderr

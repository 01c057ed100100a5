"""Random networks as MSP430 code: each layer equals the reference, with 16-bit integers and both sizes of pointer."""

import random

import pytest
from toolchain import require_msp430

import sparsecomp
from sparsecomp.boards import load_board
from sparsecomp.pipeline import generate
from sparsecomp.plan.planner import make_plan
from sparsecomp.prepare import Request, prepare
from sparsecomp.project import write_files
from sparsecomp.report import layer_rows
from sparsecomp_tools.benchmarks.drawn_networks import build
from sparsecomp_tools.benchmarks.random_boards import Runs
from sparsecomp_tools.msim import check_msim

LINKED, FIRST_LINKED = 60, 1000  # networks, and the seed of the first


@pytest.mark.parametrize("seed", range(12))
def test_a_random_network(seed, tmp_path):
    require_msp430()
    chance = random.Random(seed)
    case = build(chance.choice, seed)
    path = tmp_path / "model.pt"
    sparsecomp.save(case.network, path, case.examples, calibration=case.samples, preprocess=case.wires)
    encoding = chance.choice(["auto", "csr", "bitmap", "dense"])
    request = Request(encoding=encoding, weights=chance.choice(["int8", "int16"]))
    prepared = prepare(path, request)
    plan = make_plan(prepared.program, load_board("host"))
    write_files(tmp_path / "project", generate(prepared, plan, layer_rows(plan)))
    wire = prepared.data(tuple(s[:2] for s in case.samples)).wire
    for model in ("small", "large"):
        assert check_msim(tmp_path / "project", prepared.program, wire, model=model) > 0


def test_many_as_linked_firmware_on_the_virtual_board(tmp_path):
    """With assembly, fusion, overlap and the accelerator, some of them with the power failing."""
    require_msp430()
    runs = Runs(tmp_path)
    for seed in range(LINKED):
        runs.run(FIRST_LINKED + seed, failing=seed % 5 == 0)
    found = runs.found
    assert found.networks == LINKED and found.words > 100 * LINKED and found.failures > LINKED
    kernels = {"convert", "fill", "mac", "mac on the LEA", "avg_pool", "max_pool", "copy", "add", "rectify", "lookup"}
    assert kernels <= set(found.steps) and {"8 MHz", "16 MHz", "small charges"} <= set(found.asked)

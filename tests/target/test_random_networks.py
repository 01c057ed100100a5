"""Random networks as MSP430 code: each layer equals the reference, with 16-bit integers and both sizes of pointer."""

import random
import sys
from pathlib import Path

import pytest
from toolchain import require_msp430

import sparsecomp
from sparsecomp.boards import load_board
from sparsecomp.pipeline import generate
from sparsecomp.plan.planner import make_plan
from sparsecomp.prepare import Request, prepare
from sparsecomp.project import write_files
from sparsecomp.report import layer_rows
from sparsecomp_tools.msim import check_msim

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
from random_networks import build  # noqa: E402


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

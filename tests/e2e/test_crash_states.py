"""Three small networks exhausted from the command line, and nine seeded mistakes, each of which is caught."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import networks
import pytest

import sparsecomp
from sparsecomp.errors import ConversionError
from sparsecomp.frontend import to_module
from sparsecomp.plan import Plan
from sparsecomp.plan.check import check
from sparsecomp_tools.power import explore_directory

sys.path.insert(0, str(Path(__file__).parents[1] / "power"))
import defects  # noqa: E402


@pytest.fixture(scope="module")
def residual(tmp_path_factory):
    return networks.generate(networks.residual(), tmp_path_factory.mktemp("residual"))


@pytest.mark.parametrize("name", networks.SMALL)
def test_explore_exhausts_a_small_network(name, tmp_path):
    import torch

    network = networks.SMALL[name]()
    path = tmp_path / "model.pt"
    sparsecomp.save(to_module(network.graph).eval(), path, torch.zeros(1, *network.graph.shapes["x"]),
                    calibration=network.samples(24, 6), preprocess=network.wire)  # fmt: skip
    command = [sys.executable, "-m", "sparsecomp.cli", "explore", str(path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["exploration"]
    assert found["exhausted"] and found["divergences"] == 0
    assert found["layers"] >= 3 and found["units"] >= 30 and min(found["writes"]) >= 700
    assert found["states"] > sum(found["writes"]) * 0.5 and found["transitions"] > found["states"]


def test_units_write_four_words_or_more(residual):
    units = [u for u in residual.plan.units for _ in range(u.count)]
    assert sum(u.writes >= 4 for u in units) >= 30


@pytest.mark.parametrize("defect", defects.ANY_MODEL, ids=lambda d: d.name)
def test_a_mistake_in_the_runtime_is_found(defect, residual, tmp_path):
    directory = defect.apply(residual.directory, tmp_path / "project")
    assert explore_directory(directory, list(residual.words), residual.answers).divergences > 0


def test_a_missing_zero_halo_is_found(residual, tmp_path):
    store = ("kernels/fill.c", "store(line + i, p->value);", "(void)line;")
    directory = defects.Defect("missing zero halo", (store,)).apply(residual.directory, tmp_path / "project")
    assert explore_directory(directory, list(residual.words), residual.answers).divergences > 0


def moved(plan: Plan, name: str, onto: str) -> Plan:
    """The plan with one buffer placed where another lies."""
    placements = dict(plan.placements)
    placements[name] = replace(placements[name], offset=placements[onto].offset, arena=placements[onto].arena)
    words = max(p.end for p in placements.values())
    arenas = (replace(plan.arenas[0], words=max(words, plan.arenas[0].words)), *plan.arenas[1:])
    return replace(plan, placements=placements, arenas=arenas)


def add_step(residual):
    return next(step for step in residual.program.steps if step.kernel == "add")


def test_an_in_place_add_is_refused_and_found(residual, tmp_path):
    step = add_step(residual)
    plan = moved(residual.plan, residual.program.base(step.output), residual.program.base(step.inputs[1]))
    with pytest.raises(ConversionError, match="writes over its own input"):
        check(plan)
    directory = networks.rendered(residual, plan, tmp_path / "project")
    assert explore_directory(directory, list(residual.words), residual.answers).divergences > 0


def test_a_buffer_reused_too_early_is_refused_and_found(residual, tmp_path):
    step = add_step(residual)
    early, late = (residual.program.base(name) for name in step.inputs)
    plan = moved(residual.plan, late, early)
    with pytest.raises(ConversionError, match="reused too early|writes over its own input"):
        check(plan)
    directory = networks.rendered(residual, plan, tmp_path / "project")
    assert explore_directory(directory, list(residual.words), residual.answers).divergences > 0

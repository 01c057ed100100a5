"""300 random networks through the whole line: saved, loaded, converted, cut into parts where that can be, built,
compared, and failed.
"""

import hashlib
import shutil
import subprocess
from collections import Counter
from importlib.resources import files
from pathlib import Path
from random import Random

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from parts import in_parts

import sparsecomp
from sparsecomp.boards import load_board
from sparsecomp.ops import SUPPORTED, run_float
from sparsecomp.pipeline import generate, stream
from sparsecomp.plan.planner import make_plan
from sparsecomp.prepare import Request, prepare
from sparsecomp.project import write_files
from sparsecomp.report import layer_rows
from sparsecomp_tools.benchmarks.drawn_networks import build
from sparsecomp_tools.power import simulate_directory

NETWORKS = 300
SANITIZED = ("-std=c99", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
FAILURES = 40
seen: Counter[str] = Counter()
taken: Counter[str] = Counter()
offered: set[str] = set()


@settings(
    max_examples=NETWORKS,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
@given(chance=st.randoms(use_true_random=False))
def check_network(folder: Path, chance):
    seed = chance.randrange(2**31)
    case = build(chance.choice, seed)
    taken.update(case.taken)
    offered.update(case.offered)
    path = folder / "model.pt"
    sparsecomp.save(case.network, path, case.examples, calibration=case.samples, preprocess=case.wires)
    request = Request(
        encoding=chance.choice(["auto", "csr", "bitmap", "dense"]),
        weights=chance.choice(["int8", "int16", "auto"]),
        numeric=chance.choice(["int8", "int8", "int8", "float32"]),
        volatile_input=chance.choice([True, False]),
    )
    prepared = prepare(path, request)
    seen.update(node.op for node in prepared.loaded.graph.nodes)
    check_float(case, prepared)
    program = in_parts(prepared.program, Random(seed))
    seen["computed in parts"] += len(program.steps) > len(prepared.program.steps)
    plan = make_plan(program, load_board("host"), volatile_input=request.volatile_input)
    project = folder / "project"
    shutil.rmtree(project, ignore_errors=True)
    write_files(project, generate(prepared, plan, layer_rows(plan)))
    run_sanitized(project, folder)
    inputs, expected = stream(prepared, prepared.data(tuple(s[:2] for s in case.samples)))
    run = simulate_directory(project, inputs, expected, failures=FAILURES, seed=seed % 1000, kills=0)
    assert run.passed, run.summary()
    assert run.failures == FAILURES
    assert run.smallest_period <= plan.charge.writes


def check_float(case, prepared):
    """The loaded graph computes what torch computes."""
    import torch

    real = [wire.to_float(x[:1]) for wire, x in zip(case.wires, case.samples, strict=True)]
    with torch.no_grad():
        wanted = case.network(*map(torch.from_numpy, real))
    graph = prepared.loaded.graph
    values = run_float(graph, real)
    for name, tensor in zip(graph.outputs, wanted if isinstance(wanted, tuple) else (wanted,), strict=True):
        np.testing.assert_allclose(values[name], tensor.numpy(), rtol=2e-4, atol=2e-4)


def run_sanitized(project: Path, folder: Path):
    """The project's self-test under the address and undefined-behaviour sanitizers."""
    library = sanitized_library(folder, project)
    folders = [f"-I{project / name}" for name in (".", "headers", "include", "port")]
    program = folder / "sanitized"
    sources = [str(project / "model.c"), str(project / "main.c")]
    subprocess.run(["gcc", *SANITIZED, *folders, *sources, str(library), "-lm", "-o", str(program)], check=True)
    done = subprocess.run([str(program)], capture_output=True, text=True)
    assert done.returncode == 0 and "PASS" in done.stdout, done.stdout + done.stderr


def sanitized_library(folder: Path, project: Path) -> Path:
    """All kernels and the runtime, built once for each config.h that is met."""
    config = (project / "include" / "config.h").read_bytes()
    library = folder / f"lib{hashlib.sha256(config).hexdigest()[:8]}"
    if not library.with_suffix(".a").exists():
        library.mkdir()
        shutil.copytree(project / "include", library / "include")
        firmware = files("sparsecomp_firmware")
        sources = [*firmware.joinpath("kernels").iterdir(), *firmware.joinpath("runtime").iterdir()]
        command = [
            "gcc",
            *SANITIZED,
            f"-I{library / 'include'}",
            "-c",
            *(str(s) for s in sources if s.name.endswith(".c")),
        ]
        subprocess.run(command, check=True, cwd=library)
        subprocess.run(["ar", "rcs", str(library.with_suffix(".a")), *map(str, library.glob("*.o"))], check=True)
    return library.with_suffix(".a")


def test_random_networks_equal_the_reference_and_survive_failures(tmp_path):
    check_network(tmp_path)
    rare = {op: seen[op] for op in SUPPORTED if seen[op] < 10}
    assert not rare, f"operators drawn fewer than ten times: {rare}"
    assert seen["computed in parts"] > NETWORKS // 4
    missing = sorted(option for option in offered if not taken[option])
    assert not missing, f"options never drawn: {missing}"
    assert len(offered) > 100

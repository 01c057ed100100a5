"""The notebooks are stored without outputs, and all their code runs in a fresh process, at a small size."""

import ast
import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from sparsecomp.toolchain import toolchain_path

FOLDER = Path(__file__).parents[2] / "tools" / "notebooks"
PROMISED = {
    "compress": ("model.pt",),
    "convert_deploy": ("model.pt", "my_model/model.c", "my_model/headers/conv2.h", "host/report.json"),
    "early_exit": ("exits.pt", "exits/model_ee.c", "exits/report.json"),
    "har": ("har.pt", "har/model.c", "har/report.json"),
}
SMALL = {"EPOCHS": "1", "STEPS": "2", "SAMPLES": "600", "FAILURES": "20"}
MOST_CELLS = 19

notebooks = pytest.mark.parametrize("name", sorted(PROMISED))


def read(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.ipynb").read_text())


def code_cells(name: str) -> list[str]:
    return ["".join(cell["source"]) for cell in read(name)["cells"] if cell["cell_type"] == "code"]


def execute(name: str, folder: Path) -> str:
    """What the code cells print, run as one script by a new Python in ``folder``."""
    script = folder / f"{name}.py"
    script.write_text("\n\n".join(code_cells(name)))
    environment = {key: value for key, value in os.environ.items() if key != "SPARSECOMP_DATA"}
    environment |= {f"SPARSECOMP_NOTEBOOK_{key}": value for key, value in SMALL.items()}
    done = subprocess.run(
        [sys.executable, "-W", "error:::__main__", script.name],
        cwd=folder,
        env=environment | {"MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_notebook_is_tested():
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == sorted(PROMISED)


@notebooks
def test_it_is_stored_without_outputs_in_format_4_5(name):
    notebook = read(name)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    cells = notebook["cells"]
    assert len(cells) <= MOST_CELLS
    assert all(cell["cell_type"] in ("code", "markdown") and not cell["metadata"] for cell in cells)
    for cell in cells:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
    names = [cell["id"] for cell in cells]
    assert len(set(names)) == len(names) and all(re.fullmatch(r"[a-z][a-z-]{0,63}", name) for name in names)


@notebooks
def test_its_code_is_plain_python_with_the_parameters_first(name):
    first, *rest = code_cells(name)
    for code in (first, *rest):
        ast.parse(code)  # no magics
    assert "SPARSECOMP_NOTEBOOK_EPOCHS" in first
    assert not any("environ" in code and "NOTEBOOK" in code for code in rest)


@notebooks
def test_it_runs_and_leaves_what_it_promises(name, tmp_path):
    printed = execute(name, tmp_path)
    for path in PROMISED[name]:
        assert (tmp_path / "build" / path).is_file(), path
    budget = r"^[\d,]+ of [\d,]+ bytes for the exits" if name == "early_exit" else r"^PASS [\d,]+ of [\d,]+ bytes$"
    assert re.search(budget, printed, re.MULTILINE)
    if name == "compress":
        drawn = (tmp_path / "build" / "history.png").is_file()
        assert drawn == (find_spec("matplotlib") is not None)
        # What the compression promised is what the saved file takes.
        encoded = re.search(r"^([\d,]+) encoded bytes", printed, re.MULTILINE)[1].replace(",", "")
        assert f"{encoded} weights and tables" in printed
    else:
        assert "PASS host C equals the reference bit by bit" in printed
        assert "PASS 20 power failures and 20 killed processes" in printed
    if name == "convert_deploy":
        compiler = toolchain_path("msp430-elf-gcc") is not None
        assert ("simulated, no physical board" in printed) == compiler
        assert ("msp430fr5994: skipped, because" in printed) != compiler
    if name == "har":
        assert "SYNTHETIC windows" in printed

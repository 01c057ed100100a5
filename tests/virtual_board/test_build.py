"""The simulator's C."""

import subprocess
from importlib.resources import files
from pathlib import Path

from sparsecomp_tools.power.compiling import compiler

STRICT = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wstrict-prototypes", "-Werror", "-fsyntax-only"]


def test_it_compiles_without_a_warning():
    folder = Path(str(files("sparsecomp_tools"))) / "virtual_board" / "device"
    sources = [str(path) for path in sorted(folder.glob("*.c"))]
    assert len(sources) > 15
    done = subprocess.run([*compiler(), "-std=c99", "-O2", *STRICT, *sources], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

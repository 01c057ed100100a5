"""The simulator's program, compiled with the host's compiler when it is first needed."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from sparsecomp_tools.power.compiling import compiler, link, object_files

FLAGS = ("-std=c99", "-O2")


@cache
def build() -> Path:
    """The program's path; compiled once in the life of this process. Raises ToolError where that fails."""
    folder = Path(str(files("sparsecomp_tools"))) / "virtual_board" / "device"
    command = [*compiler(), *FLAGS]
    return link(command, object_files(command, sorted(folder.glob("*.c")), (folder,)))

"""The simulator's program, compiled with the host's compiler when it is first needed."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files
from pathlib import Path

from sparsecomp_tools.power import compiling

FLAGS = ("-std=c99", "-O2")


@cache
def build() -> Path:
    """The program's path; compiled once in the life of this process. Raises ToolError where that fails."""
    folder = Path(str(files("sparsecomp_tools"))) / "virtual_board" / "device"
    command = [*compiling.compiler(), *FLAGS]
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        objects = list(
            pool.map(lambda source: compiling.object_file(command, source, (folder,)), sorted(folder.glob("*.c")))
        )
    return compiling.link(command, objects)

"""The simulator's program, compiled with the host's compiler when it is first needed and kept for later processes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path

from sparsecomp_tools.power.compiling import compiler, link, object_files

# No fused multiply-add: the supply's few sums come out the same on every computer.
FLAGS = ("-std=c99", "-O2", "-ffp-contract=off")


@cache
def build() -> Path:
    """The program's path. Raises ToolError where it does not compile."""
    folder = Path(str(files("sparsecomp_tools"))) / "virtual_board" / "device"
    return kept_program("virtual-board", [*compiler(), *FLAGS], sorted(folder.glob("*.c")), (folder,))


def kept_program(name: str, command: list[str], sources: Sequence[Path], folders: tuple[Path, ...]) -> Path:
    """The program of these sources, in the user's cache folder under a hash of them, the headers in ``folders``, the
    command and the compiler's version. Where that folder cannot be written it lives as long as this process.
    """
    target = cache_folder() / f"{name}-{_digest(command, sources, folders)}"
    if os.access(target, os.X_OK):
        return target
    made = link(command, object_files(command, list(sources), folders))
    aside = target.with_suffix(f".{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(made, aside)
        aside.replace(target)
    except OSError:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        return made
    return target


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/sparsecomp`` or ``~/.cache/sparsecomp``; it may not exist."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(named) if os.path.isabs(named) else Path(os.path.expanduser("~/.cache"))) / "sparsecomp"


def _digest(command: list[str], sources: Sequence[Path], folders: tuple[Path, ...]) -> str:
    version = subprocess.run([command[0], "--version"], capture_output=True).stdout
    headers = sorted(path for folder in folders for path in folder.glob("*.h"))
    parts = [" ".join(command).encode(), version, *(p.read_bytes() for p in (*sources, *headers))]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:32]

"""A project directory, written aside and renamed into place: it is there complete, or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sparsecomp.errors import InputError

MARK = "plan.json"  # what a directory of ours holds


def check_target(out: str | Path) -> Path:
    """``out`` as a path that may be written: not there, empty, or a project of ours. Raises InputError otherwise."""
    path = Path(out)
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise InputError(f"'{path.name}' is there already and is no directory", "choose another directory with -o")
    if path.is_dir() and any(path.iterdir()) and not _ours(path):
        raise InputError(
            f"'{path.name}' holds files that are not a project of ours", "choose another directory with -o, or empty it"
        )
    if not path.absolute().parent.is_dir():
        raise InputError(f"there is no directory '{path.parent}' to write into", "create it first")
    return path


def _ours(path: Path) -> bool:
    """Whether the directory holds a plan that this package wrote."""
    try:
        plan = json.loads((path / MARK).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(plan, dict) and plan.get("report") == "plan"


@contextmanager
def staged(out: str | Path) -> Iterator[Path]:
    """A new directory beside ``out`` that replaces it where the block ends well, and vanishes where it does not."""
    path = check_target(out)
    aside = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.absolute().parent))
    try:
        stage = aside / "new"
        stage.mkdir()
        yield stage
        _replace(path, stage, aside / "old")
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _replace(path: Path, stage: Path, old: Path) -> None:
    if path.is_dir():
        path.rename(old)
    try:
        stage.rename(path)
    except OSError:
        if old.exists():
            old.rename(path)
        raise


def write_files(directory: Path, contents: dict[str, bytes]) -> None:
    """Writes files by their path inside ``directory``."""
    for name, data in contents.items():
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

"""A project directory, written aside and renamed into place: it is there complete, or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sparsecomp.errors import InputError

MARK = "plan.json"  # what a directory of ours holds; its "files" are the hashes of the others
REPORT = "report.json"  # rewritten by every run, so it has no hash
BUILT = "build"  # what make leaves, which can be made again


def check_target(out: str | Path) -> Path:
    """``out`` as a path that may be written: not there, empty, or a project of ours that nobody has changed since.

    Raises InputError otherwise, so that no file of the user's is lost.
    """
    path = Path(out)
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise InputError(f"'{path.name}' is there already and is no directory", "choose another directory with -o")
    if path.is_dir() and any(path.iterdir()):
        _check_ours(path)
    if not path.absolute().parent.is_dir():
        raise InputError(f"there is no directory '{path.parent}' to write into", "create it first")
    return path


def _check_ours(path: Path) -> None:
    """Raises InputError where the directory holds anything but a project of ours as it was written."""
    try:
        plan = json.loads((path / MARK).read_bytes())
        hashes = dict(plan["files"]) if plan["report"] == "plan" else {}
    except (OSError, ValueError, KeyError, TypeError):
        hashes = {}
    if not hashes:
        raise InputError(
            f"'{path.name}' holds files that are not a project of ours", "choose another directory with -o, or empty it"
        )
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path).as_posix()
        if file.is_dir() or name in (MARK, REPORT) or name.startswith(f"{BUILT}/"):
            continue
        if hashes.get(name) != digest(file.read_bytes()):
            what = "was changed since it was generated" if name in hashes else "was not generated"
            raise InputError(
                f"'{path.name}/{name}' {what}, and would be lost", "move it, or choose another directory with -o"
            )


def digest(data: bytes) -> str:
    """Short hash of a file's content."""
    return hashlib.sha256(data).hexdigest()[:16]


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

"""Whether a result will find its place, asked before the work is done."""

import os
import tempfile
from pathlib import Path

from sparsecomp.errors import InputError


def check_file(path: str | Path) -> None:
    """Raises InputError where no file can be written at ``path``."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f"'{path}' is a folder", f"give a file name: {path.name or 'model'}.pt")
    folder = path.absolute().parent
    if not folder.is_dir() or not _takes_files(folder):
        raise InputError(f"there is no folder '{folder.name}' to write '{path.name}' to", "make it, or choose another")


def check_folder(path: str | Path) -> None:
    """Raises InputError where ``path`` neither is a folder that files can be written to nor can be made one."""
    there = Path(path).absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir() or not _takes_files(there):
        raise InputError(f"'{path}' cannot be a folder for results", f"'{there.name}' takes no files: choose another")


def _takes_files(folder: Path) -> bool:
    # By trying: rights alone do not tell of file systems that are full, read-only or made up.
    try:
        with tempfile.TemporaryFile(dir=folder):
            return os.access(folder, os.W_OK)
    except OSError:
        return False

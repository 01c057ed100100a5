"""The arrays that the benchmarks are run on: read or made again, and held against the SHA-256 that are on record.

``python -m sparsecomp_tools.benchmarks.data --data DIR | --out DIR [--fsdd DIR]`` checks the files ``<set>.npz`` of a
folder, or writes them there from the public sources first. Nothing is unpickled.
"""

import hashlib
import json
import sys
import zipfile
import zlib
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

import click
import numpy as np

from sparsecomp.errors import InputError, SparseCompError
from sparsecomp_tools.benchmarks.sources import Arrays, rebuild

HASHES: dict[str, dict[str, str]] = json.loads(
    files("sparsecomp_tools.benchmarks").joinpath("data_hashes.json").read_text()
)
SETS = tuple(HASHES)
_DAMAGE = (ValueError, OSError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)
_HINT = "make the files again: python -m sparsecomp_tools.benchmarks.data --out DIR"


def digest(array: np.ndarray) -> str:
    """SHA-256 over type, shape and little-endian bytes of an array, in hexadecimal."""
    # One byte order, so that every machine finds the same number.
    array = np.asarray(array).astype(np.asarray(array).dtype.newbyteorder("<"))
    return hashlib.sha256(f"{array.dtype.str}{array.shape}".encode() + array.tobytes()).hexdigest()


def check(name: str, arrays: Arrays) -> None:
    """Raises InputError that names the first array of the set ``name`` that is not the one on record."""
    for key, array in arrays.items():
        if key not in HASHES[name]:
            raise InputError(f"{name} holds an array '{key}' that is not on record", _HINT)
        if digest(array) != HASHES[name][key]:
            raise InputError(f"array '{key}' of {name} {array.dtype}{array.shape} is not the one on record", _HINT)


def load(name: str, folder: Path | None = None, keys: Iterable[str] = ()) -> Arrays:
    """The arrays of the set ``name`` from ``folder/<name>.npz``, all or those in ``keys``, checked. Raises InputError.

    Without a folder Fashion-MNIST-6k is read from the package, which ships it; the other sets are not shipped.
    """
    if name not in HASHES:
        raise InputError(f"there is no data set '{name}'", f"one of {', '.join(SETS)}")
    if folder is None and name != "fashion_mnist_6k":
        raise InputError(f"{name} does not come with the package", "name a folder that holds it with --data DIR")
    where = files("sparsecomp.datasets") if folder is None else folder
    arrays = _read(where.joinpath(f"{name}.npz"), tuple(keys) or tuple(HASHES[name]))
    check(name, arrays)
    return arrays


def make(name: str, folder: Path, fsdd: Path | None = None) -> Path:
    """Writes ``folder/<name>.npz`` from its public source unless it is there. Raises InputError, ToolError."""
    path = folder / f"{name}.npz"
    if not path.exists():
        arrays = rebuild(name, folder / "sources", fsdd)
        check(name, arrays)
        folder.mkdir(parents=True, exist_ok=True)
        # Under another name first: what is called <name>.npz is whole.
        partial = folder / f"{name}.partial.npz"
        np.savez_compressed(partial, **arrays)
        partial.replace(path)
    return path


def _read(path: Path, keys: tuple[str, ...]) -> Arrays:
    if not path.is_file():
        raise InputError(f"there is no {path.name} in that folder", _HINT)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            missing = [key for key in keys if key not in data]
            if missing:
                raise InputError(f"{path.name} holds no array '{missing[0]}'", _HINT)
            return {key: data[key] for key in keys}
    except _DAMAGE as error:
        raise InputError(f"{path.name} is damaged or no .npz of plain arrays", _HINT) from error


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="A folder that holds the files <set>.npz.")
@click.option("--out", type=click.Path(path_type=Path), help="A folder to write those files into and check them in.")
@click.option("--fsdd", type=click.Path(path_type=Path), help="A clone of the Free Spoken Digit Dataset, for --out.")
@click.option("--set", "names", multiple=True, type=click.Choice(SETS), help="Only this set; may be given repeatedly.")
def main(data: Path | None, out: Path | None, fsdd: Path | None, names: tuple[str, ...]) -> None:
    """Check the benchmark arrays, or make them from their public sources first."""
    failed = 0
    if (data is None) == (out is None):
        raise click.UsageError("give either --data or --out")
    for name in names or SETS:
        try:
            if out is not None:
                make(name, out, fsdd)
            arrays = load(name, data if data is not None else out)
        except SparseCompError as error:
            # The sets are independent: one whose source is missing does not keep the others back.
            click.echo(f"error: {error.message}\nhint: {error.hint}", err=True)
            failed = failed or error.exit_code
            continue
        click.echo(f"{name}: {len(arrays)} arrays, SHA-256 as on record")
        for key, array in arrays.items():
            click.echo(f"  {key:8} {array.dtype!s:7} {array.shape}")
    sys.exit(failed)


if __name__ == "__main__":
    main(prog_name="python -m sparsecomp_tools.benchmarks.data")

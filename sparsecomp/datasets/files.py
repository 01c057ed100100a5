"""Reading a user's data as arrays: never pickles, never code."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from sparsecomp.datasets.checks import check_labels, check_samples
from sparsecomp.datasets.idx import read_idx_folder
from sparsecomp.errors import InputError

# Largest array that is read, in bytes: a small file may claim to unpack into terabytes.
MAX_BYTES = 4 << 30
_DAMAGE = (ValueError, OSError, EOFError, KeyError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error)
_HOW = "np.savez('data.npz', x=inputs, y=labels)"


def load_arrays(path: str | Path, *, train: bool = False) -> tuple[tuple[np.ndarray, ...], np.ndarray | None]:
    """Samples, one array (N, ...) for each input, and labels as they are or None.

    From an ``.npz`` with x (or x0, x1, ...) and y, or x_test and y_test, or from a torchvision dataset folder. With
    ``train`` the training part is taken where there is one. Raises InputError.
    """
    path = Path(path)
    if path.is_dir():
        x, y = read_idx_folder(path, train)
        return (x,), y
    if not path.exists():
        raise InputError(f"there is no data file '{path}'", f"an .npz ({_HOW}) or a torchvision dataset folder")
    return _read_npz(path, train)


def load_data(path: str | Path, *, train: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Samples of a network with one input and their classes, ``(x (N, ...), y (N,) int64)``. Raises InputError."""
    columns, y = load_arrays(path, train=train)
    name = Path(path).name
    if y is None:
        raise InputError(f"{name} holds no labels (y or y_test)", f"write it with {_HOW}")
    x = _only(columns, name)
    return x, check_labels(x, y, name)


def load_calibration(path: str | Path) -> np.ndarray:
    """Samples alone ``(N, ...)`` to calibrate a network with one input on; training samples where there are any."""
    return _only(load_arrays(path, train=True)[0], Path(path).name)


def _only(columns: tuple[np.ndarray, ...], name: str) -> np.ndarray:
    if len(columns) != 1:
        raise InputError(f"{name} holds {len(columns)} inputs, one is wanted", f"write it with {_HOW}")
    return columns[0]


def _read_npz(path: Path, train: bool) -> tuple[tuple[np.ndarray, ...], np.ndarray | None]:
    name = path.name
    try:
        # Only a zip: np.load would also take a bare array or a pickle.
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
    except _DAMAGE as error:
        raise InputError(f"{name} is not an .npz file", f"write it with {_HOW}") from error
    for member, size in sizes.items():
        if size > MAX_BYTES:
            raise InputError(f"array '{member}' in {name} claims {size} bytes", f"at most {MAX_BYTES} are read")
    held = [member.removesuffix(".npy") for member in sizes if member.endswith(".npy")]
    x_keys, y_key = _choose(held, train)
    if not x_keys:
        names = ", ".join(held[:6]) or "nothing"
        raise InputError(f"{name} holds no array x or x_test (it holds: {names})", f"write it with {_HOW}")
    try:
        with np.load(path, allow_pickle=False) as data:
            columns = [data[key] for key in x_keys]
            y = data[y_key] if y_key in held else None
    except _DAMAGE as error:
        if "allow_pickle" in str(error) or "Object arrays" in str(error):
            raise InputError(
                f"{name} holds pickled Python objects, which could run code when read",
                "save plain arrays: x.astype('float32'), or np.stack(list) where it is a list",
            ) from error
        raise InputError(f"{name} is damaged: {_first_line(error)}", "write it again") from error
    # A member without numpy's header comes back as bytes.
    if not all(isinstance(part, np.ndarray) for part in columns) or not (y is None or isinstance(y, np.ndarray)):
        raise InputError(f"{name} is damaged: a member is no array", "write it again")
    for key, column in zip(x_keys, columns, strict=True):
        check_samples(column, key, name)
        if len(column) != len(columns[0]):
            raise InputError(f"{name} holds {len(columns[0])} of {x_keys[0]} but {len(column)} of {key}", "pair them")
    return tuple(columns), y


def _choose(held: list[str], train: bool) -> tuple[list[str], str]:
    """Names of the samples and of the labels to read, the samples being empty where there are none."""
    numbered = [f"x{i}" for i in range(len(held))]
    numbered = numbered[: next((i for i, key in enumerate(numbered) if key not in held), len(numbered))]
    plain = [(["x"], "y"), (numbered, "y"), (["x_test"], "y_test")]
    training = [(["x_train"], "y_train")]
    for keys, y_key in training + plain if train else plain + training:
        if keys and keys[0] in held:
            return keys, y_key
    return [], ""


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:120]

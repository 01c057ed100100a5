"""MNIST-like dataset folders as torchvision leaves them: IDX files, plain or gzipped, under ``root/<Name>/raw``."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from sparsecomp.errors import InputError

# http://yann.lecun.com/exdb/mnist/: two zero bytes, type, number of dimensions, sizes, then big-endian values.
_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_VALUES = 1 << 30
_IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")


def read_idx_folder(folder: Path, train: bool) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of the training or test part, from the folder itself, ``raw`` or ``<Name>/raw`` below it."""
    part = "train" if train else "t10k"
    images = _find(folder, f"{part}-images-idx3-ubyte")
    labels = _find(folder, f"{part}-labels-idx1-ubyte")
    if images is None or labels is None:
        raise _refusal(folder, part)
    return read_idx(images), read_idx(labels)


def read_idx(path: Path) -> np.ndarray:
    """The array in one IDX file, ``.gz`` or not, in the machine's byte order. Raises InputError."""
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rb") as file:
            head = file.read(4)
            if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _TYPES or not head[3]:
                raise InputError(f"{path.name} is not an IDX file", "download the data set again")
            sizes = file.read(4 * head[3])
            if len(sizes) < 4 * head[3]:
                raise InputError(f"{path.name} ends within its header", "download the data set again")
            shape = struct.unpack(f">{head[3]}I", sizes)
            count = math.prod(shape)
            if not 0 < count <= _MAX_VALUES:
                raise InputError(f"{path.name} claims the shape {shape}", f"at most {_MAX_VALUES} values are read")
            dtype = np.dtype(_TYPES[head[2]])
            # One byte more than expected, so that a longer file is noticed without reading all of it.
            body = file.read(count * dtype.itemsize + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot read {path.name}: it is damaged", "download the data set again") from error
    if len(body) != count * dtype.itemsize:
        what = "ends early" if len(body) < count * dtype.itemsize else "is longer than its header says"
        raise InputError(f"{path.name} {what}", "download the data set again")
    return np.frombuffer(body, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def _find(folder: Path, stem: str) -> Path | None:
    names = (stem, stem.replace("-idx", ".idx"), f"{stem}.gz")
    for places in ([folder, folder / "raw"], [path / "raw" for path in sorted(folder.iterdir())]):
        found = [place / name for place in places for name in names if (place / name).is_file()]
        homes = sorted({path.parent.parent.name for path in found})
        if len(homes) > 1 and places[0] != folder:
            raise InputError(
                f"folder '{folder.name}' holds several data sets: {', '.join(homes)}",
                f"name one of them: {folder.name}/{homes[0]}",
            )
        if found:
            return found[0]
    return None


def _refusal(folder: Path, part: str) -> InputError:
    inner = [path for sub in sorted(folder.iterdir()) if sub.is_dir() for path in list(sub.iterdir())[:20]]
    if any(path.suffix.lower() in _IMAGES or path.is_dir() for path in inner):
        return InputError(
            f"folder '{folder.name}' looks like an image folder, which is not read",
            "resize and normalize the images as in training, then np.savez('data.npz', x=inputs, y=labels)",
        )
    return InputError(
        f"folder '{folder.name}' holds no {part}-images-idx3-ubyte(.gz) with its labels",
        "give the root folder of a torchvision MNIST-like data set, or an .npz with x and y",
    )

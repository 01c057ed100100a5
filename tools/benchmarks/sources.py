"""The benchmark arrays, made again from their public sources; values are rounded to integers and nothing else."""

import importlib
import struct
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from sparsecomp.errors import InputError, ToolError

Arrays = dict[str, np.ndarray]
FSDD = "https://github.com/Jakobovski/free-spoken-digit-dataset"
FSDD_RATE = 8000
# Counts a g and counts a rad/s: the largest powers of two of which no recording leaves int16.
WATCH_SCALE = (4096.0, 4096.0, 4096.0, 1024.0, 1024.0, 1024.0)
WATCH_RATE = 50


def first_of_each_class(x: np.ndarray, y: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The first ``count`` samples of every class, in the order of the original set. Raises InputError."""
    chosen = np.zeros(len(y), bool)
    for label in np.unique(y):
        members = np.flatnonzero(y == label)
        if len(members) < count:
            raise InputError(f"class {label} has {len(members)} samples, {count} are wanted", "take the whole data set")
        chosen[members[:count]] = True
    return x[chosen], y[chosen]


def mnist(cache: Path) -> Arrays:
    """MNIST as torchvision reads it: 60,000 and 10,000 images (N, 28, 28) uint8 with their classes."""
    return _torchvision("MNIST", cache)


def mnist_12k(cache: Path) -> Arrays:
    """The first 1000 a class of MNIST's training part and the first 200 a class of its test part."""
    return _subset(mnist(cache), 1000, 200)


def fashion_6k(cache: Path) -> Arrays:
    """The first 500 a class of Fashion-MNIST's training part and the first 100 a class of its test part."""
    return _subset(_torchvision("FashionMNIST", cache), 500, 100)


def watch(load_watch: Callable[[], dict[str, Any]] | None = None) -> Arrays:
    """seglearn's smart-watch recordings of shoulder exercises (Burns et al. 2018, doi 10.1088/1361-6579/aacfd9).

    x (samples, 6) int16, all recordings one after the other, value = x / scale in g and rad/s at 50 Hz; lengths, label,
    subject and side have one entry a recording. Raises InputError where seglearn is missing.
    """
    data = (load_watch or _module("seglearn.datasets", "seglearn", "pandas").load_watch)()
    values = np.rint(np.concatenate(data["X"]) * np.array(WATCH_SCALE))
    if np.abs(values).max() > np.iinfo(np.int16).max:
        raise InputError("a recording of seglearn's watch data leaves int16", "take seglearn 1.2.5")
    return {
        "x": values.astype(np.int16),
        "lengths": np.array([len(recording) for recording in data["X"]], np.int32),
        "label": np.asarray(data["y"]).astype(np.uint8),
        "subject": np.asarray(data["subject"]).astype(np.uint8),
        "side": np.asarray(data["side"]).astype(np.uint8),
        "scale": np.array(WATCH_SCALE),
        "channels": np.array(data["X_labels"]),
        "classes": np.array(data["y_labels"]),
        "rate_hz": np.array(WATCH_RATE, np.int16),
    }


def spoken_digits(fsdd: Path) -> Arrays:
    """The recordings of a clone of the Free Spoken Digit Dataset, ``recordings/<digit>_<speaker>_<take>.wav``.

    samples int16 (8 kHz, mono), one recording after the other in the order of the file names; recording i is
    ``samples[offsets[i]:offsets[i + 1]]``. Raises InputError where there are none, or one that is something else.
    """
    files = sorted((fsdd / "recordings").glob("*.wav"), key=lambda path: path.name)
    if not files:
        raise InputError(f"folder '{fsdd.name}' holds no recordings/*.wav", f"give a clone of {FSDD}")
    waves = [_wave(path) for path in files]
    names = [path.stem.split("_") for path in files]
    if any(len(name) != 3 or not (name[0].isdigit() and name[2].isdigit()) for name in names):
        raise InputError(f"a file in '{fsdd.name}/recordings' is not named <digit>_<speaker>_<take>.wav", f"see {FSDD}")
    speakers = sorted({speaker for _, speaker, _ in names})
    return {
        "samples": np.concatenate(waves),
        "offsets": np.cumsum([0, *(len(wave) for wave in waves)]).astype(np.int32),
        "label": np.array([int(digit) for digit, _, _ in names], np.uint8),
        "speaker": np.array([speakers.index(speaker) for _, speaker, _ in names], np.uint8),
        "take": np.array([int(take) for _, _, take in names], np.uint8),
        "speakers": np.array(speakers),
    }


def rebuild(name: str, cache: Path, fsdd: Path | None) -> Arrays:
    """The arrays of the set ``name``, downloaded into ``cache`` if they are not there. Raises InputError, ToolError."""
    images = {"mnist_full": mnist, "mnist_12k": mnist_12k, "fashion_mnist_6k": fashion_6k}
    if name in images:
        return images[name](cache)
    if name == "har_watch_int16":
        return watch()
    if fsdd is None:
        raise InputError("the spoken digits need a folder with their wav files", f"git clone {FSDD}, then --fsdd DIR")
    return spoken_digits(fsdd)


def _torchvision(name: str, cache: Path) -> Arrays:
    dataset = getattr(_module("torchvision.datasets", "torchvision"), name)
    arrays = {}
    for part, train in (("train", True), ("test", False)):
        try:
            data = dataset(str(cache), train=train, download=True)
        except (OSError, RuntimeError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            hint = f"look at the network, or put its IDX files into {name}/raw below the cache folder"
            raise ToolError(f"torchvision cannot get {name}: {reason}", hint) from error
        arrays[f"x_{part}"] = np.asarray(data.data).astype(np.uint8)
        arrays[f"y_{part}"] = np.asarray(data.targets).astype(np.uint8)
    return arrays


def _subset(whole: Arrays, train: int, test: int) -> Arrays:
    x_train, y_train = first_of_each_class(whole["x_train"], whole["y_train"], train)
    x_test, y_test = first_of_each_class(whole["x_test"], whole["y_test"], test)
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def _wave(path: Path) -> np.ndarray:
    from scipy.io import wavfile

    try:
        rate, samples = wavfile.read(path)
    except (ValueError, OSError, EOFError, struct.error) as error:
        raise InputError(f"{path.name} is not a wav file", f"take it from {FSDD} again") from error
    if rate != FSDD_RATE or samples.dtype != np.int16 or samples.ndim != 1:
        raise InputError(f"{path.name} is not 8 kHz, 16 bit, mono", f"take it from {FSDD} again")
    return samples


def _module(name: str, package: str, *others: str) -> ModuleType:
    """``name`` out of ``package``, which imports ``others`` as well without naming them as dependencies."""
    hint = f"pip install {' '.join((package, *others))}, or give a folder that holds the arrays with --data"
    try:
        return importlib.import_module(name)
    except (ImportError, OSError, RuntimeError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == package:
            raise InputError(f"{package} is not installed", hint) from error
        # RuntimeError: a torchvision that was built for another torch.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{package} cannot be imported: {reason}", hint) from error

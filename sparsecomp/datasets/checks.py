"""What samples and labels must look like before anything is computed with them."""

import numpy as np

from sparsecomp.errors import InputError


def check_samples(x: np.ndarray, key: str, name: str) -> np.ndarray:
    """``x`` if it is a non-empty array of finite numbers, otherwise InputError."""
    if x.dtype.kind not in "iufb":
        raise InputError(f"array '{key}' in {name} holds {x.dtype}, not numbers", "save it as float32, int16 or uint8")
    if x.ndim < 2 or len(x) == 0 or x.size == 0:
        raise InputError(f"array '{key}' in {name} has the shape {x.shape}", "samples first: (N, ...), N above zero")
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        bad = int(x.size - np.isfinite(x).sum())
        raise InputError(
            f"array '{key}' in {name} holds {bad} value(s) that are NaN or infinite", "remove these samples"
        )
    return x


def check_labels(x: np.ndarray, y: np.ndarray, name: str) -> np.ndarray:
    """Labels as int64 (N,), or InputError where they are no classes of the N samples."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise InputError(f"the labels in {name} have the shape {y.shape}", "one integer a sample, shape (N,)")
    if len(y) != len(x):
        raise InputError(f"{name} holds {len(x)} samples but {len(y)} labels", "give each sample one label")
    whole = y if y.dtype.kind in "iu" else None
    if y.dtype.kind == "f" and np.isfinite(y).all() and (y == np.round(y)).all():
        whole = y
    if whole is None or (whole < 0).any() or (whole > 2**31 - 1).any():
        raise InputError(f"the labels in {name} are not class numbers", "whole numbers from 0 on")
    return whole.astype(np.int64)


def match_shape(x: np.ndarray, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Samples as ``(N, *shape)``; axes of length one may be missing or too many. Raises InputError otherwise."""
    if tuple(n for n in x.shape[1:] if n != 1) != tuple(n for n in shape if n != 1):
        channels_last = len(shape) == 3 and x.shape[1:] == (*shape[1:], shape[0])
        raise InputError(
            f"the samples in {name} have the shape {x.shape[1:]}, the model takes {tuple(shape)}",
            "put the channels first: x.transpose(0, 3, 1, 2)" if channels_last else "each sample has the model's shape",
        )
    return x.reshape(len(x), *shape)


def check_classes(y: np.ndarray, classes: int, name: str) -> None:
    """InputError where a label is not below the number of classes of the model."""
    if len(y) and int(y.max()) >= classes:
        raise InputError(
            f"the labels in {name} go up to {int(y.max())}, but the model knows the classes 0 to {classes - 1}",
            "number the classes from 0 in the order of the model's outputs"
            if classes > 1
            else "a network of one output has no classes: give its targets as floats",
        )

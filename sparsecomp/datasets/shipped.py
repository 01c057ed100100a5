"""The data set that comes with the package."""

from importlib.resources import as_file, files

import numpy as np

CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


def load_fashion() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x_train (5000, 28, 28) uint8, y_train (5000,), x_test (1000, 28, 28) uint8, y_test (1000,) of Fashion-MNIST."""
    with as_file(files("sparsecomp.datasets").joinpath("fashion_mnist_6k.npz")) as path:
        with np.load(path, allow_pickle=False) as data:
            return data["x_train"], data["y_train"], data["x_test"], data["y_test"]

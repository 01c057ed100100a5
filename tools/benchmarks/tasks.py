"""Four classification tasks with folds, a float network each, and its training.

``python -m sparsecomp_tools.benchmarks.tasks --data DIR --task NAME [--fold N] [--seed N]`` trains and prints JSON.
"""

import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import click
import numpy as np
import torch
from torch import Tensor, nn

from sparsecomp.errors import InputError, SparseCompError
from sparsecomp_tools.benchmarks import augment, mfcc, speech
from sparsecomp_tools.benchmarks.data import load
from sparsecomp_tools.benchmarks.splits import by_class, stretches
from sparsecomp_tools.benchmarks.training import Fold, Schedule, accuracy, fit


@dataclass(frozen=True, eq=False)
class Task:
    """Samples ``x`` (N, ...) float32 in the range that the network takes, their classes ``y`` (N,) int64, and
    ``group`` (N,) int64, what each sample comes from: an image, a subject, a speaker.
    """

    x: np.ndarray
    y: np.ndarray
    group: np.ndarray

    name: ClassVar[str]
    folds: ClassVar[int]
    schedule: ClassVar[Schedule]

    @classmethod
    def read(cls, folder: Path | None) -> Self:
        """The task on the arrays in ``folder``. Raises InputError."""
        raise NotImplementedError

    def split(self, fold: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Indices of the samples for training, validation and test; the same ones on every call."""
        raise NotImplementedError

    def network(self) -> nn.Sequential:
        """A new network of plain torch.nn layers."""
        raise NotImplementedError

    def augment(self, x: Tensor) -> Tensor:
        """A batch (N, ...) with random changes that leave its classes alone."""
        raise NotImplementedError

    def fold(self, fold: int) -> Fold:
        """The arrays of a fold, 0 <= fold < folds. Raises InputError."""
        if not 0 <= fold < self.folds:
            raise InputError(f"{self.name} has no fold {fold}", f"its folds are 0 to {self.folds - 1}")
        train, val, test = self.split(fold)
        parts = [array[part] for part in (train, val, test) for array in (self.x, self.y)]
        return Fold(*parts, cluster=self.group[test])

    def train_float(self, fold: int, seed: int = 0) -> nn.Sequential:
        """The network trained on a fold's training part, in eval mode. The same seed gives the same network."""
        data = self.fold(fold)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            network = self.network()
            fit(network, data.x_train, data.y_train, self.augment, self.schedule)
        return network


def _images(x: np.ndarray) -> np.ndarray:
    return x[:, None].astype(np.float32) / 255


def lenet(dropout: float) -> nn.Sequential:
    """80,202 parameters and 1.12 M multiply-accumulates for images (1, 28, 28) of ten classes."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(512, 128),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(128, 10),
    )


def _convolutions(channels: int, *layers: tuple[int, int]) -> list[nn.Module]:
    """For each (channels, width) a convolution over time, ReLU, and the larger of every two steps."""
    modules: list[nn.Module] = []
    for wanted, width in layers:
        modules += [nn.Conv1d(channels, wanted, width), nn.ReLU(), nn.MaxPool1d(2)]
        channels = wanted
    return modules


@dataclass(frozen=True, eq=False)
class Mnist(Task):
    """Digits: trained on MNIST-12k's 10,000 training images, tested on all 10,000 test images of MNIST.

    A fold is another choice of the tenth of the training images that validates. The first ``trained`` samples are the
    training images; a test image's group is its index in the original test set.
    """

    trained: int = 10_000

    name = "mnist"
    folds = 3
    schedule = Schedule(epochs=20)

    @classmethod
    def read(cls, folder: Path | None) -> Self:
        few = load("mnist_12k", folder, ("x_train", "y_train"))
        full = load("mnist_full", folder, ("x_test", "y_test"))
        x = _images(np.concatenate([few["x_train"], full["x_test"]]))
        y = np.concatenate([few["y_train"], full["y_test"]]).astype(np.int64)
        count = len(few["x_train"])
        return cls(x, y, np.concatenate([np.arange(count), np.arange(len(full["x_test"]))]), count)

    def split(self, fold: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        part = by_class(self.y[: self.trained], 10, seed=fold)
        return np.flatnonzero(part != 0), np.flatnonzero(part == 0), np.arange(self.trained, len(self.y))

    def network(self) -> nn.Sequential:
        return lenet(dropout=0.2)

    def augment(self, x: Tensor) -> Tensor:
        return augment.distorted(x, degrees=12, scale=0.1, shear=0.15, pixels=2)


@dataclass(frozen=True, eq=False)
class Fashion(Task):
    """Clothes: five folds over the 6,000 images of Fashion-MNIST-6k; a tenth of what is not tested validates."""

    name = "fashion"
    folds = 5
    schedule = Schedule(epochs=40)

    @classmethod
    def read(cls, folder: Path | None) -> Self:
        data = load("fashion_mnist_6k", folder)
        x = _images(np.concatenate([data["x_train"], data["x_test"]]))
        y = np.concatenate([data["y_train"], data["y_test"]]).astype(np.int64)
        return cls(x, y, np.arange(len(y)))

    def split(self, fold: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        part = by_class(self.y, self.folds, seed=0)
        rest = np.flatnonzero(part != fold)
        held = by_class(self.y[rest], 10, seed=1 + fold) == 0
        return rest[~held], rest[held], np.flatnonzero(part == fold)

    def network(self) -> nn.Sequential:
        return lenet(dropout=0.3)

    def augment(self, x: Tensor) -> Tensor:
        return augment.moved(augment.mirrored(x), 1)


@dataclass(frozen=True, eq=False)
class Har(Task):
    """Exercises: windows (6, 128) of a watch's acceleration and rotation, 2.56 s at 50 Hz, overlapping by half.

    Fold i tests subjects 2i + 1 and 2i + 2 and validates with the one after them. Values are the int16 counts / 4096.
    """

    WINDOW: ClassVar[int] = 128
    STRIDE: ClassVar[int] = 64

    name = "har"
    folds = 5
    schedule = Schedule(epochs=30)

    @classmethod
    def read(cls, folder: Path | None) -> Self:
        data = load("har_watch_int16", folder)
        first, recording = stretches(data["lengths"], cls.WINDOW, cls.STRIDE)
        windows = data["x"][first[:, None] + np.arange(cls.WINDOW)].transpose(0, 2, 1)
        y, group = data["label"][recording].astype(np.int64), data["subject"][recording].astype(np.int64)
        return cls(np.ascontiguousarray(windows).astype(np.float32) / 4096, y, group)

    def split(self, fold: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        test = np.isin(self.group, (2 * fold + 1, 2 * fold + 2))
        val = self.group == (2 * fold + 2) % 10 + 1
        return np.flatnonzero(~test & ~val), np.flatnonzero(val), np.flatnonzero(test)

    def network(self) -> nn.Sequential:
        """60,935 parameters."""
        return nn.Sequential(
            *_convolutions(6, (32, 5), (64, 5), (96, 5)),
            nn.AdaptiveAvgPool1d(4),
            nn.Flatten(),
            nn.Linear(96 * 4, 48),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(48, 7),
        )

    def augment(self, x: Tensor) -> Tensor:
        x = augment.rotated(x, degrees=10)
        x = torch.cat([augment.scaled(x[:, :3], 0.2), augment.scaled(x[:, 3:], 0.4)], 1)
        return augment.stretched(x, most=0.3)


@dataclass(frozen=True, eq=False)
class Digits(Task):
    """Spoken digits of six speakers as maps (13, 64) of mel-frequency cepstral coefficients.

    Fold i tests speaker i, whom training and validation never hear; of the others, takes 0 to 4 validate. ``varied``
    (K, N, 13, 64) holds K changed recordings of each, of which the training part takes those of its own.
    """

    take: np.ndarray
    varied: np.ndarray

    name = "digits"
    folds = 6
    schedule = Schedule(epochs=8)

    @classmethod
    def read(cls, folder: Path | None) -> Self:
        data = load("fsdd_wav_int16", folder)
        waves = np.split(data["samples"], data["offsets"][1:-1])
        random = np.random.default_rng(0)
        changed = [[mfcc.mfcc(speech.varied(wave, random)) for wave in waves] for _ in range(4)]
        x, varied = (np.array(maps, np.float32) / mfcc.SCALE for maps in ([mfcc.mfcc(wave) for wave in waves], changed))
        return cls(x, *(data[key].astype(np.int64) for key in ("label", "speaker", "take")), varied)

    def split(self, fold: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        test, val = self.group == fold, self.take < 5
        return np.flatnonzero(~test & ~val), np.flatnonzero(~test & val), np.flatnonzero(test)

    def fold(self, fold: int) -> Fold:
        data = super().fold(fold)
        train = self.split(fold)[0]
        x = np.concatenate([data.x_train, *self.varied[:, train]])
        return replace(data, x_train=x, y_train=np.tile(data.y_train, 1 + len(self.varied)))

    def network(self) -> nn.Sequential:
        """40,314 parameters."""
        return nn.Sequential(
            *_convolutions(mfcc.COEFFICIENTS, (32, 5), (48, 5), (64, 3)),
            nn.Flatten(),
            nn.Linear(64 * 5, 64),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(64, 10),
        )

    def augment(self, x: Tensor) -> Tensor:
        return augment.stretched(x, most=0.2, steps=6, outside=torch.from_numpy(mfcc.PAUSE).float())


TASKS: dict[str, type[Task]] = {task.name: task for task in (Mnist, Fashion, Har, Digits)}


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="A folder that holds the arrays; fashion needs none.")
@click.option("--task", "name", type=click.Choice(list(TASKS)), required=True)
@click.option("--fold", "folds", type=int, multiple=True, help="Only this fold; may be given repeatedly.")
@click.option("--seed", type=int, default=0, show_default=True)
def main(data: Path | None, name: str, folds: tuple[int, ...], seed: int) -> None:
    """Train a task's float network and print its accuracy, as JSON."""
    try:
        task = TASKS[name].read(data)
        runs = [_run(task, fold, seed) for fold in folds or range(task.folds)]
    except SparseCompError as error:
        click.echo(f"error: {error.message}\nhint: {error.hint}", err=True)
        sys.exit(error.exit_code)
    parameters = sum(value.numel() for value in task.network().parameters())
    mean = round(float(np.mean([run["test"] for run in runs])), 4)
    report = {"report": "float tasks", "version": 1, "task": name, "parameters": parameters, "seed": seed}
    print(json.dumps({**report, "runs": runs, "mean_test": mean}, indent=2))


def _run(task: Task, fold: int, seed: int) -> dict[str, float]:
    start = time.process_time()
    network = task.train_float(fold, seed)
    seconds = time.process_time() - start
    data = task.fold(fold)
    run = {
        "fold": fold,
        "train": round(accuracy(network, data.x_train, data.y_train), 4),
        "val": round(accuracy(network, data.x_val, data.y_val), 4),
        "test": round(accuracy(network, data.x_test, data.y_test), 4),
        "cpu_s": round(seconds, 1),
    }
    click.echo(json.dumps(run), err=True)
    return run


if __name__ == "__main__":
    main(prog_name="python -m sparsecomp_tools.benchmarks.tasks")

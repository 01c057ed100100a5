"""The user's data as batches on the device, and the part of the training data that is held out for validation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset, random_split

from sparsecomp.errors import InputError

BATCH = 64
HELD_OUT = 0.1  # of the training data, where no validation data are given
_HOW = "give a DataLoader, a list of batches (inputs, labels), or arrays (x, y)"


def as_loader(data: Any, name: str, *, shuffle: bool, seed: int, device: torch.device | None = None) -> Iterable[Any]:
    """``data`` as something to iterate over again and again; arrays (x, y) become a DataLoader with its own seed."""
    if data is None:
        raise InputError(f"there are no {name} data", _HOW)
    if isinstance(data, tuple | list) and len(data) >= 2 and all(_is_array(part) for part in data):
        lengths = {len(part) for part in data}
        if len(lengths) != 1:
            raise InputError(f"the {name} arrays have {sorted(lengths)} items", "give as many labels as samples")
        if lengths == {0}:
            raise InputError(f"the {name} data are empty", "give at least one sample")
        return _loader(TensorDataset(*(_tensor(part) for part in data)), BATCH, shuffle, seed)
    if isinstance(data, Dataset):
        return _loader(data, BATCH, shuffle, seed)
    if isinstance(data, str | bytes) or not hasattr(data, "__iter__") or isinstance(data, Iterator):
        raise InputError(f"the {name} data are a {type(data).__name__}, which cannot be read again and again", _HOW)
    return data


def hold_out(train: Iterable[Any], seed: int) -> tuple[Iterable[Any], Iterable[Any]]:
    """Training data without a tenth, and that tenth for validation; the same one for the same seed."""
    if isinstance(train, DataLoader) and hasattr(train.dataset, "__len__"):
        count = len(train.dataset)
        held = max(1, round(HELD_OUT * count))
        if count < 2:
            raise InputError("one training sample is too few to hold out any", "give more samples, or val= data")
        kept, val = random_split(train.dataset, [count - held, held], torch.Generator().manual_seed(seed))
        size = train.batch_size or BATCH
        made = {"num_workers": train.num_workers, "collate_fn": train.collate_fn}
        return _loader(kept, size, True, seed, **made), _loader(val, size, False, seed, **made)
    parts = list(train)
    every = round(1 / HELD_OUT)
    if len(parts) < 2:
        raise InputError("one batch is too few to hold out any", "give more samples, or val= data")
    held = parts[::every]
    return [part for i, part in enumerate(parts) if i % every], held


def _loader(data: Dataset | Subset, size: int, shuffle: bool, seed: int, **made: Any) -> DataLoader:
    # Its own generator: the order must not depend on what else draws from torch's.
    return DataLoader(data, size, shuffle=shuffle, generator=torch.Generator().manual_seed(seed), **made)


def _is_array(part: Any) -> bool:
    return isinstance(part, np.ndarray | Tensor)


def _tensor(part: Any) -> Tensor:
    tensor = torch.as_tensor(part)
    return tensor if tensor.is_floating_point() else tensor.long()


class Feed:
    """Batches of a loader as ``(inputs, labels)`` on ``device``; ``prepare`` is applied to each input."""

    def __init__(
        self, loader: Iterable[Any], device: torch.device, prepare: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        self.loader, self._device, self._prepare = loader, device, prepare
        self._fixed: tuple[Tensor, ...] | None = None

    def __iter__(self) -> Iterator[tuple[tuple[Tensor, ...], Tensor]]:
        for item in self.loader:
            if not isinstance(item, tuple | list) or len(item) < 2:
                raise InputError("a batch is not (inputs, labels)", _HOW)
            *inputs, labels = item
            if len(inputs) == 1 and isinstance(inputs[0], tuple | list):
                inputs = list(inputs[0])
            tensors = tuple(torch.as_tensor(x).to(self._device) for x in inputs)
            if self._prepare is not None:
                tensors = tuple(self._prepare(x) for x in tensors)
            yield tensors, torch.as_tensor(labels).to(self._device)

    def __len__(self) -> int:
        """Batches; 0 where the loader does not say."""
        try:
            return len(self.loader)  # type: ignore[arg-type]
        except TypeError:
            return 0

    def fixed(self, count: int) -> tuple[Tensor, ...]:
        """Up to ``count`` samples of each input, always the same ones. Raises InputError where there are none."""
        if self._fixed is None:
            self._fixed = self._first(count)
        return self._fixed

    def fix(self, columns: Any) -> None:
        """Makes ``columns``, one array (N, ...) an input, what ``fixed`` gives."""
        columns = columns if isinstance(columns, tuple | list) else (columns,)
        self._fixed = tuple(torch.as_tensor(x).float().to(self._device) for x in columns)

    def _first(self, count: int) -> tuple[Tensor, ...]:
        parts: list[tuple[Tensor, ...]] = []
        for inputs, _ in self:
            parts.append(inputs)
            if sum(len(p[0]) for p in parts) >= count:
                break
        if not parts:
            raise InputError("the training data are empty", _HOW)
        return tuple(torch.cat(column)[:count] for column in zip(*parts, strict=True))

    def generators(self) -> list[torch.Generator]:
        """The loader's own random generators, whose state a checkpoint keeps."""
        owners = (self.loader, getattr(self.loader, "sampler", None), getattr(self.loader, "batch_sampler", None))
        found: list[torch.Generator] = []
        for owner in owners:
            generator = getattr(owner, "generator", None)
            if isinstance(generator, torch.Generator) and all(generator is not g for g in found):
                found.append(generator)
        return found

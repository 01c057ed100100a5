"""What a network under compression may return, and which of it counts.

One tensor is the answer. A tuple of tensors of one shape is a network with exits: an answer each, in the order of
computation, the whole network's last. Of anything else that comes as a tuple, such as the published (logits, [maps]),
the first is the answer and the rest is not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from sparsecomp.errors import InputError

Value = TypeVar("Value", float, Tensor)


class Score(NamedTuple):
    """How good a network is: the metric and the mean loss over its answers (weighted), and the metric of each."""

    metric: float
    loss: float
    each: tuple[float, ...]


def answers(output: Any) -> tuple[Tensor, ...]:
    """All answers in what a network returned."""
    if not isinstance(output, tuple | list):
        return (output,)
    if len(output) > 1 and all(torch.is_tensor(part) for part in output):
        if len({part.shape for part in output}) == 1 and output[0].dim() > 1:
            return tuple(output)
    return (output[0],)


def shares(weights: Sequence[float], count: int) -> tuple[float, ...]:
    """Of each of ``count`` answers in the loss; equal ones where there are no ``weights``. Raises InputError."""
    if not weights:
        return (1 / count,) * count
    if len(weights) != count:
        raise InputError(
            f"{len(weights)} exit weight(s) for a network of {count} answer(s)",
            "give one for each exit, and one for the whole network's answer at the end",
        )
    return tuple(weight / sum(weights) for weight in weights)


def weighted(values: Sequence[Value], weights: Sequence[float]) -> Value:
    """The sum of ``values`` (one an answer) by their shares in ``weights``."""
    parts = [share * value for share, value in zip(shares(weights, len(values)), values, strict=True) if share]
    return sum(parts[1:], parts[0])

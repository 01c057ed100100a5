"""Where a network can be left: its modules in the order in which they are run, with the shapes of their maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sparsecomp.early_exit.network import check_paths, check_reached, watching
from sparsecomp.errors import InputError, SparseCompError
from sparsecomp.frontend.evaluating import evaluating, said

LAYERS = (nn.Conv1d, nn.Conv2d, nn.Linear)
MAP_RANKS = (1, 2, 3)


@dataclass(frozen=True)
class Point:
    """A module whose output an exit can look at, and that output's shape without batch."""

    path: str
    shape: tuple[int, ...]


def answer_of(network: nn.Module, inputs: Sequence[Tensor]) -> Any:
    """What the network returns. Raises InputError with the shapes and the reason where its forward fails."""
    try:
        return network(*inputs)
    except SparseCompError:
        raise
    except Exception as error:  # the user's forward raises any class
        shapes = ", ".join(str(tuple(x.shape)) for x in inputs)
        raise InputError(
            f"the network cannot be run on samples of the shape {shapes}: {said(error)}",
            "give samples of the shape that it was trained on, calibration data as well",
        ) from error


@torch.no_grad()
def visited(network: nn.Module, example: Tensor) -> tuple[list[tuple[str, Tensor]], Tensor]:
    """Every run of a module on ``example`` (1, ...), in eval mode, with its output; and the network's answer."""
    paths = [path for path, _ in network.named_modules() if path]
    runs: list[tuple[str, Tensor]] = []
    with (
        evaluating(network),
        watching(network, paths, lambda index, output: runs.append((paths[index], output)), tensors_only=False),
    ):
        answer = answer_of(network, (example,))
    if not torch.is_tensor(answer) or answer.dim() != 2:
        raise InputError(
            "the network does not answer with one tensor of logits (N, classes)",
            "exits are added to a plain classifier; add them all at once",
        )
    return runs, answer


def chosen(network: nn.Module, example: Tensor, paths: Sequence[str]) -> tuple[Point, ...]:
    """The points at ``paths``, in the order in which they are computed. Raises InputError where one cannot be."""
    check_paths(network, paths)
    runs, answer = visited(network, example)
    order = [path for path, _ in runs]
    outputs = dict(runs)
    for path in paths:
        if order.count(path) > 1:
            raise InputError(f"the module '{path}' is run {order.count(path)} times", "name one that is run once")
        if path not in outputs:
            check_reached((path,), 0)
        output = outputs[path]
        if not torch.is_tensor(output) or output.dim() - 1 not in MAP_RANKS:
            raise InputError(f"the module '{path}' gives no map (N, C, H, W), (N, C, L) or (N, F)", "name another one")
        if output is answer or not _before_last_layer(network, order, path):
            raise InputError(
                f"behind '{path}' nothing is left to leave out: the network's own answer is computed already",
                "name a module in front of the last layer",
            )
    found = sorted(paths, key=order.index)
    return tuple(Point(path, tuple(outputs[path].shape[1:])) for path in found)


def candidates(network: nn.Module, example: Tensor) -> tuple[Point, ...]:
    """Every point worth an exit: what the next layer with weights reads, but the network's input.

    In between there are activations and poolings, behind which a map is smaller and means more.
    """
    runs, _ = visited(network, example)
    order = [path for path, _ in runs]
    leaves = [(p, out) for p, out in runs if not any(True for _ in network.get_submodule(p).children())]
    found, computed = [], False
    for (path, output), (following, _) in zip(leaves, leaves[1:], strict=False):
        module, next_module = network.get_submodule(path), network.get_submodule(following)
        computed = computed or isinstance(module, LAYERS)
        flattened = isinstance(next_module, nn.Flatten) and output.dim() > 2
        if computed and (flattened or isinstance(next_module, LAYERS)) and order.count(path) == 1:
            if torch.is_tensor(output) and output.dim() - 1 in MAP_RANKS:
                found.append(Point(path, tuple(output.shape[1:])))
                computed = False
    return tuple(found)


def _before_last_layer(network: nn.Module, order: Sequence[str], path: str) -> bool:
    """Whether a layer with weights is run behind the module at ``path``."""
    behind = order[order.index(path) + 1 :]
    return any(isinstance(network.get_submodule(p), LAYERS) for p in behind)

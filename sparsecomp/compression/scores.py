"""What a weight is worth: scores that are higher for weights to keep, comparable over all layers of a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

SENSITIVITY_BATCHES = 16


def magnitude(weight: Tensor, _: Tensor | None = None) -> Tensor:
    """The absolute value."""
    return weight.abs()


def lamp(weight: Tensor, _: Tensor | None = None) -> Tensor:
    """The squared weight over the sum of all squares of its layer that are not smaller (Lee et al., "Layer-adaptive
    sparsity for the magnitude-based pruning", ICLR 2021).
    """
    values, order = weight.double().square().flatten().sort(stable=True)
    rest = values.flip(0).cumsum(0).flip(0)
    score = torch.empty_like(values)
    score[order] = values / rest.clamp_min(torch.finfo(values.dtype).tiny)
    return score.view_as(weight)


def sensitivity(weight: Tensor, squares: Tensor | None) -> Tensor:
    """The squared weight times the mean squared gradient: the loss expected from its removal, to second order, with
    the diagonal of the empirical Fisher matrix as curvature (LeCun et al., "Optimal brain damage", 1989).
    """
    assert squares is not None
    return weight.double().square() * squares.double()


SCORES: dict[str, Callable[[Tensor, Tensor | None], Tensor]] = {
    "lamp": lamp,
    "magnitude": magnitude,
    "sensitivity": sensitivity,
}


def gradient_squares(
    model: torch.nn.Module,
    parameters: Sequence[Tensor],
    batches: Iterable[tuple[tuple[Tensor, ...], Tensor]],
    loss: Callable[[Tensor, Tensor], Tensor],
) -> list[Tensor]:
    """Mean over the first batches of the squared gradient of the loss, for each of ``parameters``."""
    squares = [torch.zeros_like(p) for p in parameters]
    count = 0
    for count, (inputs, labels) in enumerate(batches, 1):  # noqa: B007 (the last count is used)
        gradients = torch.autograd.grad(loss(model(*inputs), labels), parameters, allow_unused=True)
        for total, gradient in zip(squares, gradients, strict=True):
            if gradient is not None:
                total += gradient.square()
        if count == SENSITIVITY_BATCHES:
            break
    return [total / max(count, 1) for total in squares]

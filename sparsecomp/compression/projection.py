"""Onto the sparse set: the weights that may stay, and exactly as many of them as asked for."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


def keep_largest(weight: Tensor, count: int, allowed: Tensor | None = None) -> Tensor:
    """Mask of the ``count`` largest magnitudes of ``weight`` among ``allowed``; of equal ones the first stay.

    Never more than ``count``, and on any device: one stable sort, no threshold that ties could pass.
    """
    size = weight.abs().flatten()
    if allowed is not None:
        size = size.masked_fill(~allowed.flatten(), -1.0)
        count = min(count, int(allowed.sum()))
    if count >= size.numel():
        return torch.ones_like(weight, dtype=torch.bool)
    mask = torch.zeros_like(size, dtype=torch.bool)
    if count > 0:
        value = size.kthvalue(size.numel() - count + 1).values
        mask = size > value
        ties = (size == value).nonzero().flatten()
        mask[ties[: count - int(mask.sum())]] = True
    return mask.view_as(weight)


@dataclass
class Support:
    """Where a layer may have weights: ``allowed`` (as the weight) by its structure, ``count`` of them at a time;
    ``mask`` is where they are now. ``filters`` (filters,) is False for those that are removed; None: none is.
    """

    allowed: Tensor
    count: int
    mask: Tensor
    filters: Tensor | None = None

    @classmethod
    def full(cls, weight: Tensor) -> Support:
        """Everything may stay."""
        ones = torch.ones_like(weight, dtype=torch.bool)
        return cls(ones, weight.numel(), ones.clone())

    @property
    def is_full(self) -> bool:
        """Whether nothing is pruned."""
        return self.count >= self.allowed.numel()

    @torch.no_grad()
    def project(self, weight: Tensor, frozen: bool) -> None:
        """Zeroes in place what does not belong to the support, which moves with the weights unless ``frozen``."""
        if self.is_full:
            return
        if not frozen:
            self.mask = keep_largest(weight, self.count, self.allowed)
        weight.mul_(self.mask)

"""Random changes of a batch that leave its classes alone. Random numbers are torch's own."""

import math

import torch
from torch import Tensor
from torch.nn import functional


def uniform(count: int, most: float) -> Tensor:
    """``count`` numbers from -most to most."""
    return (2 * torch.rand(count) - 1) * most


def mirrored(x: Tensor) -> Tensor:
    """Images (N, C, H, W), half of them with left and right exchanged."""
    return torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, x.flip(3), x)


def moved(x: Tensor, most: int) -> Tensor:
    """Images (N, C, H, W), each moved by up to ``most`` whole pixels both ways; zeros come in."""
    height, width = x.shape[2:]
    padded = functional.pad(x, (most,) * 4).permute(0, 2, 3, 1)
    down, right = torch.randint(0, 2 * most + 1, (2, len(x), 1))
    rows, columns = down + torch.arange(height), right + torch.arange(width)
    return padded[torch.arange(len(x))[:, None, None], rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)


def distorted(x: Tensor, *, degrees: float, scale: float, shear: float, pixels: float) -> Tensor:
    """Images (N, C, H, W), each turned, stretched, sheared and moved by up to so much."""
    count = len(x)
    angle, slope = uniform(count, math.radians(degrees)), uniform(count, shear)
    across, along = 1 + uniform(count, scale), 1 + uniform(count, scale)
    # The grid reaches from -1 to 1.
    right, down = uniform(count, 2 * pixels / x.shape[3]), uniform(count, 2 * pixels / x.shape[2])
    rows = [
        torch.stack([across * angle.cos(), slope - along * angle.sin(), right], 1),
        torch.stack([across * angle.sin(), along * angle.cos(), down], 1),
    ]
    grid = functional.affine_grid(torch.stack(rows, 1), list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, align_corners=False)


def rotated(x: Tensor, degrees: float) -> Tensor:
    """Windows (N, 6, L) of acceleration and rotation, each turned in space by about so much: the watch sits askew."""
    turn = torch.randn(len(x), 3) * math.radians(degrees)
    # The matrix exponential of the cross product with the turn is the rotation by it (Rodrigues).
    cross = torch.zeros(len(x), 3, 3)
    for axis in range(3):
        cross[:, (axis + 2) % 3, (axis + 1) % 3] = turn[:, axis]
        cross[:, (axis + 1) % 3, (axis + 2) % 3] = -turn[:, axis]
    matrix = torch.matrix_exp(cross)
    return torch.cat([matrix @ x[:, :3], matrix @ x[:, 3:]], 1)


def scaled(x: Tensor, most: float) -> Tensor:
    """Series (N, C, L), each times a factor that is up to ``most`` from 1."""
    return x * (1 + uniform(len(x), most))[:, None, None]


def stretched(x: Tensor, *, most: float, steps: float = 0, outside: Tensor | None = None) -> Tensor:
    """Series (N, C, L) about their middles at up to ``most`` more or less speed, moved by up to ``steps`` steps.

    What comes in from beyond the ends is ``outside`` (C,), or else goes on as the end.
    """
    count, channels, length = x.shape
    middle = (length - 1) / 2
    at = (torch.arange(length) - middle) * (1 + uniform(count, most))[:, None] + middle + uniform(count, steps)[:, None]
    edges = [x[:, :, :1], x[:, :, -1:]] if outside is None else [outside[None, :, None].expand(count, -1, 1)] * 2
    x = torch.cat([edges[0], x, edges[1]], 2)
    before = at.floor()
    share = (at - before)[:, None]

    def taken(steps: Tensor) -> Tensor:
        return x.gather(2, (steps.long() + 1).clamp(0, length + 1)[:, None].expand(-1, channels, -1))

    return taken(before) * (1 - share) + taken(before + 1) * share

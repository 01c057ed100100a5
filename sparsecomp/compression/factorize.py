"""One trained layer -> a Sequential of thinner ones: Tucker-2 of convolutions, truncated SVD of matrices.

Tucker-2 (Y.-D. Kim et al., "Compression of deep convolutional neural networks for fast and low power mobile
applications", ICLR 2016) turns a convolution of S to T channels into three:

    1 x 1: S -> R_in      kernel of the layer, with its stride and padding: R_in -> R_out      1 x 1: R_out -> T

A linear layer, or a 1 x 1 convolution, of rank R becomes two: in -> R and R -> out. Ranks are tuples, ``(R_in, R_out)``
or ``(R,)``, and those of a grouped convolution hold for each group.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorly
import torch
from tensorly.decomposition import partial_tucker
from torch import nn

from sparsecomp.compression.ranks import energy_rank, estimate_from, singular_values
from sparsecomp.errors import InputError

Ranks = tuple[int, ...]
Sides = tuple[int | None, ...]  # ranks; None where the layer keeps its channels
Spectrum = tuple[np.ndarray, tuple[int, int]]  # singular values, and the shape of their matrix


def factorize_layer(layer: nn.Module, ranks: int | Sequence[int] | None = None) -> nn.Sequential | None:
    """Fewer parameters in place of a Conv1d, Conv2d or Linear: at most three layers, with its device, dtype and mode.

    ``ranks`` above what the layer has are lowered to that; without them EVB matrix factorization estimates them. A
    factor that costs more than it saves is left out, which makes the rest smaller and more accurate. Returns None where
    nothing is saved: another kind of layer (subclasses included: they may compute anything), a depthwise convolution,
    a rank of 0 or a full one. Raises InputError where the weights cannot be decomposed.
    """
    weight = _weight(layer)
    if weight is None:
        return None
    wanted = _estimated(_spectra(weight)) if ranks is None else _given(weight.shape, ranks)
    sides = _sides(weight.shape, wanted)
    return None if sides is None else decompose(layer, sides)


def candidates(layer: nn.Module, shares: Sequence[float] = (0.5, 0.7, 0.9)) -> list[Ranks]:
    """Ranks to try on ``layer``, fewest parameters first: EVB's, and those that keep ``shares`` of the weights' energy.

    Each saves parameters, and none comes twice; the list is empty where ``factorize_layer`` has nothing to factorize.
    Raises InputError where the weights are not finite.
    """
    weight = _weight(layer)
    if weight is None:
        return []
    spectra = _spectra(weight)
    tried = [_estimated(spectra)]
    for share in shares:
        tried.append(tuple(max(energy_rank(values, share) for values, _ in mode) for mode in spectra))
    found = {sides for ranks in tried if (sides := _sides(weight.shape, ranks)) is not None}
    thinnest_first = sorted(found, key=lambda sides: (_weights(weight.shape, sides), str(sides)))
    return [_filled(weight.shape, sides) for sides in thinnest_first]


def decompose(layer: nn.Module, sides: Sides) -> nn.Sequential:
    """The factors of a Conv1d, Conv2d or Linear at just these ranks, whatever they cost.

    None in ``sides`` keeps the channels of that side as they are. Raises InputError where a rank is more than the
    weight has, where there is nothing to decompose, and where the weights cannot be decomposed.
    """
    weight = _weight(layer)
    if weight is None or len(sides) != len(_full(weight.shape)) or not any(sides):
        raise InputError(f"{layer} cannot be factorized at ranks {sides}", "see factorize_layer for what can")
    most = _clamped(weight.shape, _filled(weight.shape, sides))
    if any(side is not None and not 0 < side <= limit for side, limit in zip(sides, most, strict=True)):
        raise InputError(f"{layer} does not have the ranks {sides}", "factorize_layer lowers those that are too large")
    with _failures_named(layer):
        if len(sides) == 1:
            factors = [_svd(group, sides[0]) for group in weight]
        else:
            factors = [_tucker(group, sides) for group in weight]
    stacked = [np.stack(parts) for parts in zip(*factors, strict=True)]
    # Padding comes before the bias, and a stride as early as it can: the first layer of kernel size 1, or the core.
    shaped = 0 if len(sides) == 1 or sides[0] is None else 1
    return _assembled(layer, stacked, shaped)


def rebuilt_weight(sequential: nn.Sequential) -> torch.Tensor:
    """The one weight that a Sequential of ``factorize_layer`` stands for: (out, in / groups, *kernel), or (out, in)."""
    product = None
    for layer in sequential:
        groups = getattr(layer, "groups", 1)
        weight = layer.weight.detach().double()
        weight = weight.reshape(groups, -1, *weight.shape[1:])
        # Only one of the layers has a kernel larger than 1: the product of the taps is a broadcast.
        product = weight if product is None else torch.einsum("gtm...,gms...->gts...", weight, product)
    return product.flatten(0, 1).to(sequential[0].weight.dtype)


def parameters_of(module: nn.Module) -> int:
    """Number of parameters, shared ones once."""
    return sum(parameter.numel() for parameter in module.parameters())


def replace_layer(model: nn.Module, path: str, new: nn.Module) -> nn.Module:
    """Put ``new`` in the place of the submodule at the dotted ``path``, and of its every alias; returns the old one.

    Handing the old one back to this function undoes the replacement. Raises InputError where ``path`` names none.
    """
    try:
        old = model.get_submodule(path) if path else None
    except AttributeError as error:
        raise InputError(f"the model has no layer '{path}'", f"{error}; see model.named_modules()") from error
    if old is None:
        raise InputError("the model itself is not one of its layers", "give the dotted path of a submodule")
    for parent in list(model.modules()):  # listed first: new may contain the old one, and must keep it
        for name, child in list(parent._modules.items()):
            if child is old:
                setattr(parent, name, new)
    return old


def _weight(layer: nn.Module) -> np.ndarray | None:
    """(groups, out / groups, in / groups, *kernel) in float64; None where there is nothing to factorize."""
    if type(layer) not in (nn.Linear, nn.Conv1d, nn.Conv2d):
        return None
    groups = getattr(layer, "groups", 1)
    weight = layer.weight.detach()
    if not weight.is_floating_point() or not weight.numel() or 1 < groups == layer.in_channels:
        return None
    array = weight.cpu().double().numpy()
    if not np.isfinite(array).all():
        raise InputError(
            f"{layer} has weights that are not finite, which no decomposition takes",
            "the training diverged: go back to an earlier checkpoint, or lower the learning rate",
        )
    return array.reshape(groups, -1, *array.shape[1:])


def _full(shape: tuple[int, ...]) -> Ranks:
    """Ranks at which nothing is lost; one where the weight is a matrix, two where it has a kernel."""
    _, outputs, inputs, *kernel = shape
    return (min(inputs, outputs),) if math.prod(kernel) == 1 else (inputs, outputs)


def _filled(shape: tuple[int, ...], sides: Sides) -> Ranks:
    return tuple(full if side is None else side for side, full in zip(sides, _full(shape), strict=True))


def _clamped(shape: tuple[int, ...], ranks: Ranks) -> Ranks:
    low = tuple(min(rank, full) for rank, full in zip(ranks, _full(shape), strict=True))
    if len(low) == 1:
        return low
    taps = math.prod(shape[3:])
    # A core of R_out x R_in x taps has no more than R_in taps independent outputs, and vice versa.
    outputs = min(low[1], low[0] * taps)
    return min(low[0], outputs * taps), outputs


def _given(shape: tuple[int, ...], ranks: int | Sequence[int]) -> Ranks:
    full = _full(shape)
    try:
        given = tuple(operator.index(rank) for rank in (ranks if isinstance(ranks, Sequence) else (ranks,)))
    except TypeError:
        given = ()
    if len(given) != len(full) or min(given) < 0:
        raise InputError(
            f"ranks {ranks!r} do not fit a weight of shape {shape[1:]}",
            "a linear layer or 1 x 1 convolution takes one whole number, another convolution two (inputs, outputs)",
        )
    return given


def _sides(shape: tuple[int, ...], ranks: Ranks) -> Sides | None:
    """``ranks``, lowered to what the weight has, without those that do not pay; None where none does or one is 0."""
    if not all(ranks):
        return None
    options = itertools.product(*((None, rank) for rank in _clamped(shape, ranks)))
    best = min(options, key=lambda sides: _weights(shape, sides))
    return best if any(best) else None


def _weights(shape: tuple[int, ...], sides: Sides) -> int:
    """Elements of all factors' weights."""
    groups, outputs, inputs, *kernel = shape
    if len(sides) == 1:
        return groups * (inputs * outputs if sides[0] is None else sides[0] * (inputs + outputs))
    first, last = (0 if side is None else side for side in sides)
    core = (first or inputs) * (last or outputs) * math.prod(kernel)
    return groups * (inputs * first + core + last * outputs)


def _spectra(weight: np.ndarray) -> list[list[Spectrum]]:
    """For each rank the spectra of all groups: of the matrix, or of the unfoldings along inputs and outputs."""
    modes = (0,) if len(_full(weight.shape)) == 1 else (1, 0)
    unfolded = [[np.moveaxis(group, mode, 0).reshape(group.shape[mode], -1) for group in weight] for mode in modes]
    return [[(singular_values(matrix), matrix.shape) for matrix in matrices] for matrices in unfolded]


def _estimated(spectra: list[list[Spectrum]]) -> Ranks:
    """EVB's ranks; the largest of all groups, which have to share one."""
    # One row against itself cannot be told from noise (the estimate is always 0), and has nothing to reduce.
    return tuple(
        max(1 if shape[0] == 1 and values[0] > 0 else estimate_from(values, shape).rank for values, shape in mode)
        for mode in spectra
    )


def _svd(matrix: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """First (rank, in) and second (out, rank) factor, the singular values shared evenly between the two."""
    u, values, v = np.linalg.svd(matrix.reshape(matrix.shape[:2]), full_matrices=False)
    root = np.sqrt(values[:rank])
    kernel = (1,) * (matrix.ndim - 2)
    first, second = root[:, None] * v[:rank], u[:, :rank] * root
    return first.reshape(*first.shape, *kernel), second.reshape(*second.shape, *kernel)


def _tucker(tensor: np.ndarray, sides: Sides) -> tuple[np.ndarray, ...]:
    """Weights (out, in, *kernel) of the layers in the order of the data; a side of None has no layer."""
    modes = [mode for mode, side in ((0, sides[1]), (1, sides[0])) if side is not None]
    ranks = [sides[1 - mode] for mode in modes]
    if tensor.any():
        with _numpy_backend():
            (core, bases), _ = partial_tucker(tensor, rank=ranks, modes=modes, random_state=0)
    else:  # a dead group: the relative error, by which the iteration stops, is 0 / 0
        bases = [np.eye(tensor.shape[mode], rank) for mode, rank in zip(modes, ranks, strict=True)]
        core = np.zeros(
            [*(side or size for side, size in zip(sides[::-1], tensor.shape, strict=False)), *tensor.shape[2:]]
        )
    basis = dict(zip(modes, bases, strict=True))
    kernel = (1,) * (tensor.ndim - 2)
    first = [basis[1].T.reshape(*basis[1].T.shape, *kernel)] if 1 in basis else []
    last = [basis[0].reshape(*basis[0].shape, *kernel)] if 0 in basis else []
    return (*first, core, *last)


def _assembled(layer: nn.Module, weights: list[np.ndarray], shaped: int) -> nn.Sequential:
    """Layers of ``weights`` (groups, out, in, *kernel); number ``shaped`` has the geometry, the last the bias."""
    made = []
    for index, array in enumerate(weights):
        groups, outputs, inputs, *kernel = array.shape
        options: dict[str, Any] = {"bias": layer.bias is not None and index == len(weights) - 1}
        if kernel:
            options |= {"kernel_size": tuple(kernel), "groups": groups}
            if index == shaped:
                options |= {name: getattr(layer, name) for name in ("stride", "padding", "dilation", "padding_mode")}
        value = torch.from_numpy(array.reshape(groups * outputs, inputs, *kernel)).to(layer.weight)
        if not value.isfinite().all():
            raise InputError(f"a factor of {layer} is out of the range of {value.dtype}", "train in float32")
        # Without initialization: it would draw from the global random state.
        new = nn.utils.skip_init(
            type(layer), groups * inputs, groups * outputs, device=value.device, dtype=value.dtype, **options
        )
        new.weight = nn.Parameter(value, requires_grad=layer.weight.requires_grad)
        if options["bias"]:
            new.bias = nn.Parameter(layer.bias.detach().clone(), requires_grad=layer.bias.requires_grad)
        made.append(new)
    return nn.Sequential(*made).train(layer.training)


@contextmanager
def _numpy_backend() -> Iterator[None]:
    """tensorly on numpy, in this thread and here only (tensorly's own context resets the default of all threads)."""
    before = tensorly.get_backend()
    tensorly.set_backend("numpy", local_threadsafe=True)
    try:
        yield
    finally:
        tensorly.set_backend(before, local_threadsafe=True)


@contextmanager
def _failures_named(layer: nn.Module) -> Iterator[None]:
    try:
        yield
    except np.linalg.LinAlgError as error:
        raise InputError(f"{layer} cannot be decomposed: {error}", "look for weights out of scale") from error

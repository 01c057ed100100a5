"""``add_exits``: from a trained network and data to a network with exits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from sparsecomp.boards import Board, load_board
from sparsecomp.compression.feeding import Feed, as_loader, hold_out
from sparsecomp.compression.running import seeded
from sparsecomp.early_exit.costs import costs
from sparsecomp.early_exit.features import Features, Pooling, collect
from sparsecomp.early_exit.heads import KINDS, POOLINGS
from sparsecomp.early_exit.network import EarlyExitNetwork
from sparsecomp.early_exit.points import Point, chosen
from sparsecomp.early_exit.probing import SIZES, full_accuracy, search_points
from sparsecomp.early_exit.result import EarlyExitResult, ExitReport
from sparsecomp.early_exit.search import Found, Search
from sparsecomp.early_exit.temperature import fit_temperature
from sparsecomp.early_exit.training import Training
from sparsecomp.errors import InputError
from sparsecomp.quantize import MAX_SAMPLES
from sparsecomp.wire import Wire

WIDTHS = (0, 16, 32, 64)
Log = Callable[[str], None]


def add_exits(
    network: Any,
    train: Any,
    *,
    val: Any = None,
    exits: Sequence[str] | None = None,
    most: int = 3,
    kind: str = "auto",
    head_bytes: int = 2000,
    pooled: int | Sequence[int] | None = None,
    hidden: int | Sequence[int] | None = None,
    pooling: str = "max",
    training: Training | None = None,
    passes: int = 1,
    board: str = "msp430fr5994",
    preprocess: Wire | None = None,
    calibration: Any = None,
    prepare_inputs: Callable[[Any], Any] | None = None,
    seed: int = 0,
    log: Log = lambda line: None,
) -> EarlyExitResult:
    """Adds exits to ``network`` (a trained torch.nn.Module, one input, logits as its answer), which stays as it is.

    ``exits`` are module paths; None chooses up to ``most`` by accuracy for the cycles that they take on ``board``.
    ``kind`` is 'gnet' (one head for all exits), 'heads' (one each), or 'auto': whichever is better on validation data.
    The exits add at most ``head_bytes`` encoded bytes. Within these ``pooled`` sizes and ``hidden`` widths are
    searched, or only those given; ``pooling`` is 'max' or 'avg'. ``training`` is how heads are trained; None leaves to
    validation data whether they follow the whole network's logits.

    ``train`` and ``val`` are DataLoaders, lists of batches (inputs, labels) or arrays (x, y); without ``val`` a tenth
    of the training data is held out. The network runs over them once, over the training data ``passes`` times where the
    loader changes its samples at random. ``calibration`` (floats as the network reads them; default: training samples)
    and ``preprocess`` are as for ``compress``. The same seed gives the same exits.

    Raises InputError, DoesNotFitError where no head fits ``head_bytes``, ConversionError where the network cannot be
    traced.
    """
    if not isinstance(network, nn.Module):
        raise InputError(f"the network is a {type(network).__name__}, not a torch.nn.Module", "build the network first")
    if kind not in (*KINDS, "auto"):
        raise InputError(f"unknown kind '{kind}'", "use gnet, heads or auto")
    for name, value in (("head_bytes", head_bytes), ("passes", passes), ("most", most)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(f"{name}={value!r}", "give a whole number of 1 or more")
    if training is not None and not isinstance(training, Training):
        raise InputError(f"training is a {type(training).__name__}", "give early_exit.Training(epochs=25)")
    feeds = _feeds(train, val, seed, prepare_inputs)
    if calibration is not None:
        feeds[0].fix(calibration)
    samples = feeds[0].fixed(MAX_SAMPLES)
    if len(samples) != 1:
        raise InputError(f"the network has {len(samples)} inputs", "exits are added to networks of one input")
    wire = preprocess or Wire()
    target, floats = load_board(board), samples[0].numpy().astype(np.float32)
    if exits is None:
        points, seen = search_points(network, feeds, samples[0], floats, wire, target, most, head_bytes, seed)
        notes = (seen,)
        log(seen)
    else:
        paths = (exits,) if isinstance(exits, str) else tuple(exits)
        points, notes = chosen(network, samples[0][:1], paths), ()
    poolings, widths = _grid(points, pooled, hidden, pooling)
    with seeded(seed):  # a loader may change its samples by any source of random numbers
        features = [collect(network, feed, points, poolings, n) for feed, n in zip(feeds, (passes, 1), strict=True)]
    search = Search(network, points, *features, floats, poolings, widths, training, wire, seed)
    found: list[Found] = []
    for name in KINDS if kind == "auto" else (kind,):
        found.append(search.best(name, head_bytes))
        log(f"{name}: validation {found[-1].score:.4f} over the exits with {found[-1].nbytes:,} bytes")
    best = max(found, key=lambda f: (f.score, -f.nbytes))
    followed = search.training(best.head.kind).distill
    notes = (*notes, f"share of the loss that follows the whole network's logits: {followed:g}")
    return _concluded(network, points, best, features[1], head_bytes, floats, wire, target, notes)


def _feeds(train: Any, val: Any, seed: int, prepare: Callable[[Any], Any] | None) -> list[Feed]:
    train = as_loader(train, "training", shuffle=True, seed=seed)
    if val is None:
        train, val = hold_out(train, seed)
    val = as_loader(val, "validation", shuffle=False, seed=seed)
    return [Feed(data, torch.device("cpu"), prepare) for data in (train, val)]


def _grid(
    points: Sequence[Point], pooled: Any, hidden: Any, pooling: str
) -> tuple[tuple[Pooling, ...], tuple[int, ...]]:
    """What is tried: poolings that all maps are large enough for, and hidden widths. Raises InputError."""
    if pooling not in POOLINGS:
        raise InputError(f"unknown pooling '{pooling}'", "use one of " + ", ".join(POOLINGS))
    axes = max(len(point.shape) - 1 for point in points)
    smallest = min((min(point.shape[1:]) for point in points if len(point.shape) > 1), default=1)
    sizes = _numbers(pooled, SIZES.get(axes, (1,)), "pooled", 1)
    fitting = tuple((size, pooling) for size in sizes if size <= smallest)
    if not fitting:
        raise InputError(
            f"pooled={pooled}: the smallest map has {smallest} element(s) along an axis", f"take {smallest} or less"
        )
    return fitting, _numbers(hidden, WIDTHS, "hidden", 0)


def _numbers(given: Any, default: tuple[int, ...], name: str, least: int) -> tuple[int, ...]:
    values = default if given is None else tuple(given) if isinstance(given, tuple | list) else (given,)
    if not values or any(isinstance(n, bool) or not isinstance(n, int) or n < least for n in values):
        raise InputError(f"{name}={given!r}", f"give a whole number of {least} or more, or several")
    return values


@torch.no_grad()
def _concluded(
    network: nn.Module,
    points: Sequence[Point],
    best: Found,
    val: Features,
    budget: int,
    floats: np.ndarray,
    wire: Wire,
    board: Board,
    notes: tuple[str, ...],
) -> EarlyExitResult:
    head = best.head
    with_exits = EarlyExitNetwork(network, [point.path for point in points], head)
    logits = (*head.scores(val.pooled[head.pooled, head.pooling]), val.logits)
    labels = val.labels.numpy()
    with_exits.temperatures = tuple(fit_temperature(answer.numpy(), labels) for answer in logits)
    spent = costs(with_exits, floats, wire, board)
    answers = tuple(
        ExitReport(record.name, accuracy, record.temperature, cycles, alone)
        for record, accuracy, cycles, alone in zip(
            with_exits.exit_records(), (*best.accuracy, full_accuracy(val)), spent.cycles, spent.alone, strict=True
        )
    )
    notes = (*notes, *_better_than_all([a.numpy().argmax(1) == labels for a in logits], points))
    with_exits.train(network.training)
    return EarlyExitResult(
        with_exits, head.kind, head.pooled, head.pooling, head.hidden, budget, best.nbytes, spent.nbytes, answers, notes
    )


def _better_than_all(right: Sequence[np.ndarray], points: Sequence[Point]) -> Iterator[str]:
    """A note where an exit answers better than the whole network, by more than twice the standard error."""
    ahead = [early.astype(float) - right[-1] for early in right[:-1]]
    number = int(np.argmax([difference.mean() for difference in ahead]))
    points_ahead, error = ahead[number].mean(), ahead[number].std() / math.sqrt(len(right[-1]))
    if points_ahead > 2 * error:
        yield (
            f"'{points[number].path}' answers {points_ahead:.1%} more of the validation data right than the whole "
            f"network: a policy may end there at the latest, adaptive:0.9@{number}"
        )

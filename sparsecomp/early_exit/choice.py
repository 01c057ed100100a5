"""Which points are worth an exit: those that bring the most accuracy for the cycles that there are.

The worth of a set of exits is the mean accuracy of the best answer there is when the cycles run out, at a moment drawn
evenly from the start to a quarter behind the end of the network as it was; no answer is right in no case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from sparsecomp.errors import InputError

HORIZON = 1.25  # of the whole network's cycles
LEAST_GAIN = 0.005  # that one more exit has to bring
EXHAUSTIVE = 10  # candidates of which all sets are looked at


@dataclass(frozen=True)
class Candidate:
    """A point: cycles of the network up to it, cycles of a small head there, and that head's accuracy."""

    path: str
    cycles: int
    head_cycles: int
    accuracy: float


def worth(exits: Sequence[Candidate], full_cycles: int, full_accuracy: float) -> float:
    """The worth of exits in order of computation, with the whole network's answer behind them."""
    end = HORIZON * full_cycles
    total, before, best, heads = 0.0, 0.0, 0.0, 0
    for exit_ in exits:
        heads += exit_.head_cycles
        at = min(end, exit_.cycles + heads)
        total += best * (at - before)
        before, best = at, max(best, exit_.accuracy)
    at = min(end, full_cycles + heads)
    return (total + best * (at - before) + full_accuracy * (end - at)) / end


def best_set(
    candidates: Sequence[Candidate], full_cycles: int, full_accuracy: float, most: int = 3
) -> tuple[Candidate, ...]:
    """The set of at most ``most`` exits with the most worth, where each one brings something. Raises InputError."""
    if not candidates:
        raise InputError("the network has no point for an exit", "name module paths: exits=('features.2',)")
    ordered = sorted(candidates, key=lambda c: c.cycles)
    if len(ordered) > EXHAUSTIVE:
        single = sorted(ordered, key=lambda c: -worth([c], full_cycles, full_accuracy))[:EXHAUSTIVE]
        ordered = [c for c in ordered if c in single]
    best, value = None, 0.0
    for count in range(1, most + 1):
        sets = [(worth(chosen, full_cycles, full_accuracy), chosen) for chosen in combinations(ordered, count)]
        if not sets:
            break
        gained, chosen = max(sets, key=lambda item: item[0])
        if best is not None and gained < value + LEAST_GAIN:
            break
        best, value = chosen, gained
    assert best is not None
    return best

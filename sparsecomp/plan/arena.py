"""Offsets for buffers with lifetimes, with as few words as possible.

Chains are placed at alternating ends, which is optimal: a step needs its input and output at once, and at opposite
ends they leave the rest free. Other networks are placed greedily by size (Pisarchyk and Lee 2020), then improved by
seeded random swaps of the order, stopping at the words alive at once, which nothing can beat but overlap.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from sparsecomp.plan import Buffer
from sparsecomp.plan.buffers import live_words
from sparsecomp.plan.overlap import Gaps

SWAPS = 300
IDLE_SWAPS = 80
GAPS_SWAPS, FEW = 300, 30  # the same for a few buffers that may share bytes, where orders matter more
NO_GAPS: Gaps = {}


def overlap_in_time(a: Buffer, b: Buffer) -> bool:
    """Whether both are alive during some step (the input of a step until its commit)."""
    return a.first <= b.last and b.first <= a.last


def height(buffers: Sequence[Buffer], offsets: dict[str, int]) -> int:
    """Words used."""
    return max((offsets[b.name] + b.words for b in buffers), default=0)


def place(buffers: Sequence[Buffer], seed: int = 0, gaps: Gaps = NO_GAPS, bound: int | None = None) -> dict[str, int]:
    """Word offset of each buffer; ``gaps`` as in overlap.py, ``bound`` the words at which the search may stop
    (None: those of all buffers alive at once).
    """
    buffers = tuple(buffers)
    apart, _ = live_words(buffers)
    bound = apart if bound is None else bound
    ends = two_ended(buffers, apart)
    if ends is not None and apart == bound:
        return ends
    best = min((_climbed(o, gaps, bound, seed) for o in _orders(buffers, gaps)), key=lambda o: height(buffers, o))
    return ends if ends is not None and height(buffers, ends) <= height(buffers, best) else best


def _orders(buffers: Sequence[Buffer], gaps: Gaps) -> Iterator[list[Buffer]]:
    """Where the search begins: the largest first, and where maps may share bytes, by their lives too."""
    yield sorted(buffers, key=lambda b: (-b.words, b.first, b.name))
    if gaps:
        yield sorted(buffers, key=lambda b: (-b.last, b.name))
        yield sorted(buffers, key=lambda b: (-b.first, b.name))
        yield sorted(buffers, key=lambda b: (b.first, b.name))


def _climbed(buffers: list[Buffer], gaps: Gaps, bound: int, seed: int) -> dict[str, int]:
    """What random swaps make of an order."""
    apart = _apart(buffers, gaps)
    words = [b.words for b in buffers]
    order = list(range(len(buffers)))
    best, most = _lowest(order, words, apart)
    rng = random.Random(seed)
    idle, patience = 0, GAPS_SWAPS if gaps and len(order) <= FEW else IDLE_SWAPS
    for _ in range(10 * patience if gaps else SWAPS):
        if most <= bound or idle == patience or len(order) < 2:
            break
        trial = list(order)
        i, j = rng.sample(range(len(trial)), 2)
        trial[i], trial[j] = trial[j], trial[i]
        offsets, needed = _lowest(trial, words, apart, most)
        idle = 0 if needed < most else idle + 1
        if needed <= most:
            best, most, order = offsets, needed, trial
    return {b.name: at for b, at in zip(buffers, best, strict=True)}


def divide(buffers: Sequence[Buffer], capacities: Sequence[int], gaps: Gaps = NO_GAPS) -> list[list[Buffer]]:
    """Buffers for each of several memories: all in the first where they fit, otherwise by size, first fit.

    ``capacities`` are in words. A buffer that fits nowhere is in none of the groups.
    """
    if height(buffers, place(buffers, gaps=gaps, bound=capacities[0])) <= capacities[0]:
        return [list(buffers), *([] for _ in capacities[1:])]
    groups: list[list[Buffer]] = [[] for _ in capacities]
    for buffer in sorted(buffers, key=lambda b: (-b.words, b.first, b.name)):
        for group, capacity in zip(groups, capacities, strict=True):
            if height([*group, buffer], greedy([*group, buffer], gaps)) <= capacity:
                group.append(buffer)
                break
    return groups


def two_ended(buffers: Sequence[Buffer], words: int) -> dict[str, int] | None:
    """Alternating ends of ``words``; None where that overlaps (not a chain)."""
    offsets: dict[str, int] = {}
    for i, b in enumerate(sorted(buffers, key=lambda b: (b.first, b.last))):
        offsets[b.name] = 0 if i % 2 == 0 else words - b.words
    ordered = list(buffers)
    for i, a in enumerate(ordered):
        for b in ordered[i + 1 :]:
            apart = offsets[a.name] + a.words <= offsets[b.name] or offsets[b.name] + b.words <= offsets[a.name]
            if overlap_in_time(a, b) and not apart:
                return None
    return offsets


def greedy(order: Sequence[Buffer], gaps: Gaps = NO_GAPS) -> dict[str, int]:
    """Each buffer in turn at the lowest offset that is free during its life."""
    offsets, _ = _lowest(range(len(order)), [b.words for b in order], _apart(order, gaps))
    return {b.name: at for b, at in zip(order, offsets, strict=True)}


Apart = list[list[tuple[int, int, int]]]  # for each buffer (another, words below it, words above it)


def _lowest(order: Sequence[int], words: list[int], apart: Apart, most: int | None = None) -> tuple[list[int], int]:
    """(offsets, words used) of buffers by their indices; given up once they are more than ``most``."""
    offsets = [-1] * len(words)
    used = 0
    for buffer in order:
        taken = [(offsets[o] - below, offsets[o] + above) for o, below, above in apart[buffer] if offsets[o] >= 0]
        at = 0
        for low, high in sorted(taken):
            if low < at < high:
                at = high
        offsets[buffer] = at
        used = max(used, at + words[buffer])
        if most is not None and used > most:
            break
    return offsets, used


def _apart(buffers: Sequence[Buffer], gaps: Gaps) -> Apart:
    """How far below and above each of the others that are alive with it a buffer has to begin."""
    return [
        [
            (i, *_distances(one, other, gaps))
            for i, other in enumerate(buffers)
            if other is not one and overlap_in_time(one, other)
        ]
        for one in buffers
    ]


def _distances(buffer: Buffer, other: Buffer, gaps: Gaps) -> tuple[int, int]:
    if (other.name, buffer.name) in gaps:
        return gaps[other.name, buffer.name]
    above, below = gaps.get((buffer.name, other.name), (other.words, buffer.words))
    return below, above

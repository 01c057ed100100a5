"""Offsets for buffers with lifetimes, with as few words as possible.

Chains are placed at alternating ends, which is optimal: a step needs its input and output at once, and at opposite
ends they leave the rest free. Other networks are placed greedily by size (Pisarchyk and Lee 2020), then improved by
seeded random swaps of the order, stopping at the words alive at once, which nothing can beat but overlap.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from sparsecomp.plan import Buffer
from sparsecomp.plan.buffers import live_words
from sparsecomp.plan.overlap import Gaps

SWAPS = 300
IDLE_SWAPS = 80
NO_GAPS: Gaps = {}


def overlap_in_time(a: Buffer, b: Buffer) -> bool:
    """Whether both are alive during some step (the input of a step until its commit)."""
    return a.first <= b.last and b.first <= a.last


def height(buffers: Sequence[Buffer], offsets: dict[str, int]) -> int:
    """Words used."""
    return max((offsets[b.name] + b.words for b in buffers), default=0)


def place(buffers: Sequence[Buffer], seed: int = 0, gaps: Gaps = NO_GAPS, bound: int | None = None) -> dict[str, int]:
    """Word offset of each buffer; ``gaps`` as in overlap.py, ``bound`` the words that nothing can do without (None:
    those of all buffers alive at once).
    """
    buffers = tuple(buffers)
    apart, _ = live_words(buffers)
    bound = apart if bound is None else bound
    ends = two_ended(buffers, apart)
    if ends is not None and apart == bound:
        return ends
    order = sorted(buffers, key=lambda b: (-b.words, b.first, b.name))
    # Where outputs lie below their inputs, the last one is the lowest.
    orders = [order] + ([sorted(buffers, key=lambda b: (-b.last, b.name))] if gaps else [])
    best, order = min(((greedy(o, gaps), o) for o in orders), key=lambda found: height(buffers, found[0]))
    rng = random.Random(seed)
    idle = 0
    for _ in range(SWAPS):
        if height(buffers, best) <= bound or idle == IDLE_SWAPS or len(order) < 2:
            break
        trial = list(order)
        i, j = rng.sample(range(len(trial)), 2)
        trial[i], trial[j] = trial[j], trial[i]
        offsets = greedy(trial, gaps)
        idle += 1
        if height(buffers, offsets) < height(buffers, best):
            idle = 0
        if height(buffers, offsets) <= height(buffers, best):
            best, order = offsets, trial
    return ends if ends is not None and height(buffers, ends) <= height(buffers, best) else best


def divide(buffers: Sequence[Buffer], capacities: Sequence[int], gaps: Gaps = NO_GAPS) -> list[list[Buffer]]:
    """Buffers for each of several memories: all in the first where they fit, otherwise by size, first fit.

    ``capacities`` are in words. A buffer that fits nowhere is in none of the groups.
    """
    if height(buffers, place(buffers, gaps=gaps)) <= capacities[0]:
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
    offsets: dict[str, int] = {}
    placed: list[Buffer] = []
    for buffer in order:
        taken = sorted(_forbidden(buffer, p, offsets[p.name], gaps) for p in placed if overlap_in_time(p, buffer))
        at = 0
        for low, high in taken:
            if low < at < high:
                at = high
        offsets[buffer.name] = at
        placed.append(buffer)
    return offsets


def _forbidden(buffer: Buffer, other: Buffer, offset: int, gaps: Gaps) -> tuple[int, int]:
    """Where ``buffer`` may not begin, both ends excluded, since ``other`` lies at ``offset``."""
    if (other.name, buffer.name) in gaps:
        below, above = gaps[other.name, buffer.name]
    else:
        above, below = gaps.get((buffer.name, other.name), (other.words, buffer.words))
    return offset - below, offset + above

"""The budgets of the steps, from the size of the uncompressed network down to the target."""

from __future__ import annotations

from sparsecomp.compression.method import Method


def budgets(method: Method, start: float, target: float) -> list[float]:
    """Falling sizes, the last one exactly ``target``; one step where nothing is to be taken away.

    'cubic' falls fast at first, where there is most to spare, and slowly at the end (Zhu and Gupta, "To prune, or not
    to prune", 2017). 'geometric' takes the fraction ``step`` of what is left in each, ``first_step`` in the first.
    """
    if target >= start:
        return [target]
    if method.schedule == "cubic":
        shares = ((1 - k / method.steps) ** 3 for k in range(1, method.steps + 1))
        return [target + (start - target) * share for share in shares]
    sizes = [start * (1 - method.first_step)]
    while sizes[-1] > target:
        sizes.append(sizes[-1] * (1 - method.step))
    return [*sizes[:-1], target]

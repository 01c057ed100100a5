"""Where the power fails in a run, besides what its supply does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sparsecomp.errors import InputError

KINDS = ("cycle", "instruction", "address", "before_write", "after_write", "energy", "every_cycles")


@dataclass(frozen=True)
class Failure:
    """The power fails once: at a ``cycle``, before an ``instruction`` (counted from 0), before the instruction at an
    ``address``, ``before_write`` or ``after_write`` of the n-th FRAM bus write (from 1; an instruction's own, each half
    of a 20-bit store and each word of a DMA block included), or when so many nJ of ``energy`` were drawn in all. Or
    again and again: ``every_cycles``.

    What is volatile is scrambled then, and the device starts again at once.
    """

    kind: str
    at: int

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"unknown kind of power failure '{self.kind}'", f"one of {', '.join(KINDS)}")
        if self.at < (1 if self.kind in ("energy", "every_cycles") else 0):
            raise InputError(f"a power failure at {self.kind} {self.at}", "give a number above zero")

    def option(self) -> str:
        """As the simulator's program takes it."""
        return f"fail={self.kind}:{self.at * 10**6 if self.kind == 'energy' else self.at}"


@dataclass(frozen=True)
class RandomFailures:
    """The power fails at random, from 1 to 2 ``mean_cycles`` - 1 cycles after it came, each as likely; the same for the
    same ``seed``.
    """

    seed: int
    mean_cycles: int

    def __post_init__(self) -> None:
        if self.mean_cycles < 1 or not 0 <= self.seed < 1 << 64:
            raise InputError(
                f"random power failures with seed {self.seed} every {self.mean_cycles} cycles",
                "the seed is a number of 64 bits, the mean is above zero",
            )

    def option(self) -> str:
        """As the simulator's program takes it."""
        return f"fail=random:{self.seed}:{self.mean_cycles}"


def failure_options(failures: Sequence[Failure | RandomFailures]) -> list[str]:
    """The options of a run. Raises InputError where two of the kinds that repeat are asked for."""
    for repeats in (
        [f for f in failures if isinstance(f, RandomFailures)],
        [f for f in failures if isinstance(f, Failure) and f.kind == "every_cycles"],
    ):
        if len(repeats) > 1:
            raise InputError("two repeating power failures of a kind", "give RandomFailures and every_cycles once each")
    return [failure.option() for failure in failures]

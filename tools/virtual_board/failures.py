"""Where the power fails, once, in a run."""

from __future__ import annotations

from dataclasses import dataclass

from sparsecomp.errors import InputError

KINDS = ("cycle", "instruction", "address", "before_write", "after_write")


@dataclass(frozen=True)
class Failure:
    """The power fails once: at a ``cycle``, before an ``instruction`` (counted from 0), before the instruction at an
    ``address``, or ``before_write`` or ``after_write`` of the n-th FRAM bus write (from 1), an instruction's own and
    each half of a 20-bit store included.

    What is volatile is scrambled then, and the device starts again.
    """

    kind: str
    at: int

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"unknown kind of power failure '{self.kind}'", f"one of {', '.join(KINDS)}")
        if self.at < 0:
            raise InputError(f"a power failure at {self.kind} {self.at}", "give a number from 0")

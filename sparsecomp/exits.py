"""Early exits of a program: where inference may end, and the policy by which a device decides that it does.

At each exit the device has scores, one a class. Its confidence is the best score less the second best, in elements of
int16. The inference ends there where that is above the exit's margin, unless the supply is plenty; where the supply is
below the exit's level; or where the exit is the last one allowed. Ties go on. Each of these is one word of FRAM, so
that a policy can be changed over the serial line and no power failure leaves half of a change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sparsecomp.errors import ConversionError, InputError
from sparsecomp.quantities import microfarads

DEFAULT_POLICY = "confidence:0.9"
NEVER = 65535  # the margin above which no confidence lies
EXIT_SUFFIX = "_ee"  # of the names of layers that only early exits need
ANSWER, NUMBER = "exit_answer", "exit_number"  # tensors of the answer, and of the exit that gave it
FORMS = (
    "full, fixed:N, confidence:0.9 (share of the best class against the second), energy or energy:2 (times what going "
    "on costs), adaptive:0.9 or adaptive:0.9:2 (both); behind any but fixed @N: exit N at the latest; behind energy "
    "and adaptive /470uF: the device's capacitor"
)
MOST_RESERVE = 100.0
FULL_SCALE, REFERENCE_V, DIVIDED = 4095, 2.0, 2  # of a reading: firmware/ports/msp430/supply.h
PLENTY_V = 3.4  # of the 3.6 at which a harvester's income is lost


@dataclass(frozen=True)
class Exit:
    """Scores ``tensor`` of an exit; their ``temperature`` divides them to make them calibrated logits."""

    name: str
    tensor: str
    temperature: float = 1.0


@dataclass(frozen=True)
class Policy:
    """The words of a policy: ``limit`` is the number of the last exit allowed, ``margins`` and ``levels`` have one a
    early exit (all but the last). A level is a reading of the supply (firmware/include/supply.h), 0 never measures;
    with ``energy`` the plan gives them, from what going on costs and the capacitor. A reading of ``plenty`` or more
    goes on even where the device is confident, since what is not used is lost; 0 never does. ``own_uF`` is the
    capacitor that the policy names, ``capacitor_uF`` the one that the levels are for.
    """

    limit: int
    margins: tuple[int, ...]
    levels: tuple[int, ...]
    text: str = "full"
    energy: bool = False
    reserve: float = 1.0
    plenty: int = 0
    own_uF: float | None = None
    capacitor_uF: float | None = None

    def __post_init__(self) -> None:
        words = self.words
        if len(self.margins) != len(self.levels) or not all(0 <= word <= NEVER for word in words):
            raise ConversionError(f"a policy of {words} is none")

    @property
    def words(self) -> tuple[int, ...]:
        """As they lie in the device's memory (firmware/include/runtime.h, progress_t)."""
        return (self.limit, self.plenty, *self.margins, *self.levels)


@dataclass(frozen=True)
class PolicyRequest:
    """What the user asked for: the last exit; ``share`` in (0.5, 1), or None; whether the supply is looked at, how
    many times the cost of going on it has to hold, and in which capacitor (None: the board's, or that of a simulation).
    """

    text: str = "full"
    limit: int | None = None
    share: float | None = None
    energy: bool = False
    reserve: float = 1.0
    capacitor_uF: float | None = None


def parse_policy(text: str) -> PolicyRequest:
    """A policy's text. Raises InputError with the forms there are."""
    before, slash, capacitor = text.partition("/")
    form, at, last = before.partition("@")
    kind, *values = form.split(":")
    forms = {"full": (0, 0), "fixed": (1, 1), "confidence": (1, 1), "energy": (0, 1), "adaptive": (1, 2)}
    least, most = forms.get(kind, (1, 0))
    try:
        if least <= len(values) <= most and not (at and kind == "fixed"):
            found = _request(text, kind, values)
            found = replace(found, limit=_natural(last)) if at else found
            return replace(found, capacitor_uF=_capacitor(found, capacitor)) if slash else found
    except ValueError:
        pass
    raise InputError(f"unknown exit policy '{text}'", f"one of {FORMS}")


def _request(text: str, kind: str, values: list[str]) -> PolicyRequest:
    """Raises ValueError where a number is none, or out of its range."""
    if kind == "fixed":
        return PolicyRequest(text, limit=_natural(values[0]))
    share = _between(values.pop(0), 0.5, 1.0) if kind in ("confidence", "adaptive") else None
    reserve = _between(values[0], 0.0, MOST_RESERVE) if values else 1.0
    return PolicyRequest(text, share=share, energy=kind in ("energy", "adaptive"), reserve=reserve)


def _capacitor(request: PolicyRequest, text: str) -> float:
    value = microfarads(text)
    if not request.energy or value <= 0:
        raise ValueError(text)
    return value


def _between(text: str, low: float, high: float) -> float:
    value = float(text)
    if not low < value < high:
        raise ValueError(text)
    return value


def _natural(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(text)
    return int(text)


def make_policy(request: PolicyRequest, exits: Sequence[Exit], fraction: int, is_float: bool = False) -> Policy:
    """The words for a program whose scores have the exponent ``fraction``; levels are 0 until a plan knows the costs.

    The best class has a share s of the two best where its calibrated logit is log(s / (1 - s)) above the second's, so
    an exit's margin is that times its temperature. Raises InputError where the policy does not fit the exits.
    """
    last = len(exits) - 1
    if request.limit is not None and request.limit > last:
        raise InputError(f"policy '{request.text}': the exits are 0 to {last}", f"{last} is the whole network")
    if is_float and (request.share is not None or request.energy):
        raise InputError(f"policy '{request.text}' compares integers", "take --numeric int8, or fixed:N")
    margins = [NEVER] * last
    if request.share is not None:
        odds = math.log(request.share / (1 - request.share))
        margins = [math.floor(min(NEVER, odds * e.temperature * 2.0**fraction)) for e in exits[:last]]
    limit = last if request.limit is None else request.limit
    plenty = reading(PLENTY_V) if request.energy and request.share is not None else 0
    return Policy(
        limit, tuple(margins), (0,) * last, request.text, request.energy, request.reserve, plenty, request.capacitor_uF
    )


def reading(volts: float) -> int:
    """The 12-bit code that a supply of ``volts`` is read as."""
    return min(FULL_SCALE, round(volts / DIVIDED / REFERENCE_V * FULL_SCALE))


def volts_of(level: int) -> float:
    """The supply that is read as ``level``."""
    return level / FULL_SCALE * REFERENCE_V * DIVIDED


def confidence(scores: np.ndarray) -> np.ndarray:
    """The best score of each row less the second best, (N,), of (N, classes)."""
    two = np.partition(scores.astype(np.float64), -2, axis=1)[:, -2:]
    return two[:, 1] - two[:, 0]


def leaves(policy: Policy, number: int, scores: np.ndarray) -> np.ndarray:
    """Whether the inference ends at exit ``number``, (N,) bool, with a supply that is neither low nor plenty.
    ``scores`` are in elements, exact or as the float network has them.
    """
    if number >= policy.limit:
        return np.ones(len(scores), bool)
    return confidence(scores) > policy.margins[number]


def answers(policy: Policy, scores: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(answers (N, classes), exits (N, 1)) from the scores (N, classes) of every exit, in elements."""
    answer, number = scores[-1].copy(), np.full((len(scores[-1]), 1), len(scores) - 1)
    left = np.zeros(len(answer), bool)
    for index, mine in enumerate(scores):
        leaving = leaves(policy, index, mine) & ~left
        answer[leaving], number[leaving] = mine[leaving], index
        left |= leaving
    return answer, number


def reachable(policy: Policy, scores: Sequence[np.ndarray]) -> np.ndarray:
    """The number of the last exit, (N,), that its supply may make a device take for each sample: where it may be plenty
    all of them, otherwise the one that it takes with enough of it.
    """
    if policy.plenty:
        return np.full(len(scores[0]), policy.limit)
    return answers(policy, scores)[1][:, 0]

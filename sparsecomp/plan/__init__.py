"""The memory and restart plan of a program on a board: frozen data, made by ``make_plan``, checked by ``check``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sparsecomp.boards import Board
from sparsecomp.program import Program

PROGRESS_WORDS = 4  # cursor, held, id (firmware/include/runtime.h)


def progress_words(program: Program) -> int:
    """Words of ``progress_t``: the protocol's, and those of the exit policy."""
    return PROGRESS_WORDS + (len(program.policy.words) if program.policy is not None else 0)


@dataclass(frozen=True)
class Buffer:
    """Bytes for one tensor, alive from step ``first`` to the commit of step ``last``, both included.

    Step -1 is the delivery of the input; the number of steps stands for the time until the result is acknowledged.
    """

    name: str
    words: int
    first: int
    last: int


@dataclass(frozen=True)
class Placement:
    """A buffer at ``offset`` words in arena ``arena``."""

    buffer: Buffer
    arena: int
    offset: int

    @property
    def end(self) -> int:
        """First word behind it."""
        return self.offset + self.buffer.words


@dataclass(frozen=True)
class Arena:
    """A range of non-volatile memory for feature maps: ``start`` address, ``words`` used of ``capacity`` words.

    ``live`` is the largest number of words alive at once, the bound that no placement can beat.
    """

    region: str
    start: int
    words: int
    capacity: int
    live: int


@dataclass(frozen=True)
class Units:
    """How a step is cut into restart units: ``per_unit`` items each, ``count`` units, the first numbered ``first``.

    ``cycles`` (estimated) and ``writes`` (exact, 16-bit FRAM words, commit included) are of the largest unit. A walk
    takes ``per_step`` items before it returns.
    """

    first: int
    per_unit: int
    count: int
    cycles: int
    writes: int
    per_step: int = 0


@dataclass(frozen=True)
class Charge:
    """What one charge has to pay for at once: the worst unit or the delivery of an input, in cycles and FRAM writes."""

    cycles: int
    writes: int
    available_cycles: int
    available_writes: int | None


@dataclass(frozen=True)
class Plan:
    """Where everything lies and how inference is cut. Bytes are of the device's FRAM."""

    program: Program
    board: Board
    placements: Mapping[str, Placement]
    arenas: tuple[Arena, ...]
    units: tuple[Units, ...]
    charge: Charge
    weight_bytes: tuple[int, ...]  # constant data of each step
    wire_words: int
    wire_offsets: Mapping[str, int]
    volatile_input: bool
    code_bytes: int
    tables: Mapping[str, int]  # constant data in bytes that lies in each region
    table_starts: tuple[int, ...]  # address of the free span that holds each step's constants
    separation: Mapping[str, Any] | None = None  # what was tried where layers are computed in parts, as in plan.json

    @property
    def unit_count(self) -> int:
        """Restart units of an inference."""
        return sum(u.count for u in self.units)

    @property
    def arena_bytes(self) -> int:
        """Bytes of feature maps."""
        return 2 * sum(a.words for a in self.arenas)

    @property
    def state_bytes(self) -> int:
        """Bytes of the received input (where it is kept) and of the protocol's words."""
        return 2 * (progress_words(self.program) + (0 if self.volatile_input else self.wire_words))

    @property
    def constant_bytes(self) -> int:
        """Bytes of weights, scales and tables."""
        return sum(self.weight_bytes)

    @property
    def fram_bytes(self) -> int:
        """All bytes of FRAM that the firmware needs; code is an estimate until it is linked."""
        return self.constant_bytes + self.arena_bytes + self.state_bytes + self.code_bytes

    @property
    def fram_capacity(self) -> int:
        """Bytes of FRAM that the board offers."""
        # A range may serve several uses: counted once, by its start.
        sizes = {start: size for use in ("weights", "arena", "code") for _, start, size in self.board.spans(use)}
        return sum(sizes.values())

"""Which layers are computed in bands of rows, and which maps are lifted (bands.py): a search over all short chains.

Every chain of two to four layers is tried at every height that is a power of two, and what is alive meanwhile and the
cycles are taken from the plan's own model. For each number of words, the chains with the fewest bands that keep all
layers within it are found exactly (by dynamic programming over the steps). Each of these choices is then placed, with
lifted maps where that lowers the arena.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from sparsecomp.bands import in_bands, lifted, may_be_banded, may_be_lifted
from sparsecomp.boards import Board
from sparsecomp.errors import DoesNotFitError
from sparsecomp.plan.arena import height, place
from sparsecomp.plan.buffers import live_buffers
from sparsecomp.plan.choices import MORE_CYCLES, NEARLY, Chain, Option, Search
from sparsecomp.plan.code import STEP_BYTES, code_bytes
from sparsecomp.plan.overlap import gaps, lives, load
from sparsecomp.plan.units import cut, cycles_in_units
from sparsecomp.program import Program

LONGEST = 4  # layers of a chain
PIECES = (2, 3, 4, 6, 8)  # of a lifted map


@dataclass
class _Model:
    """What the plan of a program would be."""

    program: Program
    board: Board
    volatile_input: bool
    loads: np.ndarray = field(init=False)  # words alive at most, a step

    def __post_init__(self) -> None:
        self.buffers, _, wire_words = live_buffers(self.program, self.volatile_input)
        self.units, _ = cut(self.program, self.board, wire_words)
        self.lives = lives(self.program, self.buffers, self.units)
        alive = load(self.lives, [b.name for b in self.buffers])
        self.loads = np.maximum.reduceat(alive, [u.first + 1 for u in self.units])

    @cached_property
    def cycles(self) -> np.ndarray:
        """Of each step."""
        steps = zip(self.program.steps, self.units, strict=True)
        return np.array([cycles_in_units(self.program, step, units, self.board) for step, units in steps])

    @cached_property
    def words(self) -> int:
        """Of the arena."""
        bound = int(self.loads.max())
        return height(self.buffers, place(self.buffers, gaps=gaps(self.lives, self.buffers), bound=bound))

    def code(self) -> int:
        """Bytes of code and of the layers' table; on a host of the table alone, as a device has it."""
        if self.board.is_host:
            return STEP_BYTES * len(self.program.steps)
        return code_bytes(self.program, self.board)


def search(program: Program, board: Board, volatile_input: bool = False) -> Search:
    """Tries chains, then the choices among them. Raises DoesNotFitError as ``cut`` for the program as it is."""
    plain = _Model(program, board, volatile_input)
    chains = tuple(_chains(plain))
    options = [_option(plain, (), {}), *_options(plain, (), {})]
    for chosen in _choices(plain.loads, chains):
        whole = program
        for chain in reversed(chosen):
            whole = in_bands(whole, chain.first, chain.last, chain.rows)
        try:
            model = _Model(whole, board, volatile_input)
        except DoesNotFitError:
            continue
        layers = [tuple(s.name for s in program.steps[c.first : c.last + 1] if s.kernel != "fill") for c in chosen]
        options.append(_option(model, chosen, {}, layers))
        # Lifting takes a part of what can be won, and more of everything else.
        affordable = options[-1].cycles <= options[0].cycles * (1 + MORE_CYCLES)
        if affordable and 2 * int(model.loads.max()) < min(o.map_bytes for o in options):
            options += _options(model, chosen, layers)
    return Search(chains, tuple(options))


def _option(model: _Model, chains: Sequence[Chain], lifts: Mapping[str, int], layers=()) -> Option:
    maps = 2 * model.words
    code = model.code()
    return Option(model.program, tuple(chains), tuple(layers), dict(lifts), maps, maps + code, int(model.cycles.sum()))


def _chains(plain: _Model) -> Iterator[Chain]:
    """Every chain that needs fewer words than its layers one by one, at every height at which it does."""
    program = plain.program
    computing = [i for i, step in enumerate(program.steps) if step.kernel != "fill"]
    for at, first in enumerate(computing):
        for last in computing[at + 1 : at + LONGEST]:
            if not may_be_banded(program, first, last):
                continue
            before = int(plain.loads[first : last + 1].max())
            rows = 1
            while rows < program.tensors[program.steps[last].output].height:
                banded = in_bands(program, first, last, rows)
                more = len(banded.steps) - len(program.steps)
                try:
                    model = _Model(banded, plain.board, plain.volatile_input)
                except DoesNotFitError:
                    break
                words = int(model.loads[first : last + 1 + more].max())
                if words < before:
                    cycles = int(model.cycles.sum() - plain.cycles.sum())
                    yield Chain(first, last, rows, words, more, cycles)
                rows *= 2


def _choices(loads: np.ndarray, chains: Sequence[Chain]) -> Iterator[tuple[Chain, ...]]:
    """For each number of words the chains with the fewest steps that keep all layers within it, each once."""
    seen = set()
    for words in sorted({int(n) for n in loads} | {c.words for c in chains}):
        best: list[tuple[int, int, tuple[Chain, ...]] | None] = [(0, 0, ())]
        for i, alone in enumerate(loads):
            ways = [best[i]] if alone <= words and best[i] is not None else []
            for c in chains:
                before = best[c.first] if c.last == i and c.words <= words else None
                if before is not None:
                    ways.append((before[0] + c.steps, before[1] + c.cycles, (*before[2], c)))
            best.append(min(ways, key=lambda way: way[:2], default=None))
        if best[-1] is not None and best[-1][2] and best[-1][2] not in seen:
            seen.add(best[-1][2])
            yield best[-1][2]


def _options(model: _Model, chains: Sequence[Chain], layers) -> Iterator[Option]:
    """The same with lifted maps, where placing them so takes fewer words."""
    needed: list[str] | None = None
    for pieces in PIECES:
        if model.words <= int(model.loads.max()):
            return
        names = [name for name in needed or model.program.tensors if _liftable(model, name, pieces)]
        found = _lifted(model, names, pieces)
        if found.words >= model.words:
            continue
        for name in names if needed is None else ():  # fewer are better
            fewer = [other for other in names if other != name]
            without = _lifted(model, fewer, pieces)
            if without.words <= found.words:
                names, found = fewer, without
        if found.words <= NEARLY * int(model.loads.max()):  # other pieces change little: the same maps again
            needed = names
        yield _option(found, chains, dict.fromkeys(names, pieces), layers)


def _liftable(model: _Model, name: str, pieces: int) -> bool:
    """Whether a map can be lifted, and that alone takes less than all maps do now."""
    tensor = model.program.tensors[name]
    both = (tensor.stored + -(-tensor.stored // pieces)) * model.program.element_words
    return tensor.stored >= 8 * pieces and both < model.words and may_be_lifted(model.program, name)


def _lifted(model: _Model, names: Sequence[str], pieces: int) -> _Model:
    program = model.program
    for name in names:
        program = lifted(program, name, pieces)
    return _Model(program, model.board, model.volatile_input)

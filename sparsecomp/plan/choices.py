"""What a search for parts (separate.py) has found: the choices, which of them is taken, and what plan.json tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sparsecomp.program import Program

MORE_CYCLES = 0.10  # of the network's, that separation may cost
NEARLY = 1.10  # of the least bytes of maps, within which the fewest bytes in all are taken


@dataclass(frozen=True)
class Chain:
    """Steps ``first`` to ``last`` in bands of ``rows`` rows: words alive meanwhile at most, and what it takes more."""

    first: int
    last: int
    rows: int
    words: int
    steps: int
    cycles: int


@dataclass(frozen=True)
class Option:
    """A program in parts. ``layers`` are the names of each chain's, ``lifted`` those of maps with their pieces; bytes
    are of maps, and of maps and code with the layers' table.
    """

    program: Program
    chains: tuple[Chain, ...]
    layers: tuple[tuple[str, ...], ...]
    lifted: Mapping[str, int]
    map_bytes: int
    fram_bytes: int
    cycles: int


@dataclass(frozen=True)
class Search:
    """All that was tried; ``options`` begins with the program as it was."""

    chains: tuple[Chain, ...]
    options: tuple[Option, ...]

    @property
    def allowed(self) -> list[Option]:
        """Options that cost no more cycles than the limit, and no more FRAM than they save."""
        plain = self.options[0]
        most = plain.cycles * (1 + MORE_CYCLES)
        return [o for o in self.options if o.cycles <= most and o.fram_bytes <= plain.fram_bytes]

    @property
    def least(self) -> Option:
        """Of those with nearly the least bytes of maps, the one with the fewest bytes in all."""
        limit = NEARLY * min(o.map_bytes for o in self.allowed)
        return min((o for o in self.allowed if o.map_bytes <= limit), key=lambda o: (o.fram_bytes, o.map_bytes))

    @property
    def by_parts(self) -> list[Option]:
        """Those with the fewest parts first."""
        return sorted(self.allowed, key=lambda o: (len(o.program.steps), o.fram_bytes))

    def notes(self, chosen: Option) -> tuple[str, ...]:
        """One line a part of the choice, then bytes and cycles before and after; nothing where it is no choice."""
        plain = self.options[0]
        if chosen is plain:
            return ()
        chains = zip(chosen.layers, chosen.chains, strict=True)
        lines = [f"{', '.join(layers)}: computed in bands of {chain.rows} rows" for layers, chain in chains]
        lines += [f"map '{name}' is lifted in {pieces} parts" for name, pieces in chosen.lifted.items()]
        more = 100 * (chosen.cycles / plain.cycles - 1)
        lines.append(
            f"in parts, maps take {chosen.map_bytes:,} bytes instead of {plain.map_bytes:,}, code with the layers' "
            f"table {chosen.fram_bytes - chosen.map_bytes - (plain.fram_bytes - plain.map_bytes):,} more, and an "
            f"inference about {more:+.1f} % cycles"
        )
        return tuple(lines)

    def told(self, chosen: Option) -> dict[str, Any]:
        """For plan.json: the choice, the others with the reason why not, and each chain's other heights."""
        plain = self.options[0]
        return {
            "before": _figures(plain),
            "chosen": _figures(chosen),
            "rejected": [_figures(o) | {"why": self._why_not(o, chosen)} for o in self.options if o is not chosen],
            "chains_tried": len(self.chains),
            "chains": [
                {
                    "layers": list(layers),
                    "heights": [
                        {
                            "rows": c.rows,
                            "bytes_alive": 2 * c.words,
                            "steps_more": c.steps,
                            "cycles_more": c.cycles,
                            "chosen": c == chain,
                        }
                        for c in self.chains
                        if (c.first, c.last) == (chain.first, chain.last)
                    ],
                    "output_channel_groups_at_least": 2 * channel_groups(plain.program, chain),
                }
                for chain, layers in zip(chosen.chains, chosen.layers, strict=True)
            ],
        }

    def _why_not(self, option: Option, chosen: Option) -> str:
        plain = self.options[0]
        if option.cycles > plain.cycles * (1 + MORE_CYCLES):
            return (
                f"{100 * (option.cycles / plain.cycles - 1):.1f} % more cycles, the most is {100 * MORE_CYCLES:.0f} %"
            )
        if option.fram_bytes > plain.fram_bytes:
            return f"its table takes more than it saves: {option.fram_bytes - plain.fram_bytes} bytes more in all"
        if option.map_bytes > chosen.map_bytes:
            return f"{option.map_bytes - chosen.map_bytes} bytes of maps more"
        return f"{option.fram_bytes - chosen.fram_bytes} bytes more in all"


def _figures(option: Option) -> dict[str, Any]:
    chains = zip(option.layers, option.chains, strict=True)
    return {
        "bands": [{"layers": list(layers), "rows": chain.rows} for layers, chain in chains],
        "lifted": dict(option.lifted),
        "map_bytes": option.map_bytes,
        "map_and_code_bytes": option.fram_bytes,
        "cycles_estimated": option.cycles,
        "steps": len(option.program.steps),
    }


def channel_groups(program: Program, chain: Chain) -> int:
    """Words alive at least where layers of a chain were computed in groups of output channels instead of rows: a layer
    whose channels each read all of its input needs that whole to the last group, and with two groups half of its
    output is there when the second begins. A chain without such a layer reads its own input again for each group.
    """
    steps = [s for s in program.steps[chain.first : chain.last + 1] if s.kernel != "fill"]
    macs = [s for s in steps if s.kernel == "mac"]
    of_all = [s for s in macs if s.attrs["group_size"] == program.tensors[s.output].channels]
    pairs = [(s.inputs[0], s.output) for s in of_all] or [(steps[0].inputs[0], steps[-1].output)]
    size = {name: program.tensors[program.base(name)].stored for pair in pairs for name in pair}
    return max(size[source] + size[out] // 2 for source, out in pairs) * program.element_words

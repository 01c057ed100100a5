"""Every crash state of a generated model, each visited once (the walk itself is harness/explore.c)."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sparsecomp.errors import InputError
from sparsecomp_tools.power.compiling import compile_directory
from sparsecomp_tools.power.running import Words, run_harness, write_stream


@dataclass(frozen=True)
class Divergence:
    """Where the device went wrong: at FRAM write ``write`` since the last boot, with the cursor and layer of then.

    ``boot_cursor`` and ``boot_layer`` name the unit that the last failure interrupted (layer -1: none), ``failures``
    the writes after which each earlier boot lost power. ``expected`` and ``found`` are words of the answer.
    """

    kind: str
    write: int
    cursor: int
    layer: int
    boot_cursor: int
    boot_layer: int
    input: int
    output: int
    element: int
    expected: int
    found: int
    failures: tuple[int, ...] = ()

    def describe(self) -> str:
        """One line for people."""
        text = f"{self.kind} at FRAM write {self.write} since boot (cursor {self.cursor}"
        text += f", layer {self.layer})" if self.layer >= 0 else ")"
        if self.boot_layer >= 0:
            text += f", booted into layer {self.boot_layer} (cursor {self.boot_cursor})"
        if self.kind == "a wrong answer":
            text += f": input {self.input}, output {self.output}, element {self.element}"
            text += f" is {self.found} instead of {self.expected}"
        if self.kind.startswith("livelock"):
            text += f": {self.found} writes, where a call takes at most {self.expected}"
        if self.failures:
            text += "; power failed after write " + ", then ".join(map(str, self.failures))
        return text


def divergence_from(raw: dict[str, Any]) -> Divergence | None:
    """The first divergence of a harness result."""
    return Divergence(**raw["first"], failures=tuple(raw.get("failures_path", ()))) if "first" in raw else None


@dataclass(frozen=True)
class Exploration:
    """Result of one exploration; ``writes`` are the FRAM writes of each inference without failures.

    ``exhausted``: every reachable crash state was visited; otherwise ``fraction`` of them were drawn by a hash of their
    contents. ``largest_call`` is the most FRAM writes in one call of the runtime (a unit, or a delivery), and
    ``largest_loss`` the most that a single failure undoes; where it is no more, no schedule of failures further apart
    can livelock.
    """

    states: int
    transitions: int
    exhausted: bool
    fraction: float
    divergences: int
    first: Divergence | None
    writes: tuple[int, ...]
    largest_call: int
    largest_loss: int
    layers: int
    units: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Plain values, for json.dumps."""
        return asdict(self)

    def summary(self) -> str:
        """One line for people."""
        extent = "exhausted" if self.exhausted else f"sampled ({self.fraction:.2%} of the states)"
        return f"{self.states} states, {self.transitions} transitions, {extent}, {self.divergences} divergences"


def explore_directory(
    directory: Path | str,
    inputs: Sequence[Words],
    expected: Sequence[Sequence[Words]],
    *,
    max_states: int = 500_000,
    seed: int = 0,
    flags: tuple[str, ...] = (),
) -> Exploration:
    """Explores one cold start and ``len(inputs)`` inferences; ``expected[k]`` are the output arrays for ``inputs[k]``.

    Raises InputError where directory or data do not fit, ToolError where it cannot be compiled or run. Divergences
    are in the result, not raised.
    """
    if max_states < 1 or seed < 0:
        raise InputError(f"max_states {max_states}, seed {seed}: out of range", "at least one state, and a seed from 0")
    program = compile_directory(directory, flags=flags).harness
    with tempfile.TemporaryDirectory() as folder:
        *files, _ = write_stream(Path(folder), inputs, expected)
        raw = run_harness(program, "explore", (files[0], files[1]), seed, max_states)
    return Exploration(
        states=raw["states"],
        transitions=raw["transitions"],
        exhausted=raw["exhausted"],
        fraction=raw["fraction"],
        divergences=raw["divergences"],
        first=divergence_from(raw),
        writes=tuple(raw["writes"]),
        largest_call=raw["largest_call"],
        largest_loss=raw["largest_loss"],
        layers=raw["layers"],
        units=raw["units"],
        seed=seed,
    )

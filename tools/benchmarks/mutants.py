"""How much of runtime and host port the checks would notice: every mutant is built and must be caught.

    python -m sparsecomp_tools.benchmarks.mutants [--directory DIR --inputs X.npy --expected Y.npy] [--json OUT]

DIR is a directory generated for the host, X holds one input a row and Y the words of all outputs of each, as int16.
Without them the tiny model of the tools is judged: its tables have an entry too many, so that loops which go on too far
show.
Exits with 5 where less than 95 % are caught or a survivor has no reason in survivors.py.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sparsecomp.errors import InputError, SparseCompError, ToolError
from sparsecomp_tools.benchmarks.mutations import Mutation, mutations
from sparsecomp_tools.benchmarks.survivors import SURVIVORS
from sparsecomp_tools.power import tiny
from sparsecomp_tools.power.bench import bench_for
from sparsecomp_tools.power.compiling import same_object
from sparsecomp_tools.power.exploration import explore_directory
from sparsecomp_tools.power.running import Words
from sparsecomp_tools.power.simulation import simulate_directory
from sparsecomp_tools.power.trials import broken_promise

TARGETS = ("runtime/runtime.c", "port/*.c")
UNUSED = "port/supply.c"  # nothing here asks for the voltage; tests/target/test_supply.py does
ENOUGH = 0.95
UNCOUNTED = ("build", "same object")


@dataclass(frozen=True)
class Verdict:
    """What became of one mutant: ``by`` names the check that caught it, "" is a survivor.

    "build" (it does not compile) and "same object" (the compiler makes the same of it) do not count.
    """

    mutation: Mutation
    by: str

    @property
    def where(self) -> str:
        """file:line: what was changed."""
        old, new = (" ".join(text.split()) or "nothing" for text in (self.mutation.old, self.mutation.new))
        return f"{self.mutation.file}:{self.mutation.line}: {self.mutation.kind}: {old} -> {new}"


@dataclass(frozen=True)
class Report:
    """All verdicts of one run."""

    verdicts: tuple[Verdict, ...]

    @property
    def survivors(self) -> tuple[Verdict, ...]:
        """Mutants that nothing caught."""
        return tuple(verdict for verdict in self.verdicts if not verdict.by)

    @property
    def counted(self) -> int:
        """Mutants that compile, to something else than the original."""
        return sum(verdict.by not in UNCOUNTED for verdict in self.verdicts)

    @property
    def killed(self) -> float:
        """The fraction caught, of those that count."""
        return 1.0 - len(self.survivors) / self.counted if self.counted else 0.0

    @property
    def unexplained(self) -> tuple[Verdict, ...]:
        """Survivors without a reason in survivors.py."""
        return tuple(verdict for verdict in self.survivors if verdict.mutation.key not in SURVIVORS)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for json.dumps."""
        by = sorted({verdict.by for verdict in self.verdicts if verdict.by})
        return {
            "mutants": self.counted,
            "killed": self.killed,
            "by": {name: sum(verdict.by == name for verdict in self.verdicts) for name in by},
            "survivors": [
                asdict(v.mutation) | {"where": v.where, "reason": SURVIVORS.get(v.mutation.key, "")}
                for v in self.survivors
            ],
        }


def judge(directory: Path, inputs: Sequence[Words], expected: Sequence[Sequence[Words]]) -> str:
    """The first check that finds fault with a directory: explorer, simulation, or a trial's name; "" for none."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            bench = bench_for(directory, inputs, expected, Path(folder), writes=100)
        except ToolError:
            return "build"
        try:
            explored = explore_directory(directory, inputs, expected, max_states=20_000)
            if explored.divergences or not explored.exhausted:
                return "explorer"
            broken = broken_promise(replace(bench, writes=sum(explored.writes)))
            if broken:
                return broken
            if not simulate_directory(directory, inputs, expected, failures=200, kills=1).passed:
                return "simulation"
        except (SparseCompError, OSError) as error:
            return f"refused: {type(error).__name__}"
    return ""


def all_mutations(directory: Path) -> list[Mutation]:
    """Every mutation of runtime and port in a generated directory."""
    paths = [path for pattern in TARGETS for path in sorted(directory.glob(pattern))]
    texts = {str(path.relative_to(directory)): path.read_text() for path in paths}
    return [m for name, text in texts.items() if name != UNUSED for m in mutations(name, text)]


def run_mutants(
    directory: Path,
    inputs: Sequence[Words],
    expected: Sequence[Sequence[Words]],
    *,
    only: str = "",
    sample: int | None = None,
    seed: int = 0,
    jobs: int = 2,
) -> Report:
    """Judges every mutation (``only``: those whose file matches; ``sample``: so many, drawn by ``seed``).

    Raises InputError where the directory without any mutation is found fault with.
    """
    sound = judge(directory, inputs, expected)
    if sound:
        raise InputError(f"the directory fails without any mutation: {sound}", "generate it again")
    chosen = [m for m in all_mutations(directory) if re.search(only, m.file)]
    if sample is not None and sample < len(chosen):
        chosen = random.Random(seed).sample(chosen, sample)

    def verdict(mutation: Mutation) -> Verdict:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "model"
            shutil.copytree(directory, copy)
            path = copy / mutation.file
            path.write_text(mutation.apply(path.read_text()))
            if same_object(directory / mutation.file, path, directory):
                return Verdict(mutation, "same object")
            return Verdict(mutation, judge(copy, inputs, expected))

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        return Report(tuple(pool.map(verdict, chosen)))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--directory", type=Path, help="generated for the host")
    parser.add_argument("--inputs", type=Path, help=".npy, one input a row, int16")
    parser.add_argument("--expected", type=Path, help=".npy, the words of all outputs, one row an input")
    parser.add_argument("--only", default="", help="files whose name matches this pattern")
    parser.add_argument("--sample", type=int, help="judge so many mutants, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the result there")
    options = parser.parse_args(arguments)
    given = [options.directory, options.inputs, options.expected]
    if any(given) and not all(given):
        parser.error("--directory, --inputs and --expected belong together")
    with tempfile.TemporaryDirectory() as folder:
        try:
            if options.directory:
                directory = options.directory
                inputs, expected = list(np.load(options.inputs)), [[row] for row in np.load(options.expected)]
            else:
                directory = tiny.write_tiny(Path(folder) / "tiny")
                inputs, expected = tiny.stream(2)
            chosen = {"only": options.only, "sample": options.sample, "seed": options.seed, "jobs": options.jobs}
            report = run_mutants(directory, inputs, expected, **chosen)
        except (SparseCompError, OSError, ValueError) as error:
            print(f"error: {error}", file=sys.stderr)
            return getattr(error, "exit_code", InputError.exit_code)
    if options.json:
        options.json.write_text(json.dumps(report.to_json(), indent=1) + "\n")
    for survivor in report.survivors:
        print(f"survived: {survivor.where}\n    {SURVIVORS.get(survivor.mutation.key, 'NOT EXPLAINED')}")
    print(f"{report.counted} mutants, {report.killed:.1%} killed, {len(report.unexplained)} survivors not explained")
    return 0 if report.killed >= ENOUGH and not report.unexplained else 5


if __name__ == "__main__":
    sys.exit(main())

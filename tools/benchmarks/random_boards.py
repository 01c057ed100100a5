"""``python -m sparsecomp_tools.benchmarks.random_boards``: random networks as linked firmware on the virtual board.

Every network is converted with all that the product does (pooling in the layer before, outputs over their inputs,
kernels in assembly), linked by its own board.ld and run: each layer's memory and each answer equal the reference bit by
bit, without failures, and the self-test's answer does with the power failing at random cycles. All is simulated.
"""

from __future__ import annotations

import json
import math
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path

import click
import numpy as np

import sparsecomp
from sparsecomp.boards import Board, load_board
from sparsecomp.errors import MismatchError, SparseCompError
from sparsecomp.pipeline import generate
from sparsecomp.plan import Plan
from sparsecomp.plan.accelerate import candidates
from sparsecomp.plan.planner import make_plan
from sparsecomp.prepare import Prepared, Request, prepare
from sparsecomp.program import Program
from sparsecomp.project import write_files
from sparsecomp.reference import wire_words
from sparsecomp.report import layer_rows
from sparsecomp_tools.benchmarks.drawn_networks import build
from sparsecomp_tools.benchmarks.workshop import Linked, Workshop, program_file
from sparsecomp_tools.msim import compare, parse
from sparsecomp_tools.virtual_board import RandomFailures, run_elf

BOARD = "msp430fr5994"
INPUTS = 3  # of each network, one after the other in the same memory
SMALL_CHARGE = 20_000  # cycles
SCHEDULES = 5  # of power failures, in networks where it fails
WORD_CYCLES = 15  # of the self-test's comparison, which a failure begins anew
MOST_CYCLES = 10**9
PASSED = 0x600D
HINT = "this is a defect of sparsecomp: please report the seed"


@dataclass
class Found:
    """Networks that were run, words compared, restart units, power failures survived; steps by kernel, and networks by
    what was asked for.
    """

    networks: int = 0
    words: int = 0
    units: int = 0
    failures: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)


def boards() -> dict[str, Board]:
    """The board without a serial line: as it is, with a small charge, and at a clock at which FRAM waits."""
    plain = replace(load_board(BOARD), serial=None)
    small = replace(plain, energy=replace(plain.energy, charge_cycles=SMALL_CHARGE))
    fast = replace(plain, clock_hz=16_000_000, fram=replace(plain.fram, wait_states=1))
    return {"8 MHz": plain, "small charges": small, "16 MHz": fast}


def accelerated(program: Program, board: Board) -> Program:
    """The program with every layer on the accelerator that can be, faster or not: in small networks none is."""
    found = (candidates(program, s, board) if s.kernel == "mac" else [] for s in program.steps)
    steps = tuple(choices[-1] if choices else s for s, choices in zip(program.steps, found, strict=True))
    return replace(program, steps=steps)


class Runs:
    """Compiles, links and runs networks in ``folder``; kernels are compiled once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.boards = boards()
        self.shop = Workshop(self.boards["8 MHz"], folder)  # flags are those of all three
        self.dump = program_file("dump_main.c").replace(
            '#include "msim_main.c"', files("sparsecomp_firmware").joinpath("ports", "msim", "msim_main.c").read_text()
        )
        self.found = Found()

    def run(self, seed: int, *, failing: bool = False) -> None:
        """The network of a seed; ``failing`` also with power failures. Raises MismatchError where anything differs."""
        chance = random.Random(seed)
        case = build(chance.choice, seed)
        path, project = self.folder / "model.pt", self.folder / "project"
        sparsecomp.save(case.network, path, case.examples, calibration=case.samples, preprocess=case.wires)
        request = Request(
            encoding=chance.choice(["auto", "fast", "csr", "bitmap", "dense"]),
            weights=chance.choice(["int8", "int16"]),
            volatile_input=chance.choice([True, False]),
        )
        name = "small charges" if failing else chance.choice(list(self.boards))
        shutil.rmtree(project, ignore_errors=True)
        try:
            prepared = prepare(path, request)
            if chance.choice([True, False, False]):
                prepared = replace(prepared, program=accelerated(prepared.program, self.boards[name]))
            plan = make_plan(prepared.program, self.boards[name], volatile_input=request.volatile_input)
            write_files(project, generate(prepared, plan, layer_rows(plan)))
            wire = prepared.data(tuple(s[:INPUTS] for s in case.samples)).wire
            self._layers(project, prepared, plan, wire)
            if failing:
                self._failures(project, plan, seed)
        except SparseCompError as error:
            raise MismatchError(f"seed {seed}: {error.message}", HINT) from error
        self._count(plan, request, name)

    def _layers(self, project: Path, prepared: Prepared, plan: Plan, wire: Sequence[np.ndarray]) -> None:
        program = prepared.program
        elf = self._link(project, self.dump)
        words = wire_words(program, wire)
        ran = run_elf(plan.board, elf, words.tobytes(), semihosting=True, cycle_limit=MOST_CYCLES)
        if (ran.stopped, ran.exit_code) != ("exit", 0) or ran.early_multiplier_reads:
            raise MismatchError(f"the firmware ended by '{ran.stopped}' {ran.message}", HINT)
        inferences = parse(ran.output, len(program.steps), len(program.outputs), len(words))
        self.found.words += compare(program, wire, inferences, "firmware on the virtual board")

    def _failures(self, project: Path, plan: Plan, seed: int) -> None:
        """The self-test, with the power failing about as often as still lets the longest unit end."""
        elf = self._link(project, (project / "examples" / "selftest.c").read_text())
        at, image = Linked.read(elf).address("selftest_verdict"), self.folder / "fram"
        answer = sum(math.prod(port.shape) for port in plan.program.outputs)
        longest = max(WORD_CYCLES * answer, *(units.cycles for units in plan.units))
        mean = plan.board.energy.boot_cycles + longest
        for schedule in range(SCHEDULES):
            image.unlink(missing_ok=True)
            failures = [RandomFailures(SCHEDULES * seed + schedule, mean)]
            ran = run_elf(plan.board, elf, image=image, failures=failures, seed=schedule, cycle_limit=MOST_CYCLES)
            verdict = int.from_bytes(image.read_bytes()[at : at + 2], "little")
            if ran.stopped != "asleep" or verdict != PASSED:
                raise MismatchError(f"a wrong answer after {ran.power_failures} power failures ('{ran.stopped}')", HINT)
            self.found.failures += ran.power_failures

    def _link(self, project: Path, main: str) -> Path:
        common = [project / "include", project / "port"]
        model = [project, project / "headers", *common]
        objects = [
            self.shop.compile("model.c", (project / "model.c").read_text(), model),
            self.shop.compile("main.c", main, model),
            *(
                self.shop.compile(source.name, source.read_text(), [*common, source.parent])
                for pattern in ("kernels/*.c", "runtime/*.c", "kernels/msp430/*.S", "port/*.S")
                for source in sorted(project.glob(pattern))
            ),
        ]
        # Inputs and what reads them lie beside the code, for which the plan has no room.
        script = self.folder / "board.ld"
        lines = (project / "board.ld").read_text().splitlines(keepends=True)
        script.write_text("".join(line for line in lines if "__code_end <=" not in line))
        return self.shop.link(objects, script, self.folder / "firmware.elf")

    def _count(self, plan: Plan, request: Request, board: str) -> None:
        found = self.found
        found.networks += 1
        found.units += plan.unit_count
        found.steps.update("mac on the LEA" if s.attrs.get("lea") else s.kernel for s in plan.program.steps)
        found.asked.update([board, f"{request.encoding} {request.weights}"])


@click.command()
@click.option("--networks", type=click.IntRange(min=1), default=300, show_default=True)
@click.option("--first", type=click.IntRange(min=0), default=0, show_default=True, help="The first one's seed.")
@click.option("--failing", type=click.IntRange(min=1), default=5, show_default=True, help="Every so many fail as well.")
def main(networks: int, first: int, failing: int) -> None:
    """Run random networks on the virtual board and compare everything."""
    wrong = []
    with tempfile.TemporaryDirectory(prefix="sparsecomp-random-") as folder:
        runs = Runs(Path(folder))
        for number, seed in enumerate(range(first, first + networks)):
            try:
                runs.run(seed, failing=number % failing == 0)
            except MismatchError as error:
                wrong.append(error.message)
                click.echo(error.message, err=True)
    found = runs.found
    print(json.dumps({"simulated": True, **vars(found), "differing": wrong}, indent=2))
    print(
        f"{found.networks} random networks, {found.words:,} words of layers and answers compared, {found.units:,} "
        f"restart units, {found.failures:,} power failures: {len(wrong)} differ (simulated)"
    )
    sys.exit(MismatchError.exit_code if wrong else 0)


if __name__ == "__main__":
    main()

"""Programs made directly of tensors and kernel steps, and their C built for this computer and for the MSP430."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np

from sparsecomp.boards import Board, load_board
from sparsecomp.build import built
from sparsecomp.plan import Plan
from sparsecomp.plan.check import check
from sparsecomp.plan.planner import make_plan
from sparsecomp.program import Port, Program, Step, Stored
from sparsecomp.reference import run, wire_words
from sparsecomp.render import Vector, render
from sparsecomp.wire import Wire
from sparsecomp_tools.benchmarks.workshop import program_file
from sparsecomp_tools.measure import attribute, cursor_address
from sparsecomp_tools.msim import Inference, parse
from sparsecomp_tools.virtual_board import read_events, run_elf

FIRMWARE = Path(str(files("sparsecomp_firmware")))
FLAGS = (
    "-std=c99",
    "-O1",
    "-g",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wshadow",
    "-Wstrict-prototypes",
    "-Werror",
    "-fsanitize=undefined,address",
    "-fno-sanitize-recover",
)
ITEMS = 7  # of a restart unit: small and odd, so that units begin anywhere in rows and pixels


class Bench:
    """Collects inputs and steps; every step's output is compared, so nothing needs to be an output."""

    def __init__(self) -> None:
        self.tensors: dict[str, Stored] = {}
        self.steps: list[Step] = []
        self.ports: list[Port] = []
        self.values: list[np.ndarray] = []

    def source(self, values, height: int, width: int, channels: int, halo=(0, 0, 0, 0)) -> str:
        """An input tensor; ``values`` are all its stored cells, those of the halo included."""
        tensor = Stored(f"x{len(self.ports)}", height, width, channels, halo=halo)
        return self._input(tensor, np.asarray(values).reshape(1, -1), "i16", tensor.stored)

    def raw(self, values, dtype: str) -> str:
        """An input as it comes over the wire, in one row."""
        row = np.asarray(values).reshape(1, -1)
        tensor = Stored(f"x{len(self.ports)}", 1, 1, row.size)
        return self._input(tensor, row, dtype, row.size if dtype == "i16" else -(-row.size // 2))

    def _input(self, tensor: Stored, values: np.ndarray, dtype: str, words: int) -> str:
        wire = Wire(dtype)
        assert values.size == tensor.stored
        self.tensors[tensor.name] = tensor
        self.ports.append(Port(tensor.name, (values.size,), tensor.name, wire, words))
        self.values.append(values.astype(wire.numpy_dtype))
        return tensor.name

    def tensor(self, height: int, width: int, channels: int, halo=(0, 0, 0, 0), value: int = -77) -> str:
        """A tensor for steps to write; its halo, if it has one, holds ``value``."""
        name = f"t{len(self.tensors)}"
        self.tensors[name] = Stored(name, height, width, channels, halo=halo)
        if any(halo):
            self.fill(name, value, whole=False)
        return name

    def fill(self, name: str, value: int, *, whole: bool) -> None:
        """Writes the halo of a tensor, or all of it."""
        tensor = self.tensors[name]
        self.step("fill", (), name, tensor.stored_height, value=value, whole=whole, pitch=tensor.pitch)

    def step(
        self, kernel: str, inputs: tuple[str, ...], output: str, items: int | None = None, /, *, what: str = "", **attrs
    ) -> str:
        """A kernel call; bounds are int16's unless given. Returns ``output``."""
        count = self.tensors[output].elements if items is None else items
        limits = {"low": -32768, "high": 32767} | attrs
        self.steps.append(Step(kernel, f"{kernel}{len(self.steps) + 1}", inputs, output, count, limits, source=what))
        return output

    def program(self) -> Program:
        """All of it; the last tensor without a halo is the output."""
        free = [s.output for s in self.steps if not any(self.tensors[s.output].halo)]
        tensor = self.tensors[free[-1]]
        return Program(
            self.tensors, tuple(self.steps), tuple(self.ports), (Port("y", (tensor.elements,), tensor.name),)
        )


def small_units(plan: Plan, items: int = ITEMS, steps: int = 3) -> Plan:
    """The same plan with at most ``items`` items a restart unit, and ``steps`` units a walk's step."""
    units, first = [], 0
    for step, unit in zip(plan.program.steps, plan.units, strict=True):
        size = min(items, step.items)
        count = -(-step.items // size)
        units.append(replace(unit, first=first, per_unit=size, count=count, per_step=min(steps * size, step.items)))
        first += count
    return check(replace(plan, units=tuple(units)))


def board_without_line(*, waits: bool = False) -> Board:
    """A board without a serial line, whose firmware is quicker to build; ``waits``: at a clock at which FRAM waits."""
    board = replace(load_board("msp430fr5994"), serial=None)
    return replace(board, clock_hz=16_000_000, fram=replace(board.fram, wait_states=1)) if waits else board


def write_project(
    program: Program, wire: list[np.ndarray], directory: Path, items: int = ITEMS, board: str | Board = "host"
) -> Path:
    """The generated directory of a program."""
    board = load_board(board) if isinstance(board, str) else board
    plenty = replace(board, energy=replace(board.energy, charge_cycles=10**9))
    vector = Vector(wire_words(program, wire)[0], np.concatenate(run(program, wire).words(0)))
    # Maps apart: how far they may share bytes depends on the units that they were planned with.
    return write_plan(small_units(make_plan(program, plenty, overlap=False), items), vector, directory)


def write_plan(plan: Plan, vector: Vector, directory: Path) -> Path:
    """The generated directory of a plan."""
    for name, data in render(plan, vector, "0" * 64, "0").items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(data)
    return directory


def compile_host(sources: list[Path], includes: list[Path], target: Path) -> Path:
    """A sanitized program for this computer."""
    command = [*shlex.split(os.environ.get("CC", "gcc")), *FLAGS, *(f"-I{folder}" for folder in includes)]
    done = subprocess.run([*command, *map(str, sources), "-o", str(target)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


def run_host(program: Path, data: bytes) -> bytes:
    """What it writes; it must end with 0 and silently."""
    done = subprocess.run([str(program)], input=data, capture_output=True)
    assert done.returncode == 0 and not done.stderr, done.stderr.decode(errors="replace")
    return done.stdout


def infer_board(program: Program, wire: list[np.ndarray], folder: Path, items: int, board: Board) -> list[Inference]:
    """Every layer's words, by the firmware for ``board`` on the simulated device."""
    directory = write_project(program, wire, folder / "project", items, board)
    main = program_file("dump_main.c")
    dump = (FIRMWARE / "ports" / "msim" / "msim_main.c").read_text()
    (directory / "main.c").write_text(main.replace('#include "msim_main.c"', dump))
    # The delivered words lie beside the code, for which the plan has no room.
    script = directory / "board.ld"
    script.write_text(re.sub(r"ASSERT\(__code_end.*", "", script.read_text()))
    with built(directory, board) as copy:
        words = wire_words(program, wire)
        found = run_elf(board, copy / "build" / "firmware.elf", words.tobytes(), semihosting=True)
    assert (found.stopped, found.exit_code) == ("exit", 0), found.message
    assert found.early_multiplier_reads == 0
    return parse(found.output, len(program.steps), len(program.outputs), len(words))


def layer_cycles(program: Program, folder: Path, board: Board) -> list[int]:
    """Cycles of every step in one inference on random words, cut into units as a deployed network is."""
    plan = make_plan(program, board)
    directory = write_plan(plan, Vector(np.zeros(1, np.int16), np.zeros(1, np.int16)), folder / "project")
    (directory / "main.c").write_text((Path(__file__).parent / "cycles_main.c").read_text())
    with built(directory, board) as copy:
        elf = copy / "build" / "firmware.elf"
        cursor, events = cursor_address(elf), folder / "events"
        found = run_elf(board, elf, watch=cursor, stop_value=plan.unit_count + 1, events=events, cycle_limit=10**8)
    assert found.stopped == "watched" and found.early_multiplier_reads == 0
    costs = attribute(read_events(events), plan.unit_count)
    return [layer.cycles for layer in costs.layers([unit.first for unit in plan.units])]


def infer_host(directory: Path, program: Program, wire: list[np.ndarray], target: Path) -> list[Inference]:
    """Every layer's words, by sanitized code in ordinary memory."""
    sources = [
        directory / "model.c",
        *(directory / "runtime").glob("*.c"),
        *(directory / "kernels").glob("*.c"),
        FIRMWARE / "ports" / "msim" / "msim_main.c",
    ]
    includes = [directory, directory / "headers", directory / "include", Path(__file__).parent / "plain"]
    words = wire_words(program, wire)
    data = run_host(compile_host(sources, includes, target), words.tobytes())
    return parse(data, len(program.steps), len(program.outputs), len(words))

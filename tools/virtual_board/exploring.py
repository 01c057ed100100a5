"""Every crash state of a firmware, on the binary itself (the walk is explorer/walk.c)."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from sparsecomp.boards import Board, load_board
from sparsecomp.build import compiler as target_compiler
from sparsecomp.build import complaint
from sparsecomp.c_text import number_rows
from sparsecomp.errors import InputError, ToolError
from sparsecomp.toolchain import toolchain_environment
from sparsecomp_tools.power.compiling import compiler
from sparsecomp_tools.power.running import Words, failure, to_bytes, write_stream
from sparsecomp_tools.virtual_board.building import FLAGS, kept_program
from sparsecomp_tools.virtual_board.devices import map_options
from sparsecomp_tools.virtual_board.symbols import Firmware, Range, read_firmware

PATIENCE_CYCLES = 2_000_000  # for one commit, start-up included: a few of the largest units of any plan
MOST_INPUTS = 16
KEPT = ("model_outputs", "model_output_count")


@dataclass(frozen=True)
class BinaryDivergence:
    """Where the device went wrong: at FRAM write ``write`` since power-up, with the cursor and layer of then, in
    ``function`` at ``place``, the object that was written or read.

    ``boot_cursor`` and ``boot_layer`` name the unit that the last failure interrupted (layer -1: none), ``failures``
    the FRAM writes after which each earlier boot lost power. ``expected`` and ``found`` are words of the answer.
    ``instruction`` is that of the last failure where instructions were counted, -1 otherwise.
    """

    kind: str
    message: str
    write: int
    cursor: int
    layer: int
    boot_cursor: int
    boot_layer: int
    function: str
    place: str
    input: int
    output: int
    element: int
    expected: int
    found: int
    failures: tuple[int, ...] = ()
    instruction: int = -1

    def describe(self) -> str:
        """One line for people."""
        text = f"{self.kind}: {self.message}" if self.message else self.kind
        text += f" at FRAM write {self.write} since power-up"
        text += f" in {self.function}" if self.function else ""
        text += f" on {self.place}" if self.place else ""
        text += f" (cursor {self.cursor}, layer {self.layer})" if self.layer >= 0 else f" (cursor {self.cursor})"
        if self.boot_layer >= 0:
            text += f", booted into layer {self.boot_layer} (cursor {self.boot_cursor})"
        if self.kind == "a wrong answer":
            text += f": input {self.input}, output {self.output}, element {self.element}"
            text += f" is {self.found} instead of {self.expected}"
        if self.failures:
            text += "; power failed after write " + ", then ".join(map(str, self.failures))
        if self.instruction >= 0:
            text += f"; power failed at instruction {self.instruction}"
        return text


@dataclass(frozen=True)
class BinaryExploration:
    """Result of one exploration; ``writes`` and ``cycles`` are those of each inference without failures.

    ``exhausted``: every reachable crash state was visited; otherwise ``fraction`` of them were drawn by a hash of
    their contents. ``recovery_cycles`` are the most that any of them needs from power-up to its next commit: a charge
    for so many always makes progress, and charges of no more than that reach the end. ``literal_failures`` are those
    at counted instructions in ``literal_runs`` further runs.
    """

    states: int
    transitions: int
    exhausted: bool
    fraction: float
    divergences: int
    first: BinaryDivergence | None
    writes: tuple[int, ...]
    cycles: tuple[int, ...]
    instructions: int
    recovery_cycles: int
    literal_runs: int
    literal_failures: int
    layers: int
    units: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Plain values, for json.dumps."""
        return asdict(self)

    def summary(self) -> str:
        """One line for people."""
        sampled = (
            f"sampled ({self.fraction:.2%} of the states)" if self.fraction < 1 else "ended before all were visited"
        )
        extent = "exhausted" if self.exhausted else sampled
        return f"{self.states} states, {self.transitions} transitions, {extent}, {self.divergences} divergences"


def explore_elf(
    board: Board | str,
    elf: Path | str,
    inputs: Sequence[Words],
    expected: Sequence[Sequence[Words]],
    *,
    max_states: int = 500_000,
    seed: int = 0,
    patience: int = PATIENCE_CYCLES,
    stride: int = 0,
    schedules: int = 0,
) -> BinaryExploration:
    """Explores a cold start and the inferences for ``inputs`` that are built into ``elf`` (see ``build_explored``);
    ``expected[k]`` are the output arrays for ``inputs[k]``.

    A state without a commit within ``patience`` cycles is a livelock. With ``stride``, power is then lost literally
    at every stride-th instruction, and in ``schedules`` runs again and again at random ones. Raises InputError where
    ELF file or data do not fit, ToolError where the explorer cannot be built or breaks. Divergences are in the result,
    not raised.
    """
    if max_states < 1 or min(seed, stride, schedules) < 0 or patience < 1:
        raise InputError("max_states, seed, patience, stride or schedules out of range", "give numbers from 0")
    if len(inputs) > MOST_INPUTS:
        raise InputError(f"{len(inputs)} inputs", f"explore at most {MOST_INPUTS}")
    board = board if isinstance(board, Board) else load_board(board)
    firmware = read_firmware(elf)
    numbers = {"seed": seed, "max_states": max_states, "patience": patience, "stride": stride, "schedules": schedules}
    with tempfile.TemporaryDirectory(prefix="sparsecomp-explorer-") as folder:
        given, answers, _ = write_stream(Path(folder), inputs, expected)
        command = [str(build_explorer()), *_device_options(board), *_layout_options(firmware), f"elf={elf}"]
        command += [f"inputs={given}", f"expected={answers}", *(f"{name}={value}" for name, value in numbers.items())]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise failure(done.returncode, done.stderr, "the explorer on the binary")
    return _result(json.loads(done.stdout), firmware, seed)


def explore_project(
    directory: Path | str,
    board: Board | str,
    inputs: Sequence[Words],
    expected: Sequence[Sequence[Words]],
    *,
    parts: bool = False,
    **options: Any,
) -> BinaryExploration:
    """Builds a generated project for ``board`` around ``inputs``, in a copy, and explores it with ``options`` as
    ``explore_elf``; with ``parts`` inputs are delivered as they come over the serial line. Raises as that does, and
    ToolError where the project does not build.
    """
    board = board if isinstance(board, Board) else load_board(board)
    with tempfile.TemporaryDirectory(prefix="sparsecomp-explored-") as folder:
        copy = Path(shutil.copytree(directory, Path(folder) / "project"))
        return explore_elf(board, build_explored(copy, board, inputs, parts=parts), inputs, expected, **options)


def build_explored(directory: Path, board: Board, inputs: Sequence[Words], *, parts: bool = False) -> Path:
    """Puts the program to explore in place of the project's own and builds it there; the ELF file.

    With ``parts`` inputs are delivered as they come over the serial line.
    """
    if not inputs or not (directory / "board.ld").is_file():
        raise InputError(f"{directory.name} is no generated project for an MSP430, or there is no input",
                         "deploy for such a board, and give at least one input")  # fmt: skip
    (directory / "explored").mkdir(exist_ok=True)
    (directory / "explored" / "inputs.h").write_text(_inputs_header([to_bytes(words) for words in inputs], parts))
    shutil.copyfile(files("sparsecomp_firmware").joinpath("app", "explored.c"), directory / "main.c")
    # The program itself does not look at what it computes, but the explorer does: the linker keeps the tables.
    keep = "-Wl," + ",".join(f"-u,{name}" for name in KEPT)
    command = ["make", "-s", "-j2", "-C", str(directory), f"CC={shlex.join([*target_compiler(board), keep])}"]
    if not shutil.which("make"):
        raise ToolError("make is not on the PATH", "apt install make")
    done = subprocess.run([*command, "build/firmware.elf"], capture_output=True, text=True, env=toolchain_environment())
    if done.returncode != 0:
        raise ToolError(f"the project does not build: {complaint(done.stderr)}", "see the compiler's message")
    return directory / "build" / "firmware.elf"


def _inputs_header(inputs: Sequence[bytes], parts: bool) -> str:
    """The inputs as words in C."""
    rows = ",\n".join(f"    {{\n{number_rows(np.frombuffer(words, '<i2'))}\n    }}" for words in inputs)
    return (
        '/* What is offered to the model, one delivery a row. */\n#include "model.h"\n\n'
        + ("#define EXPLORED_PARTS 1\n" if parts else "")
        + f"#define EXPLORED_INPUTS {len(inputs)}U\n\n"
        f"static const int16_t explored_inputs[EXPLORED_INPUTS][MODEL_INPUT_WORDS] = {{\n{rows}\n}};\n"
    )


@cache
def build_explorer() -> Path:
    """The explorer's program, compiled where it is not kept from before. Raises ToolError where that fails."""
    tools, firmware = (Path(str(files(f"sparsecomp_{part}"))) for part in ("tools", "firmware"))
    device, explorer = tools / "virtual_board" / "device", tools / "virtual_board" / "explorer"
    harness, port = tools / "power" / "harness", firmware / "ports" / "host"
    sources = [p for folder in (device, explorer) for p in sorted(folder.glob("*.c")) if p != device / "main.c"]
    sources += [harness / "keymap.c", port / "fail.c"]
    return kept_program("explorer", [*compiler(), *FLAGS], sources, (explorer, device, harness, port))


def _device_options(board: Board) -> list[str]:
    """The board's memory, and the blocks of the device that a program may use between two commits."""
    blocks = ("region=", "wdt_vector=", "dma=", "lea=", "mpu=", "write_protection=")
    return [option for option in map_options(board) if option.startswith(blocks)]


def _layout_options(firmware: Firmware) -> list[str]:
    def ranges(name: str, found: Iterable[Range]) -> list[str]:
        return [f"{name}={start:x}:{size:x}" for start, size in found if size]

    numbers = {"progress": firmware.progress, "taken": firmware.taken, "stack": firmware.stack}
    return [
        *ranges("state", firmware.state),
        *ranges("arena", firmware.arenas),
        *ranges("forbidden", firmware.forbidden),
        *ranges("statics", firmware.statics),
        *ranges("output", firmware.outputs),
        *ranges("input", [firmware.input]),
        *(f"{name}={value}" for name, value in numbers.items()),
        f"done={firmware.units + 1}",
    ]


def _result(raw: dict[str, Any], firmware: Firmware, seed: int) -> BinaryExploration:
    literal = raw.pop("literal_divergences")
    failures, instruction = tuple(raw.pop("failures")), raw.pop("instruction")
    first = raw.pop("first", None)
    if first is not None:
        named = re.search(r"at 0x([0-9a-f]+)", first["message"])  # a fault says where
        if named:
            first["address"] = int(named[1], 16)
        places = {
            "layer": firmware.layer_at(first["cursor"]),
            "boot_layer": firmware.layer_at(first["boot_cursor"]),
            "function": firmware.name_at(first.pop("pc")),
            "place": firmware.name_at(first.pop("address")),
            "instruction": -1 if raw["divergences"] else instruction,
        }
        first = BinaryDivergence(**first, **places, failures=failures)
    del raw["boots"]
    raw["divergences"] += literal
    raw |= {"writes": tuple(raw["writes"]), "cycles": tuple(raw["cycles"]), "first": first}
    return BinaryExploration(**raw, layers=len(firmware.first_units), units=firmware.units, seed=seed)

"""What each layer of a network costs on the virtual board: cycles, energy and bytes beside what the plan estimates."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from elftools.elf.elffile import ELFFile

from sparsecomp.boards import Board, load_board
from sparsecomp.build import built
from sparsecomp.compression.layers import trace
from sparsecomp.errors import ToolError
from sparsecomp.frontend import LoadedModel
from sparsecomp.pipeline import generate
from sparsecomp.plan import Plan
from sparsecomp.plan.energy import layer_energy_nj
from sparsecomp.plan.planner import make_plan
from sparsecomp.plan.units import layer_cycles, position_stack
from sparsecomp.prepare import Prepared, Request, prepare
from sparsecomp.program import Step
from sparsecomp.project import write_files
from sparsecomp.report import layer_rows
from sparsecomp.stack import stack_depth
from sparsecomp.wire import Wire
from sparsecomp_tools.measure import attribute
from sparsecomp_tools.virtual_board import run_elf
from sparsecomp_tools.virtual_board.events import read_events

BOARD = "msp430fr5994"


@dataclass(frozen=True)
class Layer:
    """One step of an inference without failures: cycles and ``energy_nj`` (simulated), and both as ``estimated``."""

    step: Step
    cycles: int
    estimated: int
    energy_nj: float
    estimated_nj: float
    nbytes: int


@dataclass(frozen=True)
class Run:
    """A network on the virtual board. ``right``: its answer was the reference's, and nobody disturbed the
    accelerator; ``stack_bytes``: of SRAM, at most."""

    plan: Plan
    layers: tuple[Layer, ...]
    right: bool
    early_reads: int
    stack_bytes: int

    @property
    def cycles(self) -> int:
        """One inference."""
        return sum(layer.cycles for layer in self.layers)

    @property
    def energy_uj(self) -> float:
        """One inference, simulated."""
        return sum(layer.energy_nj for layer in self.layers) / 1000


def prepared(network: torch.nn.Module, shape: tuple[int, ...], request: Request | None = None) -> Prepared:
    """A network for inputs of ``shape`` (without batch), calibrated on random ones. Images come as bytes."""
    image = len(shape) == 3
    raw = np.random.default_rng(0).integers(0, 256, (16, *shape), dtype=np.uint8)
    wire = Wire("u8", 1 / 255) if image else Wire()
    samples = raw if image else raw.astype(np.float32) / 255
    graph = trace(network.eval(), torch.zeros(1, *shape))
    return prepare(LoadedModel(graph, (wire,), (samples,), None, None, "0" * 64, "module"), request or Request())


def board_at(clock_hz: int, *, flags: tuple[str, ...] = ()) -> Board:
    """The MSP430FR5994 at a clock, with the wait states that it needs; ``flags`` are added to the compiler's."""
    board = load_board(BOARD)
    waits = 0 if clock_hz <= board.fram.no_wait_hz else 1
    toolchain = replace(board.toolchain, cflags=(*board.toolchain.cflags, *flags))
    return replace(board, clock_hz=clock_hz, fram=replace(board.fram, wait_states=waits), toolchain=toolchain)


def measure(network: Prepared, board: Board, *, lea_start_cycles: int | None = None, tiles: str = "fit") -> Run:
    """Builds the self-test and runs it without failures; ``lea_start_cycles`` are those of run_elf, ``tiles`` as for
    make_plan. Raises ToolError where the virtual board stops early.
    """
    plan = make_plan(network.program, board, tiles=tiles)
    with tempfile.TemporaryDirectory(prefix="sparsecomp-") as folder:
        project, events, image = (Path(folder) / name for name in ("project", "events", "fram"))
        project.mkdir()
        write_files(project, generate(network, plan, layer_rows(plan)))
        main = (project / "examples/selftest.c").read_text()
        # The self-test leaves the clock as it is after a reset.
        main = main.replace("int main(void)\n{\n", '#include "device.h"\n\nint main(void)\n{\n    device_start();\n')
        (project / "main.c").write_text(main)
        with built(project, board) as copy:
            elf = copy / "build/firmware.elf"
            symbols = _symbols(elf)
            stack = stack_depth(elf, elf.parent, board.toolchain.prefix) + position_stack(plan.program, board)
            options = {"watch": symbols["model_progress"], "lea_start_cycles": lea_start_cycles}
            found = run_elf(board, elf, image=image, events=events, **options)
            if found.stopped != "asleep":
                raise ToolError(f"the virtual board stopped: {found.message}")
            verdict = int.from_bytes(image.read_bytes()[symbols["selftest_verdict"] :][:2], "little")
            costs = attribute(read_events(events), plan.unit_count).layers([u.first for u in plan.units])
    layers = []
    for i, (step, cost) in enumerate(zip(plan.program.steps, costs, strict=True)):
        estimated = layer_cycles(plan, i), layer_energy_nj(plan, i) or 0
        layers.append(Layer(step, cost.cycles, estimated[0], cost.energy_nj, estimated[1], plan.weight_bytes[i]))
    disturbed = found.lea_conflicts + found.lea_saturations + found.lea_refusals
    right = verdict == PASSED and not disturbed
    return Run(plan, tuple(layers), right, found.early_multiplier_reads, stack)


PASSED = 0x600D  # firmware/app/bare_selftest.c


def _symbols(elf: Path) -> dict[str, int]:
    with open(elf, "rb") as file:
        return {s.name: s["st_value"] for s in ELFFile(file).get_section_by_name(".symtab").iter_symbols()}

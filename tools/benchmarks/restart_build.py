"""A network of the restart benchmark as projects for the board, one ELF file a variant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sparsecomp.boards import Board
from sparsecomp.encodings import encode
from sparsecomp.plan import Plan
from sparsecomp.plan.planner import make_plan
from sparsecomp.prepare import Prepared
from sparsecomp.program import Program
from sparsecomp.reference import run, wire_words
from sparsecomp.render import Vector, render
from sparsecomp_tools.benchmarks.random_networks import Network
from sparsecomp_tools.benchmarks.restart_tables import cells, kinds_source, tiles_source, weights_source
from sparsecomp_tools.benchmarks.restart_variants import FINISH, FINISH_CALL, RENAMED, Variant
from sparsecomp_tools.benchmarks.workshop import Linked, Workshop, edited, program_file

INPUTS = 2  # random ones: the one that is built in, and another


@dataclass(frozen=True)
class Subject:
    """A planned network with its generated files in ``folder``; ``words`` (N, words) are inputs as they are delivered,
    ``answers`` the reference's output words for each.
    """

    name: str
    prepared: Prepared
    program: Program
    plan: Plan
    folder: Path
    words: np.ndarray
    answers: list[np.ndarray]

    @property
    def layers(self) -> list[str]:
        """Names of the layers that multiply and accumulate."""
        return [step.name for step in self.program.steps if step.kernel == "mac"]


@dataclass(frozen=True)
class Built:
    """A variant's ELF file, and what is in it."""

    variant: Variant
    elf: Path
    linked: Linked

    def extra_bytes(self) -> int:
        """FRAM that the protection takes: the variant's own variables, and the cursor that all protected ones have."""
        start, size = self.linked.sections[".persistent"]
        mine = [
            n
            for name, (at, n) in self.linked.symbols.items()
            if name.startswith(self.variant.prefixes) and start <= at < start + size
        ]
        return sum(mine) + (2 if self.variant.progress else 0)


def subject(
    name: str,
    network: Network,
    board: Board,
    folder: Path,
    *,
    overlap: bool = False,
    masks: bool = False,
    **request: str,
) -> Subject:
    """Converts and plans a network for a board, and writes its project without a serial line.

    Without ``overlap`` no output takes the place of its input, which others read again; without ``masks`` weights are
    dense or in compressed rows.
    """
    board = replace(board, serial=None)
    prepared = network.prepared(**{"encoding": "fast", **request})
    program = prepared.program if masks else _without_masks(prepared.program)
    wire = prepared.data((network.samples(INPUTS, seed=5),)).wire
    words, found = wire_words(program, wire), run(program, wire)
    answers = [np.concatenate(found.words(i)) for i in range(INPUTS)]
    plan = make_plan(program, board, overlap=overlap)
    for path, data in render(plan, Vector(words[0], answers[0]), "0" * 64, "0").items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return Subject(name, prepared, program, plan, folder, words, answers)


def _without_masks(program: Program) -> Program:
    """Every layer dense or in compressed rows, whichever is smaller: the inner products that all variants have."""
    steps = []
    for step in program.steps:
        if step.kernel == "mac" and step.attrs["encoded"].kind == "bitmap":
            choices = [encode(step.attrs["matrix"], step.attrs["offsets"], choice) for choice in ("dense", "csr")]
            step = replace(step, attrs={**step.attrs, "encoded": min(choices, key=lambda e: e.nbytes)})
        steps.append(step)
    return replace(program, steps=tuple(steps))


def build_variant(subject: Subject, variant: Variant, shop: Workshop, out: Path) -> Built:
    """Compiles and links one program into the file ``out``. Raises ToolError."""
    project = subject.folder
    own = shop.folder / "headers"  # of the benchmark's programs
    own.mkdir(exist_ok=True)
    for header in ("restart.h", "redo.h", "sonic.h", "redo_macros.S"):
        (own / header).write_text(program_file(f"restart/{header}"))
    model = [project, project / "headers", project / "include", project / "port"]
    common = [project / "include", project / "port", own]
    assembly = [project / "kernels" / "msp430", own]
    options = [
        f"-DRESTART_TILE={variant.tile}",
        f"-DREDO_ENTRIES={variant.log_entries()}",
    ]
    options += [f"-DRESTART_CELLS={cells(subject.program)}"] if variant.needs_weights else []
    objects = [shop.compile("model.c", (project / "model.c").read_text(), model)]
    objects += [
        shop.compile(f.name, f.read_text(), common[:2])
        for folder in ("kernels", "runtime")
        for f in sorted((project / folder).glob("*.c"))
    ]
    for source in [*sorted((project / "kernels" / "msp430").glob("*.S")), project / "port" / "start.S"]:
        edits, text = variant.edits.get(source.relative_to(project).as_posix()), source.read_text()
        if edits is not None:
            objects.append(shop.compile(source.name, edited(text, edits), assembly, RENAMED))
        renamed = RENAMED if variant.edits and source.name.startswith("mac_") else ()
        objects.append(shop.compile(source.name, text, assembly, renamed))
    objects.append(shop.compile("kinds.c", kinds_source(subject.program), common))
    objects.append(shop.compile("restart_main.c", program_file("restart/restart_main.c"), [*model[1:], own]))
    for name in variant.sources:
        folders = common if name.endswith(".c") else assembly
        objects.append(shop.compile(name, program_file(f"restart/{name}"), folders, options))
    if variant.needs_weights:
        objects.append(shop.compile("weights.c", weights_source(subject.program), common))
        finish = edited((project / FINISH).read_text(), FINISH_CALL)
        objects.append(shop.compile("finish_edited.S", finish, assembly, RENAMED))
    if variant.unit == "products":
        objects.append(shop.compile("tiles.c", tiles_source(subject.program, variant.tile), common))
    script = out.with_suffix(".ld")
    script.write_text(_without_limit((project / "board.ld").read_text()))
    elf = shop.link(objects, script, out)
    return Built(variant, elf, Linked.read(elf))


def _without_limit(script: str) -> str:
    """The linker script without the plan's limit for code and state: planes of sums and logs come on top."""
    lines = script.splitlines(keepends=True)
    return "".join(line for line in lines if "__code_end <=" not in line)

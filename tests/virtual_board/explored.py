"""A small project on the virtual board's explorer, and the same with changes in its files."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import networks
import numpy as np
from small import Net
from toolchain import require_msp430

from sparsecomp_tools.virtual_board.exploring import build_explored, explore_elf, explore_project

sys.path.insert(0, str(Path(__file__).parents[1] / "power"))
import defects  # noqa: E402

BOARD = "msp430fr5994"
RUNTIME = defects.RUNTIME
RUN = defects.RUN
IN_C = ("include/config.h", "!defined(PORTABLE_KERNELS)", "0")


def minute() -> networks.Network:
    """So small that its power can fail at each instruction."""
    net = Net((1, 4, 4), seed=7)
    x = net.add("relu", net.conv("x", 1, kernel=3))
    return networks.Network(net.graph(net.linear(net.flatten(x), 2)), networks.SENSOR)


@dataclass(frozen=True)
class Explored:
    """A project with what was built from it, its inputs and the answers to them."""

    project: networks.Project
    elf: Path
    inputs: list[np.ndarray]
    answers: list[list[np.ndarray]]

    def explore(self, **options):
        return explore_elf(BOARD, self.elf, self.inputs, self.answers, **options)

    def explore_with(self, folder: Path, *changes: tuple[str, str, str], **options):
        """The same with changes in the project's files: (file, old, new)."""
        return self.explore_defect(folder, defects.Defect("changed", changes), **options)

    def explore_defect(self, folder: Path, defect: defects.Defect, **options):
        if any(file == RUNTIME or Path(file).match("kernels/*.c") for file, _, _ in defect.changes):
            defect = replace(defect, changes=(*defect.changes, IN_C))  # walks pass these by
        broken = defect.apply(self.project.directory, folder / "broken")
        return explore_project(broken, BOARD, self.inputs, self.answers, **options)


def explored(network: networks.Network, folder: Path, **options) -> Explored:
    require_msp430()
    made = networks.generate(network, folder / "project", board=BOARD, **options)
    inputs = list(made.words)
    return Explored(made, build_explored(made.directory, made.plan.board, inputs), inputs, made.answers)

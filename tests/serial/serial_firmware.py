"""A network as a firmware with a serial line, and what it must answer."""

from dataclasses import dataclass
from pathlib import Path

import networks

from sparsecomp.build import built
from sparsecomp.on_board import model_hash
from sparsecomp_tools.measure import cursor_address

BOARD = "msp430fr5994"
SAMPLES = 6


@dataclass(frozen=True)
class Firmware:
    """A network's project, its linked firmware and the hash that it answers with."""

    made: networks.Project
    elf: Path
    hash: str

    def answer(self, index: int) -> bytes:
        """The reference's outputs for one input."""
        return b"".join(w.tobytes() for w in self.made.answers[index])

    @property
    def outputs(self) -> list[int]:
        """Lengths of the outputs in words."""
        return [w.size for w in self.made.answers[0]]

    @property
    def cursor(self) -> int:
        """Address of the progress cursor."""
        return cursor_address(self.elf)


def build(name: str, folder: Path, board: str = BOARD) -> Firmware:
    """One of the small networks, or the demo's, down to an ELF file."""
    network = networks.SMALL.get(name, networks.demo)()
    made = networks.generate(network, folder / "project", board=board, count=SAMPLES)
    with built(made.directory, made.plan.board) as copy:
        elf = folder / "firmware.elf"
        elf.write_bytes((copy / "build/firmware.elf").read_bytes())
    return Firmware(made, elf, model_hash(made.directory))

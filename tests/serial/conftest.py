"""The real firmware with its serial line on the simulated device."""

from dataclasses import dataclass
from pathlib import Path

import networks
import pytest
from toolchain import require_msp430

from sparsecomp.build import built
from sparsecomp.on_board import model_hash
from sparsecomp_tools.link import Device, open_line
from sparsecomp_tools.measure import Symbols
from sparsecomp_tools.virtual_board import VirtualBoard

BOARD = "msp430fr5994"
SAMPLES = 6
PATIENCE = 60.0  # seconds of this computer


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
        return Symbols.of(self.elf).cursor


def build(name: str, folder: Path, board: str = BOARD) -> Firmware:
    """One of the small networks, or the demo's, down to an ELF file."""
    network = networks.SMALL.get(name, networks.demo)()
    made = networks.generate(network, folder / "project", board=board, count=SAMPLES)
    with built(made.directory, made.plan.board) as copy:
        elf = folder / "firmware.elf"
        elf.write_bytes((copy / "build/firmware.elf").read_bytes())
    return Firmware(made, elf, model_hash(made.directory))


@pytest.fixture(scope="session")
def chain(tmp_path_factory) -> Firmware:
    require_msp430()
    return build("chain", tmp_path_factory.mktemp("serial"))


@pytest.fixture
def connect():
    """A function that starts a virtual board and gives (board, device), both closed afterwards."""
    opened = []

    def start(firmware, **options):
        board = VirtualBoard(BOARD, firmware.elf, await_host=True, **options)
        board.__enter__()
        line = open_line(board.port)
        opened.append((board, line))
        return board, Device(line, patience=PATIENCE, tries=2)

    yield start
    for board, line in opened:
        line.close()
        board.stop()

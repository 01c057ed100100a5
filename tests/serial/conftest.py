"""The real firmware with its serial line on the simulated device."""

import sys
from pathlib import Path

import pytest
from toolchain import require_msp430

sys.path.insert(0, str(Path(__file__).parent))
from serial_firmware import BOARD, Firmware, build  # noqa: E402

from sparsecomp_tools.link import Device, open_line
from sparsecomp_tools.virtual_board import VirtualBoard

PATIENCE = 60.0  # seconds of this computer


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

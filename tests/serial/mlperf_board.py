"""The virtual board under an MLPerf Tiny client, and what the client has to send and to receive."""

import re
from contextlib import contextmanager

from mlperf_client import Client

from sparsecomp_tools.virtual_board import VirtualBoard

BOARD = "msp430fr5994"
SLACK = 6.0  # times the runner's time-outs, which count this computer's time here


@contextmanager
def started(firmware, **options):
    """(board, client) after the boot lines; both are closed at the end."""
    with VirtualBoard(BOARD, firmware.elf, **options) as board:
        client = Client(board.port, SLACK)
        try:
            assert client.lines() == ["m-timestamp-mode-performance", "m-init-done"]
            yield board, client
        finally:
            client.close()


def wire(firmware, index):
    """The bytes of one input."""
    return firmware.made.words[index].astype("<i2").tobytes()


def real(firmware, index):
    """The reference's outputs as real numbers."""
    (exponent,) = re.findall("#define MODEL_OUTPUT0_EXPONENT (.*)", (firmware.made.directory / "model.h").read_text())
    (words,) = firmware.made.answers[index]
    return words * 2.0 ** -int(exponent)

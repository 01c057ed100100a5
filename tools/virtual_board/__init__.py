"""A simulated MSP430FR5994 (and its relatives) that executes the firmware's ELF file cycle by cycle."""

from sparsecomp_tools.virtual_board.building import build
from sparsecomp_tools.virtual_board.failures import Failure
from sparsecomp_tools.virtual_board.live import VirtualBoard
from sparsecomp_tools.virtual_board.running import FAULTS, RunResult, run_elf

__all__ = ["FAULTS", "Failure", "RunResult", "VirtualBoard", "build", "run_elf"]

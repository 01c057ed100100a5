"""A simulated MSP430FR5994 (and its relatives) that executes the firmware's ELF file cycle by cycle."""

from sparsecomp_tools.virtual_board.building import build
from sparsecomp_tools.virtual_board.events import read_events
from sparsecomp_tools.virtual_board.exploring import BinaryExploration, explore_elf, explore_project
from sparsecomp_tools.virtual_board.failures import Failure, RandomFailures
from sparsecomp_tools.virtual_board.live import VirtualBoard
from sparsecomp_tools.virtual_board.running import FAULTS, RunResult, run_elf
from sparsecomp_tools.virtual_board.supply import Supply

__all__ = [
    "FAULTS",
    "BinaryExploration",
    "Failure",
    "RandomFailures",
    "RunResult",
    "Supply",
    "VirtualBoard",
    "build",
    "explore_elf",
    "explore_project",
    "read_events",
    "run_elf",
]

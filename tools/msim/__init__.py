"""The generated C as MSP430 code in GDB's simulator: a first look at a machine whose int has 16 bits."""

from sparsecomp_tools.msim.building import MODELS, compile_elf, compile_project
from sparsecomp_tools.msim.checking import check_msim, compare
from sparsecomp_tools.msim.running import Inference, parse, run_elf, run_msim

__all__ = [
    "MODELS",
    "Inference",
    "check_msim",
    "compare",
    "compile_elf",
    "compile_project",
    "parse",
    "run_elf",
    "run_msim",
]

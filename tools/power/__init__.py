"""Power failures on the host: every crash state explored, random failures and kills simulated, orderings checked."""

from sparsecomp_tools.power.compiling import Programs, compile_directory
from sparsecomp_tools.power.exploration import Divergence, Exploration, explore_directory
from sparsecomp_tools.power.junit import write_junit
from sparsecomp_tools.power.ordering import OrderingFault, check_ordering
from sparsecomp_tools.power.simulation import PowerRun, simulate_directory

__all__ = [
    "Divergence",
    "Exploration",
    "OrderingFault",
    "PowerRun",
    "Programs",
    "check_ordering",
    "compile_directory",
    "explore_directory",
    "simulate_directory",
    "write_junit",
]

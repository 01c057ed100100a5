"""Energy of a layer before it is run: a model fitted to the virtual board's simulated energy.

Straight-line code misses FRAM's cache more often than a loop of products, and sparse products more often than dense
ones, so each has its own energy, in units of the board's energy a cycle (``nj_per_cycle``). Fitted to the layers of two
networks (tools/benchmarks/networks.py: lenet, keyword) on an MSP430FR5994 at 8 MHz without wait states.
"""

from __future__ import annotations

import numpy as np

from sparsecomp.plan import Plan
from sparsecomp.plan.units import layer_cycles

DENSE_CYCLES, SPARSE_CYCLES = 8, 11  # of one product
OTHERS, DENSE, SPARSE, OUTPUT = 1.014, 9.51, 15.81, 14.04  # a cycle outside of products; a product; an output's store
ELEMENTWISE = 1.152  # a cycle of all other kernels


def layer_energy_nj(plan: Plan, index: int) -> float | None:
    """Estimated nanojoules of one inference without failures; None where the board gives no energy a
    cycle, and for the accelerator."""
    step, cycles, unit = plan.program.steps[index], layer_cycles(plan, index), plan.board.energy.nj_per_cycle
    if unit is None or step.attrs.get("lea"):
        return None
    if step.kernel != "mac":
        return unit * ELEMENTWISE * cycles
    matrix, dense = step.attrs["matrix"], step.attrs["encoded"].kind == "dense"
    rows, columns, *_ = step.attrs.get("pool", (1, 1))
    weights = matrix.size if dense else np.count_nonzero(matrix)
    products = weights / len(matrix) * step.items * rows * columns
    outside = max(0.0, cycles - (DENSE_CYCLES if dense else SPARSE_CYCLES) * products)
    return unit * (OTHERS * outside + (DENSE if dense else SPARSE) * products + OUTPUT * step.items)

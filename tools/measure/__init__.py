"""Cycles and energy of an inference on the virtual board, layer by layer, and the smallest capacitor that does."""

from sparsecomp_tools.measure.attribution import Costs, UnitCosts, attribute, first_inference
from sparsecomp_tools.measure.capacitor import smallest_capacitor
from sparsecomp_tools.measure.plots import plot_layers, plot_run
from sparsecomp_tools.measure.symbols import cursor_address

__all__ = [
    "Costs",
    "UnitCosts",
    "attribute",
    "cursor_address",
    "first_inference",
    "plot_layers",
    "plot_run",
    "smallest_capacitor",
]

"""Pictures of a simulated run: the capacitor's voltage with progress and reboots, cycles and energy of each layer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparsecomp.errors import ToolError
from sparsecomp_tools.virtual_board.events import BOOT, POWER_LOST, WATCH

if TYPE_CHECKING:
    import numpy as np

SIZE = (9.0, 5.0)  # inches


def pyplot() -> Any:
    """matplotlib's, for files only. Raises ToolError without it."""
    try:
        import matplotlib
    except ImportError as error:
        raise ToolError("plots need matplotlib", "pip install 'sparsecomp[plot]'") from error
    matplotlib.use("Agg")  # files only, no display
    import matplotlib.pyplot as module

    return module


def plot_run(events: np.ndarray, path: Path | str, title: str = "") -> None:
    """The capacitor's voltage over virtual time, starts and losses of power marked, above the progress cursor.

    ``events`` are those of ``read_events``. Raises ToolError without matplotlib.
    """
    plt = pyplot()
    seconds = events["time_ps"] * 1e-12
    figure, (upper, lower) = plt.subplots(2, sharex=True, figsize=SIZE, layout="constrained")
    upper.plot(seconds, events["volts"], linewidth=0.8)
    for kind, marker, name in ((BOOT, "^", "start"), (POWER_LOST, "v", "power lost")):
        at = events["kind"] == kind
        upper.plot(seconds[at], events["volts"][at], marker, markersize=4, label=f"{name} ({int(at.sum())})")
    upper.set_ylabel("capacitor, V")
    upper.legend(loc="upper right")
    progress = events["kind"] == WATCH
    lower.step(seconds[progress], events["value"][progress], where="post", linewidth=0.8)
    lower.set_ylabel("restart unit")
    lower.set_xlabel("virtual time, s")
    figure.suptitle(f"{title} (simulated)" if title else "simulated")
    figure.savefig(path)
    plt.close(figure)


def plot_layers(layers: Sequence[Any], path: Path | str, title: str = "") -> None:
    """Cycles and energy of each layer; ``layers`` have name, cycles, wait_cycles and energy_uJ.

    Raises ToolError without matplotlib.
    """
    plt = pyplot()
    names = [layer.name for layer in layers]
    figure, (left, right) = plt.subplots(1, 2, sharey=True, figsize=SIZE, layout="constrained")
    busy = [(layer.cycles - layer.wait_cycles) / 1e6 for layer in layers]
    left.barh(names, busy, label="computing")
    left.barh(names, [layer.wait_cycles / 1e6 for layer in layers], left=busy, label="waiting for FRAM")
    left.set_xlabel("million cycles")
    left.legend(loc="lower right")
    left.invert_yaxis()
    right.barh(names, [layer.energy_uJ for layer in layers], color="tab:orange")
    right.set_xlabel("uJ")
    figure.suptitle(f"{title} (simulated)" if title else "simulated")
    figure.savefig(path)
    plt.close(figure)

"""Pictures of policies: what each is worth for its energy, and the exits taken along a trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sparsecomp_tools.adaptive.scenario import Score
from sparsecomp_tools.adaptive.supplies import Harvest
from sparsecomp_tools.measure.plots import SIZE, pyplot

MARKERS = "osD^vP*X"


def plot_policies(rows: Sequence[Any], path: Path | str) -> None:
    """The share of events answered correctly in time over the energy drawn. Raises ToolError without matplotlib."""
    figure, axes = pyplot().subplots(figsize=SIZE, layout="constrained")
    for row in rows:
        shape = "*" if row.policy.startswith(("adaptive", "energy", "confidence")) else "o"
        axes.plot(row.mJ, 100 * row.share, shape, markersize=9, label=row.policy)
    axes.set(
        xlabel="energy drawn, mJ", ylabel="events answered correctly in time, %", title="exit policies (simulated)"
    )
    axes.legend()
    figure.savefig(path)
    pyplot().close(figure)


def plot_exits(scores: Mapping[str, Score], harvest: Harvest, path: Path | str) -> None:
    """Harvested power above, below it for each policy the exit that answered each event, misses as crosses."""
    figure, axes = pyplot().subplots(
        len(scores) + 1, sharex=True, figsize=(SIZE[0], 1.5 * (len(scores) + 1)), layout="constrained"
    )
    axes[0].step([*harvest.starts, harvest.end], [*harvest.power, harvest.power[-1]], where="post", linewidth=0.8)
    axes[0].set_ylabel("uW")
    for below, (name, score) in zip(axes[1:], scores.items(), strict=True):
        taken = [o for o in score.outcomes if o.exit >= 0]
        missed = [o.time for o in score.outcomes if o.exit < 0]
        below.plot([o.time for o in taken], [o.exit for o in taken], ".", markersize=4)
        below.plot(missed, [-0.5] * len(missed), "x", color="0.6", markersize=4)
        below.set_ylabel(f"exit\n{name}")
    axes[-1].set_xlabel("virtual time, s (simulated)")
    figure.savefig(path)
    pyplot().close(figure)

"""A compression as a picture: accuracy over size, and what became of each layer."""

from __future__ import annotations

import io
from pathlib import Path

from sparsecomp.compression.result import CompressionResult
from sparsecomp.frontend.saving import write_atomically


def plot_history(result: CompressionResult, path: Path) -> bool:
    """Writes a PNG; False, without complaint, where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    steps = [record for record in result.history if not record.rolled_back]
    left.axhline(result.validation_before, color="0.6", linestyle="--", label="uncompressed")
    left.plot([r.size for r in steps], [r.metric for r in steps], marker="o", label="after each step")
    left.plot([result.size], [result.validation], marker="*", markersize=12, linestyle="", label="final, int8 weights")
    left.set(xlabel=result.unit, ylabel="metric on validation data", xscale="log")
    left.legend()
    for name in steps[0].densities if steps else ():
        right.plot([r.step for r in steps], [r.densities[name] for r in steps], marker=".", label=name)
    right.set(xlabel="step", ylabel="share of weights kept", yscale="log")
    if steps:
        right.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    write_atomically(path, buffer.getvalue())
    return True

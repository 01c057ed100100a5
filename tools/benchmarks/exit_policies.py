"""``python -m sparsecomp_tools.benchmarks.exit_policies MODEL.pt …``: exit policies under scarce energy.

A sample arrives every five seconds and has to be answered within three; a missed one is wrong. A cell is a network, a
supply and a capacitor; every policy meets the same samples and traces, 40 seeds of ten minutes. A network has one
adaptive policy for all its cells, chosen on other seeds and on the half of the samples that is not scored; its last
exit is chosen as well, since the whole network need not be the best answer. Costs are measured on the virtual board
(simulated), the events run in the event simulator.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import click
import numpy as np
from scipy.stats import t

from sparsecomp.boards import load_board
from sparsecomp.cli import style
from sparsecomp.errors import SparseCompError
from sparsecomp.exits import Policy
from sparsecomp.frontend.saving import write_atomically
from sparsecomp.prepare import Request
from sparsecomp_tools.adaptive.comparing import Bench, agree, event_bench
from sparsecomp_tools.adaptive.on_board import run_on_board
from sparsecomp_tools.adaptive.scenario import Score, Work, World, fixed, run_events
from sparsecomp_tools.adaptive.supplies import SECONDS, Harvest, bursty_rf, constant, indoor_solar
from sparsecomp_tools.benchmarks.kernels import table
from sparsecomp_tools.measure.plots import pyplot

BOARD = "msp430fr5994"
PERIOD, DEADLINE = 5.0, 3.0  # seconds
SEEDS, TUNING_SEEDS = range(40), range(100, 104)
CAPACITORS_UF = (100.0, 470.0, 2200.0)
SUPPLIES: dict[str, Callable[[int], Harvest]] = {
    "constant": cache(lambda seed: constant(150.0)),
    "solar": cache(lambda seed: indoor_solar(seed, 450.0)),
    "rf": cache(lambda seed: bursty_rf(seed, 2200.0)),
}
ABUNDANT_UW = 20_000.0  # more than the device draws
SHARES, RESERVES = (0.8, 0.9, 0.97), (1, 2, 4)


def _run(bench: Bench, supply: Callable[[int], Harvest], capacitor: float, policy: Policy, seed: int) -> Score:
    """Ten minutes."""
    times, samples, world = _scene(bench, supply, capacitor, seed)
    return run_events(bench.work, world, policy, bench.answers, times, samples, DEADLINE)


def _scene(
    bench: Bench, supply: Callable[[int], Harvest], capacitor: float, seed: int
) -> tuple[list[float], list[int], World]:
    rng = np.random.default_rng([seed, 4])
    times = np.arange(rng.uniform(0.0, PERIOD), SECONDS, PERIOD)
    half = int(seed in TUNING_SEEDS)  # samples of odd index choose the policy, the others are scored
    samples = half + 2 * rng.integers(0, len(bench.labels) // 2, len(times))
    return times.tolist(), samples.tolist(), World(bench.plan.board, capacitor, supply(seed))


def tuned(bench: Bench, name: str) -> list[dict]:
    """What each adaptive policy gets right in time on the tuning seeds, in the mean over all cells but the abundant."""

    def mean(text: str) -> float:
        scores = [
            _run(bench, supply, capacitor, bench.policy(text, capacitor), seed).share
            for supply in SUPPLIES.values()
            for capacitor in CAPACITORS_UF
            for seed in TUNING_SEEDS
        ]
        return round(100 * float(np.mean(scores)), 2)

    early = len(bench.plan.program.exits) - 2
    ends = ("", f"@{early}") if early else ("",)
    texts = [f"adaptive:{share}:{reserve}{end}" for share in SHARES for reserve in RESERVES for end in ends]
    return [{"network": name, "policy": text, "right_in_time": mean(text)} for text in texts]


def _interval(differences: np.ndarray) -> float:
    """Half of the 95 % interval of a mean, in points."""
    count = len(differences)
    return float(100 * t.ppf(0.975, count - 1) * differences.std(ddof=1) / np.sqrt(count))


def cell(bench: Bench, name: str, supply: str, capacitor: float, adaptive: str) -> list[dict]:
    """Every policy in one cell: its share of events answered correctly in time, and how far adaptive is ahead of it."""
    make = SUPPLIES.get(supply, lambda seed: constant(ABUNDANT_UW))
    exits = len(bench.plan.program.exits)
    policies = {fixed(exits, k).text: fixed(exits, k) for k in range(exits)}
    policies |= {text: bench.policy(text, capacitor) for text in ("confidence:0.9", "energy")}
    policies[adaptive] = bench.policy(adaptive, capacitor)
    scores = {text: [_run(bench, make, capacitor, p, seed) for seed in SEEDS] for text, p in policies.items()}
    shares = {text: np.array([s.share for s in runs]) for text, runs in scores.items()}
    rows = []
    for text, runs in scores.items():
        ahead = shares[adaptive] - shares[text]
        taken = [sum(o.exit == k for s in runs for o in s.outcomes) for k in range(exits)]
        rows.append(
            {
                "network": name,
                "supply": supply,
                "uF": capacitor,
                "policy": text,
                "right_in_time": round(100 * float(shares[text].mean()), 2),
                "adaptive_ahead": round(100 * float(ahead.mean()), 2),
                "interval": round(_interval(ahead), 2),
                "mJ": round(float(np.mean([s.uJ for s in runs])) / 1000, 2),
                "exits_taken": " ".join(map(str, taken)),
                "events": sum(len(s.outcomes) for s in runs),
            }
        )
    return rows


def checked(bench: Bench, name: str, capacitor: float, adaptive: str) -> list[dict]:
    """Ten minutes of each supply on the virtual board as well, full and adaptive. Raises MismatchError where more than
    a few near ties are answered differently (one moves the events behind it), or the energy differs by more than 2 %.
    """
    rows = []
    for supply, make in SUPPLIES.items():
        for text in ("full", adaptive):
            policy = bench.policy(text, capacitor)
            times, samples, world = _scene(bench, make, capacitor, 0)
            one = run_events(bench.work, world, policy, bench.answers, times, samples, DEADLINE)
            other = run_on_board(
                bench.plan, bench.firmware, world, policy, bench.words, bench.labels, times, samples, DEADLINE
            )
            differing = agree(f"{name}, {supply}, {text}", one, other, near_ties=len(times) // 20)
            rows.append(
                {
                    "network": name,
                    "supply": supply,
                    "uF": capacitor,
                    "policy": text,
                    "events": len(times),
                    "answered_differently": differing,
                    "mJ_simulator": round(one.uJ / 1000, 2),
                    "mJ_virtual_board": round(other.uJ / 1000, 2),
                }
            )
    return rows


def run(models: Sequence[Path], quick: bool) -> dict:
    """All cells of all networks."""
    rows, checks, costs, tuning = [], [], [], []
    for path in models:
        with event_bench(path, load_board(BOARD), Request()) as bench:
            spent = 0.0
            for k, (track, _) in enumerate(Work(bench.plan, bench.costs).pieces):
                spent += track.uJ[-1]
                right = float((bench.answers.classes[:, k] == bench.labels).mean())
                costs.append({"network": path.stem, "exit": k, "uJ": round(spent, 1), "accuracy": round(right, 4)})
            tuning += tuned(bench, path.stem)
            mine = [row for row in tuning if row["network"] == path.stem]
            adaptive = max(mine, key=lambda row: row["right_in_time"])["policy"]
            cells = [("rf", 2200.0)] if quick else [(s, c) for s in SUPPLIES for c in CAPACITORS_UF]
            for supply, capacitor in [*cells, ("abundant", 470.0)]:
                rows += cell(bench, path.stem, supply, capacitor, adaptive)
            checks += checked(bench, path.stem, 470.0, adaptive)
    return {
        "report": "exit policies",
        "version": 1,
        "simulated": True,
        "period": PERIOD,
        "deadline": DEADLINE,
        "seeds": len(SEEDS),
        "mean_uW": {
            s: round(float(np.mean([make(seed).mean_uW for seed in SEEDS])), 1) for s, make in SUPPLIES.items()
        },
        "exits": costs,
        "tuning": tuning,
        "rows": rows,
        "checked": checks,
    }


def plot(found: dict, path: Path) -> None:
    """Events answered correctly in time over energy drawn, at the largest capacitor. Raises ToolError without
    matplotlib.
    """
    plt = pyplot()
    networks = sorted({row["network"] for row in found["rows"]})
    figure, axes = plt.subplots(
        len(networks), len(SUPPLIES), figsize=(11, 3.4 * len(networks)), squeeze=False, layout="constrained"
    )
    for network, line in zip(networks, axes, strict=True):
        for supply, ax in zip(SUPPLIES, line, strict=True):
            for row in found["rows"]:
                if (row["network"], row["supply"], row["uF"]) == (network, supply, max(CAPACITORS_UF)):
                    star = row["policy"].startswith("adaptive")
                    ax.plot(row["mJ"], row["right_in_time"], "*" if star else "o", label=row["policy"])
            ax.set(title=f"{network}, {supply}", xlabel="mJ in ten minutes", ylabel="right in time, %")
            ax.legend(fontsize="x-small")
    figure.suptitle(f"exit policies, {max(CAPACITORS_UF):g} uF (simulated)")
    figure.savefig(path, dpi=80, metadata={"Software": None})
    plt.close(figure)


@click.command()
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--out", type=click.Path(path_type=Path), help="Write the figures as JSON.")
@click.option("--picture", type=click.Path(path_type=Path), help="Draw it as PNG.")
@click.option("--quick", is_flag=True, help="One cell a network.")
def main(models: tuple[Path, ...], out: Path | None, picture: Path | None, quick: bool) -> None:
    """Compare exit policies of networks with labelled samples in their archives."""
    try:
        found = run(models, quick)
        if picture is not None:
            plot(found, picture)
    except SparseCompError as error:
        style.show_error(error.message, error.hint)
        sys.exit(error.exit_code)
    for part in ("exits", "tuning", "rows", "checked"):
        if found[part]:
            style.show_lines([*table(found[part]), ""])
    if out is not None:
        write_atomically(out, (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main(prog_name="python -m sparsecomp_tools.benchmarks.exit_policies")

"""Harvested power over time: piecewise constant, from a file or generated from a stated model and a seed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparsecomp.errors import InputError
from sparsecomp_tools.virtual_board.supply import read_trace

SECONDS = 600.0  # of a generated trace
NEAR = 1e-9  # seconds
SHORTEST = 1e-5  # seconds that a sample of a file lasts in the mean: every change is a step of the simulation


@dataclass(frozen=True)
class Harvest:
    """Microwatts ``power`` from each of the times ``starts`` (seconds, the first 0) until the next; the last one lasts
    until ``end``, behind which the trace begins again.
    """

    starts: tuple[float, ...]
    power: tuple[float, ...]
    end: float

    def at(self, time: float) -> tuple[float, float]:
        """The power at a time, and until when it stays. A change that is nearer than a nanosecond has happened, so that
        whoever goes from one to the next gets on.
        """
        rounds, inside = divmod(time + NEAR, self.end)
        index = bisect_right(self.starts, inside) - 1
        until = self.starts[index + 1] if index + 1 < len(self.starts) else self.end
        return self.power[index], rounds * self.end + until

    @property
    def mean_uW(self) -> float:
        """Microwatts in the mean over the trace."""
        lasts = np.diff([*self.starts, self.end])
        return float(np.dot(lasts, self.power) / self.end)

    def rows(self, start: float, seconds: float) -> list[tuple[float, float]]:
        """(seconds from ``start``, microwatts) as a trace file has them."""
        out, time = [], start
        while time < start + seconds:
            power, until = self.at(time)
            out.append((time - start, power))
            time = until
        return out


def from_file(path: Path | str) -> Harvest:
    """A trace in microwatts. Raises InputError."""
    unit, samples = read_trace(path)
    if unit != "microwatts":
        raise InputError(
            f"the trace {Path(path).name} gives volts", "the event simulator wants lines '<ms> <microwatts>'"
        )
    times = [ms / 1000 for ms, _ in samples]
    last = times[-1] - times[-2] if len(times) > 1 else 1.0
    if times[-1] - times[0] + last < len(times) * SHORTEST:
        raise InputError(
            f"the samples of the trace {Path(path).name} are less than {1e3 * SHORTEST:g} ms apart",
            "its times are in milliseconds",
        )
    return Harvest(tuple(t - times[0] for t in times), tuple(v for _, v in samples), times[-1] - times[0] + last)


def constant(power_uW: float) -> Harvest:
    """Always the same."""
    return Harvest((0.0,), (power_uW,), SECONDS)


def indoor_solar(seed: int, mean_uW: float = 150.0) -> Harvest:
    """Light in an office: a level that drifts (log-normal, correlated over a minute), people who pass and shade the
    cell (a quarter of the light for 2 to 8 seconds, every 20 in the mean). Generated; steps of half a second.
    """
    rng, step = np.random.default_rng([seed, 1]), 0.5
    count = int(SECONDS / step)
    keep, level, levels = np.exp(-step / 60.0), rng.normal(), np.empty(count)
    for i in range(count):
        levels[i] = level
        level = keep * level + np.sqrt(1 - keep**2) * rng.normal()
    light = np.exp(0.6 * levels - 0.18)
    time = rng.exponential(20.0)
    while time < SECONDS:
        lasts = rng.uniform(2.0, 8.0)
        light[int(time / step) : int((time + lasts) / step)] *= 0.25
        time += lasts + rng.exponential(20.0)
    return Harvest(tuple(step * i for i in range(count)), tuple(float(p) for p in mean_uW * light), SECONDS)


def bursty_rf(seed: int, burst_uW: float = 1500.0, share: float = 0.12) -> Harvest:
    """A reader that comes and goes: bursts of 0.2 to 1.5 seconds at a power that differs from burst to burst
    (log-normal, factor of two), a floor of 10 microwatts between them; pauses are exponential, so that bursts take
    ``share`` of the time. Generated.
    """
    rng = np.random.default_rng([seed, 2])
    starts, power, time = [], [], 0.0
    pause = 0.85 * (1 - share) / share
    while time < SECONDS:
        starts.append(time)
        power.append(10.0)
        time += rng.exponential(pause)
        starts.append(time)
        power.append(float(burst_uW * np.exp(rng.normal() * 0.7)))
        time += rng.uniform(0.2, 1.5)
    kept = [i for i, t in enumerate(starts) if t < SECONDS]
    return Harvest(tuple(starts[i] for i in kept), tuple(power[i] for i in kept), SECONDS)


GENERATED: dict[str, Callable[[int], Harvest]] = {
    "constant": lambda seed: constant(100.0),
    "solar": indoor_solar,
    "rf": bursty_rf,
}

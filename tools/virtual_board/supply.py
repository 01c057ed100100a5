"""The supply of a virtual board: a capacitor, fed by a constant power or a trace of a harvester."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from sparsecomp.boards import Board
from sparsecomp.errors import InputError

TRACE_UNITS = ("volts", "microwatts")
LAST_SAMPLE_MS = 1000.0  # how long a trace of one sample lasts


@dataclass(frozen=True)
class Supply:
    """A capacitor of ``capacitor_uF`` that starts at ``v_start`` volts (None: ``v_on``), is fed with ``power_uW`` or by
    a ``trace`` up to ``v_max``, and loses the device at ``v_off`` until it is at ``v_on`` again (the board's own where
    they are None).
    Without power and trace there is one charge.

    A trace has lines ``<ms> <value>``, separated by white space or commas; a value holds until the next one's time, and
    the trace repeats when it ends. The values are those of ``trace_unit`` ('volts' or 'microwatts'), or of its first
    line where that is a header such as ``ms,volts`` or ``ms uW``. Volts feed the capacitor through ``source_ohm``.

    The capacitor is a store of energy: the device draws what it draws at the board's ``energy.volts``, at any voltage.
    Raises InputError.
    """

    capacitor_uF: float
    power_uW: float | None = None
    trace: Path | str | None = None
    v_on: float | None = None
    v_off: float | None = None
    v_max: float = 3.6
    source_ohm: float = 30_000
    trace_unit: str | None = None
    v_start: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.capacitor_uF <= 1e6:
            raise InputError(f"a capacitor of {self.capacitor_uF:g} uF", "give one above zero, of at most 1 F")
        if self.power_uW is not None and not 0 <= self.power_uW <= 1e7:
            raise InputError(f"a supply of {self.power_uW:g} uW", "give a power of 0 to 10 W")
        if self.power_uW is not None and self.trace is not None:
            raise InputError("a supply with both a constant power and a trace", "give one of them")
        if not 1e-3 <= self.source_ohm <= 1e9:
            raise InputError(f"a source of {self.source_ohm:g} ohm", "give a resistance from 1 mOhm to 1 GOhm")
        if self.trace_unit is not None and self.trace_unit not in TRACE_UNITS:
            raise InputError(f"unknown unit of a trace '{self.trace_unit}'", f"one of {', '.join(TRACE_UNITS)}")

    def describe(self, board: Board) -> str:
        """For a sentence: ``100 uF from 2.8 to 1.8 V, fed with 500 uW``."""
        v_on, v_off = self.v_on or board.energy.v_on, self.v_off or board.energy.v_off
        return f"{self.capacitor_uF:g} uF from {v_on:g} to {v_off:g} V, fed {self.feed()}"

    def feed(self) -> str:
        """What feeds the capacitor, for a sentence: ``with 500 uW``, ``by walk.csv``."""
        return f"by {Path(self.trace).name}" if self.trace is not None else f"with {self.power_uW or 0:g} uW"

    def options(self, board: Board, folder: Path) -> list[str]:
        """The options of the simulator's program; the trace is put into ``folder`` for it to read."""
        v_on = self.v_on if self.v_on is not None else board.energy.v_on
        v_off = self.v_off if self.v_off is not None else board.energy.v_off
        if v_on is None or v_off is None:
            raise InputError(f"board '{board.name}' has no v_on and v_off", "give them with the supply")
        if not 0 < v_off < v_on <= self.v_max:
            raise InputError(
                f"a supply that comes at {v_on:g} V, goes at {v_off:g} V and holds {self.v_max:g} V at most",
                "v_off lies below v_on, and v_on not above v_max",
            )
        options = [f"capacitor_pf={round(self.capacitor_uF * 1e6)}"]
        for name, volts in (("on", v_on), ("off", v_off), ("max", self.v_max)):
            options.append(f"{name}_fj={round(self.capacitor_uF * 1e9 * volts**2 / 2)}")
        if self.v_start is not None:
            if not v_off < self.v_start <= self.v_max:
                raise InputError(f"a supply that starts at {self.v_start:g} V", f"start above {v_off:g} V")
            options.append(f"start_fj={round(self.capacitor_uF * 1e9 * self.v_start**2 / 2)}")
        if self.power_uW is not None:
            options.append(f"harvest_nw={round(self.power_uW * 1e3)}")
        if self.trace is not None:
            options += self._trace_options(folder)
        return options

    def _trace_options(self, folder: Path) -> list[str]:
        assert self.trace is not None
        unit, samples = read_trace(self.trace, self.trace_unit)
        times = [ms for ms, _ in samples]
        lasts = [b - a for a, b in zip(times, times[1:], strict=False)] or [LAST_SAMPLE_MS]
        if len(times) > 1:
            lasts.append(lasts[-1])
        scale = 1e6 if unit == "volts" else 1e3
        path = folder / "trace"
        lines = (f"{round(ms * 1e9)} {round(v * scale)}\n" for ms, (_, v) in zip(lasts, samples, strict=True))
        path.write_text("".join(lines))
        name = "trace_uv" if unit == "volts" else "trace_nw"
        return [f"source_mohm={round(self.source_ohm * 1e3)}", f"{name}={path}"]


def read_trace(path: Path | str, unit: str | None = None) -> tuple[str, list[tuple[float, float]]]:
    """Unit ('volts' or 'microwatts') and samples (ms, value) of a trace. Raises InputError with the line at fault."""
    name = Path(path).name
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read the trace {name}: {error.strerror}", "check the path") from error
    except UnicodeDecodeError as error:
        raise InputError(f"the trace {name} is not text", "lines '<ms> <volts>' or '<ms> <microwatts>'") from error
    header, samples = None, []
    for number, line in enumerate(text.splitlines(), 1):
        parts = [part for part in re.split(r"[,;\s]+", line.split("#")[0].strip()) if part]
        if not parts:
            continue
        if not samples and header is None and not _is_number(parts[0]):
            header = line
            continue
        sample = [float(part) for part in parts if _is_number(part)]
        if len(parts) != 2 or len(sample) != 2 or sample[1] < 0 or (samples and sample[0] <= samples[-1][0]):
            raise InputError(
                f"{name}, line {number}: not a sample", "two numbers a line, times that rise and values from 0 on"
            )
        samples.append((sample[0], sample[1]))
    if not samples:
        raise InputError(f"the trace {name} has no samples", "lines '<ms> <volts>' or '<ms> <microwatts>'")
    found = unit or _unit_of(header)
    if found is None:
        raise InputError(f"the trace {name} does not say its unit", "begin it with 'ms volts' or 'ms microwatts'")
    return found, samples


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _unit_of(header: str | None) -> str | None:
    words = re.findall(r"[a-zµμ]+", (header or "").lower())
    if {"uw", "µw", "μw", "microwatt", "microwatts"} & set(words):
        return "microwatts"
    return "volts" if {"v", "volt", "volts", "voltage"} & set(words) else None

"""The same events on the virtual board: its own binary, from each wake-up to sleep, under the same supply."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sparsecomp.errors import ToolError
from sparsecomp.exits import Policy
from sparsecomp.plan import Plan
from sparsecomp_tools.adaptive.device import TINY
from sparsecomp_tools.adaptive.firmware import EventFirmware, Image
from sparsecomp_tools.adaptive.scenario import GIVEN_UP, V_MAX, Outcome, Score, World, score_of
from sparsecomp_tools.adaptive.supplies import Harvest
from sparsecomp_tools.virtual_board import Supply, read_events, run_elf
from sparsecomp_tools.virtual_board.events import BOOT, WATCH

CLOSING = 1e-6  # seconds


def run_on_board(
    plan: Plan, firmware: EventFirmware, world: World, policy: Policy, words: np.ndarray, labels: np.ndarray,
    times: Sequence[float], samples: Sequence[int], deadline: float,
) -> Score:  # fmt: skip
    """Every event as ``run_events`` has them; between events the device sleeps as there. Raises ToolError where the
    board stops early.
    """
    device, outcomes = world.device(), []
    with tempfile.TemporaryDirectory(prefix="sparsecomp-") as name:
        folder = Path(name)
        path, log, trace = folder / "fram", folder / "events", folder / "trace"
        run_elf(plan.board, firmware.elf, image=path)
        image = Image(path, firmware)
        if policy.margins:
            image.set_policy(policy)
        for number, (time, sample) in enumerate(zip(times, samples, strict=True), start=1):
            if device.time > time + TINY:
                outcomes.append(Outcome(time, missed="busy"))
                continue
            device.rest(time)
            if not device.on:
                outcomes.append(Outcome(time, missed="no power"))
                continue
            image.offer(number, words[sample])
            rows = _once_around(world.harvest, time)
            trace.write_text("ms microwatts\n" + "".join(f"{1000 * t:.6f} {p:.6f}\n" for t, p in rows))
            supply = Supply(
                world.capacitor_uF, trace=trace, v_max=V_MAX,
                v_start=min(V_MAX, math.sqrt(2 * device.stored / world.capacitor_uF)),  # the root rounds up as well
            )  # fmt: skip
            found = run_elf(plan.board, None, image=path, supply=supply, events=log, watch=firmware.cursor)
            if found.stopped not in ("asleep", "starved"):
                raise ToolError(
                    f"event {number}: the virtual board stopped: {found.stopped} {found.message}",
                    "does the supply ever pay for an answer?",
                )
            events = read_events(log)
            seconds = events["time_ps"] * 1e-12
            last = int(np.searchsorted(seconds, GIVEN_UP, side="right")) - 1
            device.spent += float(events["energy_fj"][last]) * 1e-9
            device.starts += int((events["kind"][: last + 1] == BOOT).sum())
            device.stored = world.capacitor_uF / 2 * float(events["volts"][last]) ** 2
            ends = (events["kind"] == WATCH) & (events["value"] == plan.unit_count + 1)
            done = np.flatnonzero(ends[: last + 1])
            if len(done) == 0:  # not yet, or never
                device.time, device.on = time + GIVEN_UP, False
                outcomes.append(Outcome(time, missed="given up"))
                continue
            _, leaving, answer = image.answer()
            outcomes.append(Outcome(time, time + float(seconds[done[0]]), leaving, answer))
            device.time = time + float(seconds[last])
    return score_of(outcomes, [labels[s] for s in samples], deadline, device)


def _once_around(harvest: Harvest, start: float) -> list[tuple[float, float]]:
    """The trace from ``start`` on, once: a virtual board begins it again. There the last sample lasts as long as the
    one before it, so that two short ones make the whole as long as it is.
    """
    rows = [row for row in harvest.rows(start, harvest.end) if row[0] < harvest.end - 3 * CLOSING]
    return [*rows, *((harvest.end - k * CLOSING, rows[-1][1]) for k in (2, 1))]

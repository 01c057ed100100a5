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
from sparsecomp_tools.virtual_board import Supply, read_events, run_elf
from sparsecomp_tools.virtual_board.events import WATCH


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
            rows = world.harvest.rows(time, GIVEN_UP)
            trace.write_text("ms microwatts\n" + "".join(f"{1000 * t:.6f} {p:.6f}\n" for t, p in rows))
            supply = Supply(
                world.capacitor_uF, trace=trace, v_max=V_MAX,
                v_start=min(V_MAX, math.sqrt(2 * device.stored / world.capacitor_uF)),  # the root rounds up as well
            )  # fmt: skip
            found = run_elf(plan.board, None, image=path, supply=supply, events=log, watch=firmware.cursor)
            if found.stopped != "asleep":
                raise ToolError(
                    f"event {number}: the virtual board stopped: {found.stopped} {found.message}",
                    "does the supply ever pay for an answer?",
                )
            events = read_events(log)
            ends = (events["kind"] == WATCH) & (events["value"] == plan.unit_count + 1)
            done = float(events["time_ps"][np.flatnonzero(ends)[0]]) * 1e-12
            _, leaving, answer = image.answer()
            outcomes.append(Outcome(time, time + done, leaving, answer))
            device.time = time + float(events["time_ps"][-1]) * 1e-12
            device.stored = world.capacitor_uF / 2 * float(events["volts"][-1]) ** 2
            device.spent += found.energy_nj / 1000
            device.starts += found.boots
    return score_of(outcomes, [labels[s] for s in samples], deadline, device)

"""A device between events: a capacitor, a harvester, and a position in the work that an event asks for."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from sparsecomp_tools.adaptive.costs import Cost
from sparsecomp_tools.adaptive.supplies import Harvest

TINY = 1e-12


class Track:
    """Work in a row: seconds and microjoules up to each of its boundaries, between which both grow evenly."""

    def __init__(self, costs: Sequence[Cost]) -> None:
        self.seconds, self.uJ = [0.0], [0.0]
        for cost in costs:
            self.seconds.append(self.seconds[-1] + cost.seconds)
            self.uJ.append(self.uJ[-1] + cost.uJ)

    @property
    def length(self) -> float:
        """Seconds in all."""
        return self.seconds[-1]

    def boundary(self, at: float) -> int:
        """The last boundary that is not behind ``at``."""
        return bisect_right(self.seconds, at + TINY) - 1

    def spent(self, at: float) -> float:
        """Microjoules up to ``at`` seconds."""
        i = min(self.boundary(at), len(self.seconds) - 2)
        width = self.seconds[i + 1] - self.seconds[i]
        part = (at - self.seconds[i]) / width if width > 0 else 1.0
        return self.uJ[i] + part * (self.uJ[i + 1] - self.uJ[i])

    def reach(self, at: float, until: float, store: float, power: float) -> float:
        """How far the work gets from ``at``, at most to ``until``, before ``store`` microjoules and ``power``
        microwatts of income are used up. Income is taken to be less than what the work draws.
        """
        start = self.spent(at)

        def left(position: float) -> float:
            return store + power * (position - at) - (self.spent(position) - start)

        if left(until) >= 0:
            return until
        low, high = self.boundary(at), self.boundary(until) + 1
        while high - low > 1:  # the last boundary that is paid for
            middle = (low + high) // 2
            if self.seconds[middle] <= at or (self.seconds[middle] <= until and left(self.seconds[middle]) >= 0):
                low = middle
            else:
                high = middle
        begin = max(at, self.seconds[low])
        end = min(until, self.seconds[min(low + 1, len(self.seconds) - 1)])
        before, after = left(begin), left(end)
        return begin if before <= after else begin + (end - begin) * min(1.0, before / (before - after))


@dataclass
class Device:
    """``stored`` and the thresholds are microjoules in the capacitor, ``draw`` microwatts asleep, ``start`` what each
    start costs by itself. ``spent`` counts all that was drawn, ``starts`` the starts.
    """

    harvest: Harvest
    full: float
    on_at: float
    off_at: float
    start: Cost
    sleep_uW: float
    stored: float = 0.0
    time: float = 0.0
    on: bool = True
    spent: float = 0.0
    starts: int = 0

    def rest(self, until: float) -> None:
        """Sleeps, or waits for power, until a time."""
        while self.time < until - TINY:
            power, changes = self.harvest.at(self.time)
            draw = self.sleep_uW if self.on else 0.0
            net, end = power - draw, min(until, changes)
            if not self.on and net > 0 and self.stored + net * (end - self.time) >= self.on_at:
                self._pass((self.on_at - self.stored) / net, power, draw)
                self.on = True
            elif self.on and net < 0 and self.stored + net * (end - self.time) <= self.off_at:
                self._pass((self.off_at - self.stored) / net, power, draw)
                self.on = False
            else:
                self._pass(end - self.time, power, draw)

    def after(self, cost: Cost) -> float:
        """Microjoules that are left when ``cost`` is paid, at the power that there is now."""
        return min(self.full, self.stored - cost.uJ + self.harvest.at(self.time)[0] * cost.seconds)

    def _pass(self, seconds: float, power: float, draw: float) -> None:
        seconds = max(seconds, 0.0)
        self.time += seconds
        self.spent += draw * seconds
        self.stored = min(self.full, self.stored + (power - draw) * seconds)

    def recharge(self, limit: float) -> bool:
        """Waits until the device is on; False where that takes beyond ``limit``."""
        while not self.on and self.time < limit:
            power, changes = self.harvest.at(self.time)
            wanted = (self.on_at - self.stored) / power if power > 0 else math.inf
            self._pass(min(wanted, changes - self.time, limit - self.time), power, 0.0)
            self.on = self.stored >= self.on_at - TINY
        return self.on

    def come_back(self, ahead: Cost, limit: float) -> bool:
        """Recharges, starts, and gets to where the piece that was cut begins anew; False where that takes beyond
        ``limit``.
        """
        while self.time < limit and self.recharge(limit):
            self.starts += 1
            track = Track([self.start, ahead])
            if self.advance(track, 0.0) >= track.length - TINY:
                return True
        return False

    def work(self, track: Track, resume: Sequence[Cost], limit: float) -> bool:
        """Does all the work of a track, whatever fails; False where that takes beyond ``limit``.

        A failure costs what was done since the last boundary, the recharge, a start, and ``resume[i]`` before the piece
        behind boundary i begins anew.
        """
        position = self.advance(track, 0.0)
        while position < track.length - TINY:
            done = track.boundary(position)
            if not self.come_back(resume[done], limit):
                return False
            position = self.advance(track, track.seconds[done])
        return True

    def advance(self, track: Track, position: float) -> float:
        """How far one charge goes; where it does not reach the end, the device is off."""
        while position < track.length - TINY:
            power, changes = self.harvest.at(self.time)
            until = min(track.length, position + changes - self.time)
            reached = track.reach(position, until, self.stored - self.off_at, power)
            drawn = track.spent(reached) - track.spent(position)
            self.stored = min(self.full, self.stored + power * (reached - position) - drawn)
            self.spent += drawn
            self.time += reached - position
            position = reached
            if reached < until - TINY:
                self.on = False
                return position
        return position

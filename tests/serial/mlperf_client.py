"""A client of the MLPerf Tiny command set as the EnergyRunner is one: it knows what the benchmark says of the serial
line (mlcommons/tiny, benchmark/api and runner), and nothing of this firmware.
"""

from __future__ import annotations

import re
import statistics
import time
from dataclasses import dataclass

import serial

BAUD = 115_200
NAME_SECONDS, REPLY_SECONDS = 2.0, 5.0
COMMAND_BYTES = 31  # of data in one `db`; 26 in energy mode
READY = "m-ready"
RESULTS = re.compile(r"^m-results-\[([^]]+)\]$")
LAP = re.compile(r"^m-lap-us-([0-9]+)$")
NAME = re.compile(r"^m-(name)-dut-\[([^]]+)\]$")
PROFILE = re.compile(r"^m-profile-\[(ULPMark for tinyML Firmware V0\.0\.1)\]$")
MODEL = re.compile(r"^m-model-\[(kws01|vww01|ic01|ad01)\]$")
BUFFER = re.compile(r"^m-buffer-([0-9a-f]{2}(?:-[0-9a-f]{2})*)$")


class Silence(AssertionError):
    """No m-ready within the time-out."""


class PortThatKeeps(serial.Serial):
    """Opening throws nothing away: the EnergyRunner has the port open before the device starts."""

    def _reset_input_buffer(self) -> None:
        pass


@dataclass(frozen=True)
class Inference:
    """What one `infer` said: every line, its results as they were printed, both laps."""

    lines: list[str]
    printed: list[str]
    laps: tuple[int, int]

    @property
    def results(self) -> list[float]:
        """One number a class."""
        return [float(text) for text in self.printed]

    @property
    def microseconds(self) -> int:
        """From the first lap to the second."""
        return self.laps[1] - self.laps[0]


class Client:
    """One device on one port. ``slack`` multiplies every time-out; a time-out raises Silence."""

    def __init__(self, port: str, slack: float = 1.0) -> None:
        self.port = PortThatKeeps(port, BAUD, timeout=0.02)
        self.slack = slack

    def close(self) -> None:
        """Leaves the port."""
        self.port.close()

    def lines(self, seconds: float = REPLY_SECONDS) -> list[str]:
        """Lines up to the next m-ready, which is left out. Every one must end in CR and LF and be printable ASCII; only
        a device that starts may end with a zero byte what a reset has cut, be it nothing.
        """
        found: list[str] = []
        line = b""
        end = time.monotonic() + seconds * self.slack
        while time.monotonic() < end:
            line += self.port.read_until(b"\n")
            if not line.endswith(b"\n"):
                continue
            assert line.endswith(b"\r\n") and line.count(b"\r") == 1, line
            if line == b"\0\r\n":
                line = b""
                continue
            text = line[:-2].removesuffix(b"\0").decode("ascii")
            assert text.isprintable(), line
            if text == READY:
                return found
            found.append(text)
            line = b""
        raise Silence(f"no {READY} within {seconds:g} s, but {found} and {line!r}")

    def send(self, command: str, seconds: float = REPLY_SECONDS) -> list[str]:
        """Sends a command and its end; the lines of the reply."""
        self.port.write(f"{command}%".encode("ascii"))
        return self.lines(seconds)

    def name(self) -> str:
        """Who is there; this is how the runner looks for devices."""
        return found(NAME, self.send("name", NAME_SECONDS), 2)

    def load(self, data: bytes, size: int = COMMAND_BYTES) -> list[str]:
        """Loads an input, ``size`` bytes a command; the lines of the last reply."""
        reply = self.send(f"db load {len(data)}")
        assert reply == [f"m-[Expecting {len(data)} bytes]"], reply
        for at in range(0, len(data), size):
            assert not [line for line in reply if line.startswith("e-")] and "m-load-done" not in reply, reply
            reply = self.send(f"db {data[at : at + size].hex()}")
        return reply

    def buffer(self) -> bytes:
        """The bytes that were loaded."""
        return bytes.fromhex(found(BUFFER, self.send("db print")).replace("-", ""))

    def infer(self, command: str = "infer", seconds: float = REPLY_SECONDS) -> Inference:
        """Runs inferences; ``command`` may give their number and that of warm-ups."""
        lines = self.send(command, seconds)
        laps = [int(match[1]) for match in map(LAP.match, lines) if match]
        assert len(laps) == 2, lines
        return Inference(lines, found(RESULTS, lines).split(","), (laps[0], laps[1]))

    def results(self) -> list[str]:
        """The last results as they are printed."""
        return found(RESULTS, self.send("results")).split(",")

    def inferences_a_second(self, number: int, warmups: int, loops: int = 5) -> float:
        """Performance mode: the median of several loops."""
        timed = [self.infer(f"infer {number} {warmups}").microseconds for _ in range(loops)]
        return statistics.median(number / microseconds * 1e6 for microseconds in timed)


def found(pattern: re.Pattern[str], lines: list[str], group: int = 1) -> str:
    """The group of the one line that matches."""
    matches = [match for match in map(pattern.match, lines) if match]
    assert len(matches) == 1, lines
    return matches[0][group]


def best(results: list[float]) -> int:
    """Top-1."""
    return max(range(len(results)), key=results.__getitem__)

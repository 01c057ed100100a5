"""Failures by schedule: random ones and fixed periods inside one process, and SIGKILL from outside."""

from __future__ import annotations

import random
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sparsecomp.errors import InputError, MismatchError, ToolError
from sparsecomp_tools.power.compiling import compile_directory
from sparsecomp_tools.power.exploration import Divergence, divergence_from
from sparsecomp_tools.power.running import Words, failure, run_harness, write_stream

# A stream is slowed down to about this long, so that kills land inside it and not in the start of a process.
STREAM_SECONDS = 0.15
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class PowerRun:
    """Result of a simulation.

    ``failures`` were injected at random FRAM writes over ``inferences``, ``kills`` are processes ended by SIGKILL in
    mid-work. ``smallest_period`` is the smallest number of FRAM writes between failures with which the stream still
    finishes (0: none was found), ``livelocked`` the larger periods that never make progress, out of ``periods`` swept.
    ``first`` is the first divergence; one between processes has only a ``message``.
    """

    failures: int
    kills: int
    inferences: int
    divergences: int
    first: Divergence | None
    message: str
    smallest_period: int
    livelocked: tuple[int, ...]
    periods: int
    writes: tuple[int, ...]
    largest_call: int
    units: int
    seed: int

    @property
    def passed(self) -> bool:
        """No divergence, and every period from the smallest on makes progress."""
        return self.divergences == 0 and self.smallest_period > 0 and not self.livelocked

    def to_json(self) -> dict[str, Any]:
        """Plain values, for json.dumps."""
        return asdict(self) | {"passed": self.passed}

    def summary(self) -> str:
        """One line for people."""
        text = f"{self.failures} power failures and {self.kills} kills over {self.inferences} inferences, "
        text += f"{self.divergences} divergences; finishes with a failure every {self.smallest_period} FRAM writes"
        return text + (f", livelocks at {', '.join(map(str, self.livelocked))}" if self.livelocked else "")


def _records(answers: list[bytes]) -> bytes:
    return b"".join(k.to_bytes(4, "little") + answer for k, answer in enumerate(answers))


def kill_repeatedly(
    program: Path, folder: Path, inputs: Path, answers: list[bytes], writes: Sequence[int], *, kills: int, seed: int
) -> tuple[int, int]:
    """Streams answered by a process that is killed at random moments, until ``kills`` have hit it alive.

    Returns the kills and the inferences. Raises MismatchError where the answers are not those expected, ToolError
    where a process fails in another way or does not end.
    """
    chance = random.Random(seed)
    pause = max(1, int(STREAM_SECONDS * 1e9 / max(1, sum(writes))))
    done = streams = 0
    while done < kills:
        fram, taken = folder / f"fram{streams}", folder / f"answers{streams}"
        command = [str(program), str(fram), str(inputs), str(taken), "--slow", str(pause)]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=folder)
            try:
                if done < kills:
                    process.wait(timeout=chance.uniform(0.0, STREAM_SECONDS))
                else:
                    process.wait(timeout=PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            stderr = process.communicate()[1]
            if process.returncode == 0:
                break
            if process.returncode != -9:
                raise failure(process.returncode, stderr, "the host process")
            done += 1
            if time.monotonic() > deadline:
                raise MismatchError(
                    "the host process never finishes between kills", "a call takes too long to complete"
                )
        if taken.read_bytes() != _records(answers):
            raise MismatchError("answers differ after SIGKILL", f"seed {seed}, stream {streams}")
        fram.unlink()
        streams += 1
    return done, streams * len(answers)


def simulate_directory(
    directory: Path | str,
    inputs: Sequence[Words],
    expected: Sequence[Sequence[Words]],
    *,
    failures: int = 1000,
    seed: int = 0,
    kills: int = 20,
    flags: tuple[str, ...] = (),
) -> PowerRun:
    """Runs the stream under ``failures`` random failures, under fixed periods, and under ``kills`` of its process.

    Raises InputError where directory or data do not fit, ToolError where it cannot be compiled or run. Divergences
    are in the result, not raised.
    """
    if failures < 0 or kills < 0 or seed < 0:
        raise InputError("failures, kills and seed are counted from 0", "leave them out for the defaults")
    programs = compile_directory(directory, flags=flags)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs_file, expected_file, answers = write_stream(folder, inputs, expected)
        raw = run_harness(programs.harness, "simulate", (inputs_file, expected_file), seed, failures)
        first = divergence_from(raw)
        message, killed, streams = first.describe() if first else "", 0, 0
        if first is None and kills:
            try:
                killed, streams = kill_repeatedly(
                    programs.host, folder, inputs_file, answers, raw["writes"], kills=kills, seed=seed
                )
            except (MismatchError, ToolError) as error:
                message = str(error)
    return PowerRun(
        failures=raw["failures"],
        kills=killed,
        inferences=raw["inferences"] + streams,
        divergences=int(bool(message)),
        first=first,
        message=message,
        smallest_period=raw.get("smallest_period", 0),
        livelocked=tuple(raw.get("livelocked", ())),
        periods=raw.get("periods", 0),
        writes=tuple(raw["writes"]),
        largest_call=raw["largest_call"],
        units=raw["units"],
        seed=seed,
    )

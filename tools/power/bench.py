"""One device on the bench: a generated directory's host process, and the probe that asks it awkward questions."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from sparsecomp_tools.power.compiling import compile_directory, compile_probe
from sparsecomp_tools.power.running import Words, write_stream

PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class Bench:
    """One device on the bench: programs, its stream, and a folder for what it writes."""

    host: Path
    probe: Path
    folder: Path
    inputs: Path
    answers: tuple[bytes, ...]
    writes: int

    def records(self, count: int | None = None) -> bytes:
        """The right answers file."""
        parts = self.answers[:count]
        return b"".join(k.to_bytes(4, "little") + answer for k, answer in enumerate(parts))

    def run(
        self,
        fram: str,
        answers: str,
        *options: str,
        inputs: Path | None = None,
        limit: int | None = None,
        closed: bool = False,
        keep: tuple[int, ...] = (),
    ) -> subprocess.CompletedProcess[str]:
        """The host process with files of those names in the folder.

        ``limit``: no file may grow beyond; ``closed``: started without standard input, so that files get number 0;
        ``keep``: open files handed down.
        """

        def restrict() -> None:
            if closed:
                os.close(0)
            if limit is not None:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        command = [self.host, self.folder / fram, inputs or self.inputs, self.folder / answers, *options]
        return run_process(command, restrict, keep)

    def about(self) -> tuple[int, int]:
        """The model's hash and its number of layers."""
        first, second = self.ask("about", "hash").stdout.split()
        return int(first), int(second)

    def ask(self, fram: str, what: str, *, closed: bool = False) -> subprocess.CompletedProcess[str]:
        """The probe; ``closed`` as above."""
        return run_process([self.probe, self.folder / fram, what], (lambda: os.close(0)) if closed else None)


def run_process(
    command: Sequence[object], prepare: Callable[[], None] | None = None, keep: tuple[int, ...] = ()
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            list(map(str, command)),
            cwd=Path(command[0]).parent,  # a broken program writes where it should not
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            preexec_fn=prepare,
            pass_fds=keep,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, -1, "", "does not end")


def bench_for(
    directory: Path | str,
    inputs: Sequence[Words],
    expected: Sequence[Sequence[Words]],
    folder: Path,
    *,
    writes: int,
    flags: tuple[str, ...] = (),
) -> Bench:
    """A device with at least two inputs; ``writes`` is a lower bound of the FRAM writes its stream takes."""
    source = Path(str(files("sparsecomp_tools"))) / "power" / "probe" / "probe.c"
    programs = compile_directory(directory, flags=flags)
    inputs_file, _, answers = write_stream(folder, inputs, expected)
    probe = compile_probe(directory, source, flags=flags)
    return Bench(programs.host, probe, folder, inputs_file, tuple(answers), writes)

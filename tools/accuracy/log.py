"""The log of an accuracy run: JSON lines, the first says what was run, each of the others is one answered sample.

It is written line by line, so that a run that was cut goes on where it stopped.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sparsecomp.errors import InputError

KIND = "sparsecomp accuracy log"
VERSION = 1


@dataclass(frozen=True)
class Record:
    """One sample's answer: its number, the outputs' words in hexadecimal, the port, restarts seen meanwhile."""

    index: int
    answer: str
    port: str
    restarts: int


class Log:
    """``records`` are those of earlier runs of the same model on the same data, by number; ``add`` writes one more.

    ``path`` None keeps nothing. Raises InputError where the file is another run's, or no log at all.
    """

    def __init__(self, path: Path | str | None, model_hash: str, data_hash: str, samples: int) -> None:
        self.records: dict[int, Record] = {}
        self._lock = threading.Lock()
        self._head = {"log": KIND, "version": VERSION, "model": model_hash, "data": data_hash, "samples": samples}
        self._file = None
        if path is not None:
            self._open(Path(path))

    def _open(self, path: Path) -> None:
        whole = self._read(path) if path.exists() else 0
        self._file = open(path, "a", encoding="utf-8")
        self._file.truncate(whole)  # a line that was cut when the program was killed
        if not whole:
            self._write(self._head)

    def _read(self, path: Path) -> int:
        """The bytes of the file up to its last whole line."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(f"cannot read the log {path.name}: {error.strerror}", "check the path") from error
        whole = data.rfind(b"\n") + 1
        for number, line in enumerate(data[:whole].splitlines(), 1):
            try:
                found = json.loads(line)
                self._head_of(path, found) if number == 1 else self._record(found)
            except (ValueError, TypeError, KeyError) as error:
                raise InputError(
                    f"{path.name}, line {number}, is no line of an accuracy log", "take another path for the log"
                ) from error
        return whole

    def _head_of(self, path: Path, found: Any) -> None:
        if not isinstance(found, dict) or found.get("log") != KIND:
            raise ValueError
        for key, value in self._head.items():
            if found.get(key) != value:
                raise InputError(
                    f"the log {path.name} is of another run: its {key} is {found.get(key)}, not {value}",
                    "take another path for the log, or remove it to begin anew",
                )

    def _record(self, found: dict[str, Any]) -> None:
        record = Record(int(found["index"]), str(found["answer"]), str(found["port"]), int(found["restarts"]))
        bytes.fromhex(record.answer)
        if not 0 <= record.index < self._head["samples"]:
            raise ValueError
        self.records[record.index] = record

    def _write(self, line: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()

    def add(self, record: Record) -> None:
        """Keeps one more answer; several threads may call it."""
        with self._lock:
            self.records[record.index] = record
            self._write(asdict(record))

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

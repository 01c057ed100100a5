"""The folder that a sweep writes to: the networks on the front, front.json and front.png."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from sparsecomp.compression.sweep_front import SweepResult, plot_front
from sparsecomp.errors import InputError, ToolError
from sparsecomp.frontend.saving import write_atomically
from sparsecomp.report import to_json

_FILE = re.compile(r"trial-(\d+)\.pt")


class Folder:
    """Output of the study named ``study``."""

    def __init__(self, path: str | Path, study: str) -> None:
        self.path, self._study = Path(path), study

    @contextlib.contextmanager
    def made(self) -> Iterator[None]:
        """Makes the folder, and removes it where the body fails before anything is in it.

        Raises InputError where it is another study's, ToolError where it cannot be made.
        """
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"'{self.path.name}' is a file, not a folder", "choose another --out")
        there = self.path.exists()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ToolError(
                f"cannot make the folder '{self.path.name}': {(error.strerror or str(error)).lower()}",
                "choose another --out",
            ) from error
        try:
            self._check()
            yield
        except BaseException:
            if not there:
                with contextlib.suppress(OSError):
                    self.path.rmdir()
            raise

    def _check(self) -> None:
        try:
            known = json.loads((self.path / "front.json").read_bytes()).get("study")
        except (OSError, ValueError, AttributeError):
            return
        if known != self._study:
            raise InputError(f"'{self.path.name}' holds the front of the study '{known}'", "choose another --out")

    def network(self, trial: int) -> Path:
        """Where a trial's network is written."""
        return self.path / f"trial-{trial:04}.pt"

    def file(self, trial: int) -> str | None:
        """The name of a trial's network, None where it is not here."""
        path = self.network(trial)
        return path.name if path.exists() else None

    def write(self, result: SweepResult, failed: Collection[int]) -> bool:
        """Replaces front.json and front.png, and removes networks of trials that are not on the front, or failed.

        False where there is no matplotlib for the picture. Raises ToolError.
        """
        write_atomically(self.path / "front.json", to_json(result.to_json()))
        drawn = plot_front(result, self.path / "front.png")
        gone = {point.trial for point in result.points} - {point.trial for point in result.front} | set(failed)
        for path in self.path.glob("trial-*.pt"):
            found = _FILE.fullmatch(path.name)
            if found and int(found[1]) in gone:
                path.unlink(missing_ok=True)
        return drawn

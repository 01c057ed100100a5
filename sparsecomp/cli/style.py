"""All terminal style: colour only where it carries meaning, data on stdout, progress and errors on stderr."""

import json
import os
import shutil
import sys
import time
from collections.abc import Iterable
from typing import Any, TextIO

import click

# Longest first, so that "DOES NOT FIT" is not taken for something shorter.
_VERDICTS = {"DOES NOT FIT": "red", "FITS": "green", "TIGHT": "yellow", "PASS": "green", "FAIL": "red"}


def _colour(stream: TextIO) -> bool:
    """Whether ``stream`` is a terminal that wants colour (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(line: str) -> str:
    """The line with its verdict, if it begins with one, in the verdict's colour."""
    for verdict, colour in _VERDICTS.items():
        if line.lstrip().startswith(verdict):
            return line.replace(verdict, click.style(verdict, fg=colour, bold=True), 1)
    return line


def show(result: Any, as_json: bool) -> None:
    """Prints a result of the pipeline: its lines for people, or its JSON and nothing else."""
    if as_json:
        show_json(result.to_json())
    else:
        show_lines(result.lines())


def show_lines(lines: Iterable[str]) -> None:
    """Prints lines on stdout, verdicts coloured on a terminal."""
    colour = _colour(sys.stdout)
    for line in lines:
        click.echo(paint(line) if colour else line, color=colour)


def show_json(document: dict[str, Any]) -> None:
    """Prints one JSON document on stdout; it must hold ``report`` and ``version``."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def show_error(message: str, hint: str = "") -> None:
    """Prints ``error: …`` and ``hint: …`` on stderr, one line each."""
    colour = _colour(sys.stderr)
    for label, text, tint in (("error:", message, "red"), ("hint:", hint, "cyan")):
        if text:
            start = click.style(label, fg=tint, bold=True) if colour else label
            click.echo(f"{start} {' '.join(text.split())}", err=True, color=colour)


def table(rows: Iterable[tuple[str, ...]], right: frozenset[int] = frozenset()) -> list[str]:
    """Rows of text as aligned lines, the first row being the head; columns in ``right`` are aligned right."""
    cells = [tuple(row) for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return [
        "  ".join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        .rstrip()
        for row in cells
    ]  # fmt: skip


class Progress:
    """Callable ``(what, done, total)``: a bar on a terminal, otherwise one line for each 10 %. Writes to stderr.

    ``note`` may be set to what is known so far; it stands behind the numbers.
    """

    note = ""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._bar = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._what = ""
        self._start = 0.0
        self._drawn = 0.0
        self._tenth = -1

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if what != self._what:
            self._what, self._start, self._drawn, self._tenth = what, now, 0.0, -1
        share = min(done / total, 1.0) if total > 0 else 1.0
        ended = done >= total
        if self._bar:
            if ended or now - self._drawn > 0.05:
                self._draw(share, done, total, ended, now)
        elif int(share * 10) > self._tenth:
            self._tenth = int(share * 10)
            tail = f"  (took {now - self._start:.1f} s)" if ended else ""
            note = f"  {self.note}" if self.note else ""
            self._stream.write(f"{what}: {share:4.0%}{note}{tail}\n")
            self._stream.flush()
        if ended:
            self._what = self.note = ""

    def _draw(self, share: float, done: int, total: int, ended: bool, now: float) -> None:
        self._drawn = now
        elapsed = now - self._start
        if ended:
            tail = f"{done} (took {elapsed:.1f} s)"
        else:
            left = f", {elapsed / share - elapsed:.0f} s left" if share > 0.02 and elapsed > 1 else ""
            tail = f"{done}/{total}{left}"
        tail += f", {self.note}" if self.note else ""
        room = max(10, min(30, shutil.get_terminal_size().columns - len(self._what) - len(tail) - 12))
        full = int(share * room)
        self._stream.write(f"\r\x1b[K{self._what} [{'#' * full}{'.' * (room - full)}] {share:4.0%} {tail}")
        self._stream.write("\n" if ended else "")
        self._stream.flush()

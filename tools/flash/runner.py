"""What all flash runners have in common: how one is found, and how a tool's command is made and run."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sparsecomp.board_parts import FlashRunner
from sparsecomp.boards import Board
from sparsecomp.errors import InputError, ToolError

TIME_LIMIT = 300.0  # seconds; the slowest interface takes less than one minute for 256 KB


@dataclass(frozen=True)
class Found:
    """A tool that is there. ``path`` and ``version`` are empty where it is built in or does not say."""

    path: str = ""
    version: str = ""
    warnings: tuple[str, ...] = ()


class Runner(Protocol):
    """A way to get firmware onto a board."""

    name: str
    install: str  # what to do where it is missing
    needs_board: bool  # a debug interface has to be plugged in

    def find(self) -> Found | None:
        """The tool, or None where it is not installed."""

    def program(self, elf: Path | str, board: Board, port: str | None = None) -> None:
        """Writes the firmware, reads it back as far as the tool can, and starts it.

        Raises ToolError where the tool or the board fails, InputError where the firmware is unsuitable.
        """


def required(runner: Runner) -> Found:
    """The runner's tool. Raises ToolError with what to install where it is missing."""
    found = runner.find()
    if found is None:
        raise ToolError(f"the flash runner '{runner.name}' is not installed", runner.install)
    return found


def entry_of(board: Board, name: str) -> FlashRunner:
    """The board file's entry of that name. Raises InputError where there is none."""
    for entry in board.flash:
        if entry.name == name:
            return entry
    known = ", ".join(entry.name for entry in board.flash) or "none"
    raise InputError(f"{board.name} has no flash runner '{name}'", f"its board file names these: {known}")


def fill(command: Sequence[str], values: dict[str, str | None]) -> list[str]:
    """The command with ``{name}`` replaced. A word whose value is None goes, and so does the option before it.

    Raises InputError for a name that ``values`` does not have.
    """
    out: list[str] = []
    for word in command:
        names = re.findall(r"\{(\w+)\}", word)
        unknown = [name for name in names if name not in values]
        if unknown:
            known = ", ".join(f"{{{name}}}" for name in values)
            raise InputError(f"the flash command knows no {{{unknown[0]}}}", f"the board file may use {known}")
        if any(values[name] is None for name in names):
            if out and out[-1].startswith("-"):
                out.pop()
            continue
        for name in names:
            word = word.replace(f"{{{name}}}", values[name] or "")
        out.append(word)
    return out


def run_tool(command: Sequence[str], folder: Path, name: str, install: str) -> str:
    """Runs the command in ``folder``; its output and errors together. Raises ToolError where it fails or hangs."""
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=TIME_LIMIT,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise ToolError(f"the flash runner '{name}' is not installed", install) from error
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{name} did not end within {TIME_LIMIT:.0f} s", "unplug the board and try again") from error
    text = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise ToolError(f"{name} failed with {done.returncode}: {complaint(text)}", hint_for(text))
    return text


# What tools say of the commonest troubles, and what helps.
HINTS = (
    (r"libmsp430\.so", "install TI's MSP430 debug stack, and name it in MSPDEBUG_TILIB_PATH"),
    (r"firmware.*(update|out of date)|update.*firmware", "update the debug interface's firmware with TI's UniFlash"),
    (r"permission|access denied", "join the group dialout (sudo usermod -aG dialout $USER), then log in again"),
    (r"busy|in use|lock", "close what else uses the board: a debugger, a terminal, another run"),
    (r"no (such )?device|no unused FET|not found|could not (find|open)", "plug the board in and name its port"),
)


def hint_for(text: str) -> str:
    """What helps against a tool's complaint."""
    for pattern, hint in HINTS:
        if re.search(pattern, text, re.IGNORECASE):
            return hint
    return "run `sparsecomp doctor`, and check cable, jumpers and power of the board"


def complaint(text: str) -> str:
    """The line that says why: the last that speaks of an error, or else the last of all."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"error|fail|can't|cannot|could not|unable", line, re.IGNORECASE)]
    return (telling or lines or ["no message"])[-1]


def version_in(text: str, pattern: str = r"(\d+(?:\.\d+)+)") -> str:
    """The first version number in a text, or nothing."""
    match = re.search(pattern, text)
    return match[1] if match else ""


def output_of(command: Sequence[str]) -> str:
    """What a tool says of itself; nothing where it cannot be asked."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")

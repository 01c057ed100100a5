"""Builds a project with its own Makefile, as a user would, in a copy that is thrown away."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sparsecomp.boards import Board
from sparsecomp.errors import MismatchError, ToolError
from sparsecomp.toolchain import toolchain_environment, toolchain_path


def compiler(board: Board) -> list[str]:
    """The board's C compiler as a command. Raises ToolError with what to install where it is missing."""
    named = shlex.split(os.environ.get("CC", "")) if board.is_host and not board.toolchain.prefix else []
    candidates = [named] if named else [[f"{board.toolchain.prefix}gcc"]]
    for command in candidates:
        found = toolchain_path(command[0])
        if found:
            return command if shutil.which(command[0]) else [found, *command[1:]]
    hint = "`sparsecomp doctor` says how to get it; or stop with --until generate"
    if board.is_host:
        hint = "apt install gcc make"
    if named:
        hint = "it is named by the variable CC: unset it, or set it to a C99 compiler"
    raise ToolError(f"the compiler {candidates[0][0]} is not on the PATH", hint)


@contextmanager
def built(project: Path, board: Board) -> Iterator[Path]:
    """A built copy of ``project`` (host: build/selftest and build/device); the project itself stays as it is.

    Raises ToolError with the first line of the compiler's complaint.
    """
    command = compiler(board)
    if not shutil.which("make"):
        raise ToolError("make is not on the PATH", "apt install make")
    with tempfile.TemporaryDirectory(prefix="sparsecomp-") as folder:
        copy = Path(folder) / "project"
        shutil.copytree(project, copy)
        targets = ["build/selftest", "build/device"] if board.is_host else ["all"]
        run = ["make", "-s", "-j2", "-C", str(copy), f"CC={shlex.join(command)}", *targets]
        done = subprocess.run(run, capture_output=True, text=True, env=toolchain_environment())
        if done.returncode != 0:
            raise ToolError(
                f"the project does not build: {complaint(done.stderr)}",
                "run make in the project directory to see it all",
            )
        yield copy


def selftest(copy: Path) -> None:
    """Runs the built self-test. Raises MismatchError with its line where the answer differs, ToolError where it ends
    in any other way.
    """
    done = subprocess.run([str(copy / "build" / "selftest")], capture_output=True, text=True)
    if done.returncode == MismatchError.exit_code:
        raise MismatchError(done.stdout.strip(), "this is a defect of sparsecomp: please report the model")
    if done.returncode != 0:
        raise ToolError((done.stdout or done.stderr).strip() or f"the self-test ended with {done.returncode}")


def complaint(stderr: str) -> str:
    """The line that says why: the compiler's first error, or what the linker said before the driver gave up."""
    lines = [line for line in stderr.strip().splitlines() if not line.startswith(("collect2", "make"))]
    first = next((line for line in lines if "error" in line.lower() or re.search(r"\bld(\.bfd)?: ", line)), None)
    if first is None:
        return lines[0] if lines else "no message"
    return re.sub(r"^\S*\bld(\.bfd)?: ", "ld: ", first)

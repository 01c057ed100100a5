"""What every verb shares: errors become one line and a hint, and the exit code says which kind it was."""

import errno
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from sparsecomp.cli import style
from sparsecomp.errors import InputError, SparseCompError, ToolError

_OS_HINTS = {
    errno.ENOSPC: "free some space, or write to another disk with -o",
    errno.EDQUOT: "free some space, or write to another disk with -o",
    errno.EFBIG: "raise the file size limit (ulimit -f), or write to another disk with -o",
    errno.EACCES: "take a folder that you may write to",
    errno.EPERM: "take a folder that you may write to",
    errno.EROFS: "take a folder that you may write to",
    errno.ENOENT: "check the path",
    errno.EISDIR: "name a file, not a folder",
    errno.ENOTDIR: "name a folder, not a file",
    errno.EEXIST: "take another path, or remove what stands there",
}


def _as_error(error: BaseException) -> SparseCompError:
    """What to tell the user about any exception."""
    if isinstance(error, SparseCompError):
        return error
    if isinstance(error, click.UsageError):
        context = error.ctx
        hint = f"see `{context.command_path} --help`" if context else "see --help"
        return InputError(error.format_message().rstrip("."), hint)
    if isinstance(error, click.ClickException):
        return InputError(error.format_message().rstrip("."))
    if isinstance(error, OSError) and error.errno in _OS_HINTS:
        name = f"{error.filename}: " if error.filename else ""
        return ToolError(f"{name}{os.strerror(error.errno).lower()}", _OS_HINTS[error.errno])
    if isinstance(error, MemoryError):
        return ToolError("this computer has not enough memory for that", "close other programs, or take less data")
    first = (str(error).splitlines() or [""])[0]
    return ToolError(
        f"unexpected {type(error).__name__}{': ' if first else ''}{first}",
        "this is a defect of sparsecomp: run again with --debug and report what it prints",
    )


class _Ended(BaseException):
    """A signal that asks the process to end."""


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Lets SIGTERM and SIGHUP unwind as Ctrl-C does, so that half-written directories are removed."""

    def end(number: int, frame: Any) -> None:
        raise _Ended(number)

    main = threading.current_thread() is threading.main_thread()  # no other thread may set handlers
    numbers = [getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")] if main else []
    taken = [n for n in numbers if n is not None and signal.getsignal(n) == signal.SIG_DFL]  # nohup ignores one
    for number in taken:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


class _Guard:
    """Mixin of click.Command: runs the command and turns every exception into lines and an exit code."""

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> Any:
        words = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        try:
            with _ending_in_order():
                code = super().main(words, prog_name, **extra)  # type: ignore[misc]
            sys.stdout.flush()
        except (KeyboardInterrupt, click.Abort):
            click.echo("", err=True)
            style.show_error("interrupted")
            code = 130
        except _Ended as ended:
            style.show_error(f"ended by {signal.Signals(ended.args[0]).name}")
            code = 128 + ended.args[0]
        except BrokenPipeError:
            # The reader of stdout has gone (| head). Python would complain once more while it closes down.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 0
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message())
            code = 2
        except Exception as error:
            if "--debug" in words:
                traceback.print_exc()
            shown = _as_error(error)
            style.show_error(shown.message, shown.hint)
            if "--json" in words:
                style.show_json(
                    {"report": "error", "version": 1, "message": shown.message, "hint": shown.hint,
                     "exit_code": shown.exit_code}
                )  # fmt: skip
            code = shown.exit_code
        sys.exit(code if isinstance(code, int) else 0)


class GuardedCommand(_Guard, click.Command):
    """A verb that may also be a program of its own."""


class GuardedGroup(_Guard, click.Group):
    """A group of verbs."""

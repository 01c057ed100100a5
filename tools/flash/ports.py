"""Serial ports: which there are, and opening one with errors that say what to do."""

from __future__ import annotations

import errno
import os
import re
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import serial
from serial.tools import list_ports

from sparsecomp.errors import ToolError

EZ_FET = {(0x2047, 0x0013): "eZ-FET", (0x2047, 0x0014): "eZ-FET"}  # USB VID and PID, recalled


@dataclass(frozen=True)
class PortInfo:
    """A serial port. ``vid`` and ``pid`` are None where it is not on USB; ``interface`` names a known debug interface,
    ``accessible`` is whether this user may read and write it.
    """

    device: str
    description: str
    vid: int | None
    pid: int | None
    interface: str
    accessible: bool


def serial_ports() -> tuple[PortInfo, ...]:
    """The serial ports of this computer, by name."""
    out = []
    for port in sorted(list_ports.comports(), key=lambda found: found.device):
        known = EZ_FET.get((port.vid, port.pid), "") if port.vid is not None else ""
        accessible = os.access(port.device, os.R_OK | os.W_OK)
        out.append(PortInfo(port.device, port.description or "", port.vid, port.pid, known, accessible))
    return tuple(out)


def open_port(name: str, baud: int, parity: str = serial.PARITY_NONE, timeout: float = 1.0) -> serial.Serial:
    """The port, for this process alone. ``timeout`` is in seconds. Raises ToolError saying what is wrong with it."""
    with port_errors(name):
        return serial.Serial(
            name, baud, bytesize=serial.EIGHTBITS, parity=parity, stopbits=serial.STOPBITS_ONE, timeout=timeout,
            write_timeout=10 * timeout, exclusive=True,
        )  # fmt: skip


@contextmanager
def port_errors(name: str) -> Iterator[None]:
    """Turns what pyserial and the operating system raise into ToolError."""
    try:
        yield
    except serial.SerialTimeoutException as error:
        raise ToolError(f"{name} takes no more bytes", "unplug the board, plug it in, and try again") from error
    except (serial.SerialException, OSError, termios.error, ValueError) as error:
        message, hint = _explain(error)
        raise ToolError(f"{name} {message}", hint) from error


def _explain(error: Exception) -> tuple[str, str]:
    number = getattr(error, "errno", None)
    if number is None and isinstance(error, termios.error) and error.args:
        number = error.args[0]
    text = str(error)
    told = re.search(r"\[Errno (\d+)\]", text)  # pyserial wraps some errors of the system in a text of its own
    if number is None and told:
        number = int(told[1])
    if number in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK) or "exclusively lock" in text:
        return "is busy", "close what else uses it: a terminal, a debugger, another run"
    if number == errno.ENOENT:
        return "does not exist", "plug the board in; `sparsecomp doctor` lists the ports"
    if number in (errno.EACCES, errno.EPERM):
        return "may not be opened", "join the group dialout (sudo usermod -aG dialout $USER), then log in again"
    if number == errno.EINVAL:
        return (
            "does not take these settings (EINVAL)",
            "a pseudo-terminal carries no parity: open the virtual board without; a real port needs 8E1",
        )
    if number in (errno.EIO, errno.ENODEV, errno.ENXIO, errno.EBADF) or "returned no data" in text:
        return "is gone", "plug the board in again, then rerun"
    return f"fails: {text.splitlines()[0] if text else type(error).__name__}", "check cable and board, then rerun"

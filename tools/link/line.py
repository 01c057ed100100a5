"""An open serial port as a sequence of text lines and frames."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from sparsecomp_tools.flash.ports import open_port, port_errors
from sparsecomp_tools.link.frames import decode, encode


def open_line(port: str, baud: int = 115_200) -> Line:
    """Opens a serial port, 8N1, for this process alone. Raises ToolError where it is busy, missing or not allowed."""
    return Line(open_port(port, baud), port)


class Line:
    """Reads and writes one port. What arrives is kept apart: lines of text, and frames that are whole.

    Every method raises ToolError where the port goes away.
    """

    def __init__(self, port: Any, name: str) -> None:
        self._port = port
        self.name = name
        self._bytes = bytearray()
        self._found: deque[str | bytes] = deque()
        self.damaged = 0  # segments that looked like frames and were none

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the port; again is nothing."""
        try:
            self._port.close()
        except OSError:  # it has gone already
            pass

    def send_text(self, text: str) -> None:
        """Sends a command as it is."""
        self._write(text.encode())

    def send_frame(self, content: bytes) -> None:
        """Sends content of a frame."""
        self._write(encode(content))

    def _write(self, data: bytes) -> None:
        with port_errors(self.name):
            self._port.write(data)

    def receive(self, seconds: float) -> str | bytes | None:
        """The next line of text or frame's content; None where nothing came within ``seconds``."""
        end = time.monotonic() + seconds
        while not self._found:
            left = end - time.monotonic()
            if left <= 0:
                return None
            self._wait(left)
        return self._found.popleft()

    def _wait(self, seconds: float) -> None:
        with port_errors(self.name):
            self._port.timeout = seconds
            data = self._port.read(1)
            data += self._port.read(self._port.in_waiting)
        for byte in data:
            self._take(byte)

    def _take(self, byte: int) -> None:
        if byte == 0:
            self._segment()
            return
        self._bytes.append(byte)
        if byte == 0x0A and self._is_text():
            text = self._bytes.decode().strip()
            self._bytes.clear()
            if text:
                self._found.append(text)

    def _is_text(self) -> bool:
        return all(0x20 <= b < 0x7F or b in b"\r\n" for b in self._bytes)

    def _segment(self) -> None:
        content = decode(bytes(self._bytes)) if self._bytes else None
        if content is not None:
            self._found.append(content)
        elif self._bytes:
            self.damaged += 1
        self._bytes.clear()

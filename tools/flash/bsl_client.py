"""A client of the boot loader in the device's ROM, over a serial port (SLAU319U section 3, SLAU550AB)."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

from sparsecomp.errors import ToolError
from sparsecomp_tools.flash import bsl_frames as bsl
from sparsecomp_tools.flash.ports import open_port, port_errors

FIRST_BAUD = 9600
BAUDS = {9600: 2, 19200: 3, 38400: 4, 57600: 5, 115200: 6}
BLANK_PASSWORD = b"\xff" * 32
LONGEST_FRAME = 265
NO_ANSWER_HINT = (
    "bring the device into its boot loader (entry sequence on TEST and RST, or a jump to 0x1000), with its pins P2.0 "
    "and P2.1 on this port; the LaunchPad's own USB port cannot give the sequence"
)


class BootLoader:
    """``with BootLoader(port) as device: device.unlock(password); device.write(0x4000, data)``.

    ``parity`` is 'E' as real devices want it, or 'N' for the virtual board, whose pseudo-terminal carries none.
    ``timeout`` is how long an answer may take, in seconds. A damaged frame is sent again, ``retries`` times.
    Every method raises ToolError.
    """

    def __init__(self, port: str, *, parity: str = "E", timeout: float = 2.0, retries: int = 5) -> None:
        self.port = port
        self._serial: Any = open_port(port, FIRST_BAUD, parity, timeout)
        self._retries = retries
        self._answered = False

    def __enter__(self) -> BootLoader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._serial.close()

    def unlock(self, password: bytes) -> None:
        """Gives the password, the 32 bytes at 0xFFE0 in the device. A wrong one makes the device erase its memory."""
        core = self._command(bytes([0x11]) + password)
        if core == bytes([bsl.MESSAGE, 0x05]):
            raise ToolError(
                "the boot loader's password is wrong, and the device has erased its main memory",
                "nothing is left to lose there: program it again and allow the mass erase",
            )
        _accepted(core)

    def mass_erase(self) -> None:
        """Erases the main memory; the password is all ones then, and the boot loader still wants it."""
        _accepted(self._command(b"\x15"))

    def write(self, address: int, data: bytes) -> None:
        """Writes ``data``, at most what the buffer takes, and waits until it is done."""
        _accepted(self._command(b"\x10" + bsl.address_bytes(address) + data))

    def read(self, address: int, count: int) -> bytes:
        """``count`` bytes from ``address``, at most what the buffer takes."""
        return self._data(b"\x18" + bsl.address_bytes(address) + count.to_bytes(2, "little"), count)

    def crc(self, address: int, count: int) -> int:
        """The CRC-CCITT that the device computes of ``count`` bytes, at most 65,535."""
        command = b"\x16" + bsl.address_bytes(address) + count.to_bytes(2, "little")
        return int.from_bytes(self._data(command, 2), "little")

    def version(self) -> bytes:
        """Vendor, command interpreter, API and peripheral interface versions, a byte each."""
        return self._data(b"\x19", 4)

    def buffer_size(self) -> int:
        """Bytes of the longest core command."""
        return int.from_bytes(self._data(b"\x1a", 2), "little")

    def set_baud(self, baud: int) -> None:
        """Changes the rate on both ends."""
        if baud not in BAUDS:
            raise ToolError(f"the boot loader has no {baud} baud", f"one of {', '.join(map(str, BAUDS))}")
        self._command(bytes([0x52, BAUDS[baud]]), answers=False)
        with port_errors(self.port):
            self._serial.baudrate = baud

    def start(self, address: int) -> None:
        """Leaves the boot loader for the program at ``address``. Not repeated: the program would get the frame."""
        self._command(b"\x17" + bsl.address_bytes(address), answers=False, retries=0)

    def _data(self, command: bytes, count: int) -> bytes:
        core = self._command(command)
        if core[:1] != bytes([bsl.DATA]):
            _accepted(core)
        if len(core) != count + 1:
            raise ToolError(f"the boot loader sent {len(core) - 1} bytes instead of {count}", "try again")
        return core[1:]

    def _command(self, core: bytes, answers: bool = True, retries: int | None = None) -> bytes:
        """Sends a command until it is acknowledged; the response's core. All but 'set PC' may be repeated safely."""
        reason = ""
        for _ in range((self._retries if retries is None else retries) + 1):
            try:
                with port_errors(self.port):
                    return self._exchange(core, answers)
            except bsl.DamagedFrame as damage:
                reason = str(damage)
                if not self._answered and reason == SILENCE:
                    break  # nobody is there
                with port_errors(self.port):
                    self._resynchronize(flush=reason == SILENCE and retries is None)
        hint = NO_ANSWER_HINT if reason == SILENCE else "check the cable, or take a lower baud rate"
        raise ToolError(f"the boot loader at {self.port} does not do as it is told: {reason}", hint)

    def _exchange(self, core: bytes, answers: bool) -> bytes:
        self._serial.write(bsl.frame(core))
        self._serial.flush()
        reply = self._serial.read(1)
        if not reply:
            raise bsl.DamagedFrame(SILENCE)
        if reply[0] != bsl.ACK:
            raise bsl.DamagedFrame(bsl.REFUSALS.get(reply[0], f"it answered {reply[0]:02x}"))
        self._answered = True
        if not answers:
            return b""
        header = self._serial.read(3)
        size = int.from_bytes(header[1:], "little") if len(header) == 3 else 0
        return bsl.core_of(header, self._serial.read(min(size, LONGEST_FRAME) + 2))

    def _resynchronize(self, flush: bool) -> None:
        """Throws away what still arrives. A device that waits for the rest of a frame gets bytes that end it."""
        if flush:
            self._serial.write(bytes(LONGEST_FRAME))
            self._serial.flush()
        patience, self._serial.timeout = self._serial.timeout, QUIET
        give_up = time.monotonic() + patience
        while self._serial.read(LONGEST_FRAME) and time.monotonic() < give_up:
            continue
        self._serial.timeout = patience


SILENCE = "no answer"
QUIET = 0.1  # seconds without a byte: the line is quiet


def _accepted(core: bytes) -> None:
    if core[:1] != bytes([bsl.MESSAGE]) or len(core) != 2:
        raise ToolError(f"the boot loader's answer is not understood: {core.hex(' ')}", "try again")
    if core[1] != 0:
        raise ToolError(
            f"the boot loader refuses: {bsl.MESSAGES.get(core[1], f'message {core[1]:02x}')}",
            "check the board's name, and that the firmware was built for it",
        )

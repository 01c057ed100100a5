"""Frames of the UART boot loader (SLAU319U section 3, SLAU550AB): 80 NL NH core CKL CKH, the CRC over the core."""

from __future__ import annotations

HEADER = 0x80
DATA, MESSAGE = 0x3A, 0x3B
ACK = 0x00
REFUSALS = {
    0x51: "a frame did not begin with 80",
    0x52: "a frame's checksum was wrong",
    0x53: "a frame was empty",
    0x54: "a frame was longer than its buffer",
    0x55: "an unknown error",
    0x56: "an unknown baud rate",
}
MESSAGES = {
    0x01: "the memory did not take what was written",
    0x02: "the memory failed",
    0x03: "the voltage changed while it was writing",
    0x04: "it is locked: it wants the password first",
    0x05: "the password is wrong",
    0x06: "it writes no single bytes there",
    0x07: "it does not know the command",
    0x08: "the packet is longer than its buffer",
}


class DamagedFrame(Exception):
    """What arrived is no frame: bytes were lost or changed on the way, or nothing came at all."""


def crc_ccitt(data: bytes) -> int:
    """CRC-CCITT: polynomial 0x1021, initial value 0xFFFF, most significant bit first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
    return crc


def frame(core: bytes) -> bytes:
    """The core command or response in its frame."""
    return bytes([HEADER]) + len(core).to_bytes(2, "little") + core + crc_ccitt(core).to_bytes(2, "little")


def core_of(header: bytes, rest: bytes) -> bytes:
    """The core of a frame received as three bytes and the rest. Raises DamagedFrame."""
    if len(header) != 3 or header[0] != HEADER:
        raise DamagedFrame("the answer is no frame")
    size = int.from_bytes(header[1:], "little")
    core, checksum = rest[:size], rest[size:]
    if len(rest) != size + 2 or crc_ccitt(core) != int.from_bytes(checksum, "little"):
        raise DamagedFrame("the answer's checksum is wrong")
    return core


def address_bytes(address: int) -> bytes:
    """24 bits, low byte first."""
    return address.to_bytes(3, "little")

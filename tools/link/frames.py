"""Frames as firmware/serial/frame.h has them: a zero byte, content and CRC-16 byte-stuffed (COBS), a zero byte."""

from __future__ import annotations

import binascii


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF."""
    return binascii.crc_hqx(data, 0xFFFF)


def stuff(data: bytes) -> bytes:
    """Consistent-overhead byte stuffing (Cheshire and Baker 1999): the same content without a zero byte."""
    out = bytearray()
    for block in data.split(b"\0"):
        while len(block) >= 254:
            out += b"\xff" + block[:254]
            block = block[254:]
        out += bytes([len(block) + 1]) + block
    return bytes(out)


def unstuff(data: bytes) -> bytes | None:
    """The content of stuffed bytes; None where they are none."""
    out = bytearray()
    at = 0
    while at < len(data):
        code = data[at]
        if code == 0 or at + code > len(data):
            return None
        out += data[at + 1 : at + code]
        at += code
        if code != 0xFF and at < len(data):
            out.append(0)
    return bytes(out)


def encode(content: bytes) -> bytes:
    """A frame on the line. The leading zero ends whatever a failure has left unfinished."""
    return b"\0" + stuff(content + crc16(content).to_bytes(2, "little")) + b"\0"


def decode(segment: bytes) -> bytes | None:
    """The content of what stood between two zero bytes; None where it is no frame, or a damaged one."""
    data = unstuff(segment)
    if data is None or len(data) < 3 or crc16(data[:-2]) != int.from_bytes(data[-2:], "little"):
        return None
    return data[:-2]

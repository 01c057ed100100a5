"""TI-TXT: ``@ADDRESS`` lines, lines of at most 16 bytes in hexadecimal, and a final ``q`` (SLAU101, appendix)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sparsecomp.errors import InputError
from sparsecomp_tools.flash.segments import Segment

BYTES_A_LINE = 16
HINT = "a TI-TXT file has lines of @ADDRESS, lines of up to 16 bytes in hexadecimal, and a q at its end"


def to_titext(segments: Iterable[Segment]) -> str:
    """The segments as text."""
    lines = []
    for segment in segments:
        lines.append(f"@{segment.address:04X}")
        for start in range(0, len(segment.data), BYTES_A_LINE):
            lines.append(segment.data[start : start + BYTES_A_LINE].hex(" ").upper())
    return "\n".join([*lines, "q", ""])


def from_titext(text: str) -> tuple[Segment, ...]:
    """The segments in a text, in its order. Raises InputError naming the line that is not TI-TXT."""
    out: list[Segment] = []
    ended = False
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if ended:
            raise InputError(f"line {number} of the TI-TXT stands behind its end", HINT)
        if words in (["q"], ["Q"]):
            ended = True
        elif re.fullmatch(r"@[0-9A-Fa-f]{1,8}", words[0]) and len(words) == 1:
            out.append(Segment(int(words[0][1:], 16), b""))
        elif out and len(words) <= BYTES_A_LINE and all(re.fullmatch(r"[0-9A-Fa-f]{2}", word) for word in words):
            out[-1] = Segment(out[-1].address, out[-1].data + bytes.fromhex("".join(words)))
        else:
            raise InputError(f"line {number} is no TI-TXT", HINT)
    if not ended:
        raise InputError("the TI-TXT has no end", HINT)
    return tuple(out)

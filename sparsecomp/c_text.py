"""Text that may stand in a C file: comments that cannot end early, and array initializers in wrapped lines."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

LINE = 110


def comment(text: str) -> str:
    """Text that cannot end a C comment."""
    return re.sub(r"[^ -~]", "?", text).replace("*/", "* /").replace("/*", "/ *")


def number_rows(values: np.ndarray) -> str:
    """C initializer text of an array, wrapped; two dimensions give nested braces. Linear in the number of values."""
    if values.ndim == 2:
        return ",\n".join("    {" + ", ".join(f"{int(v)}U" for v in row) + "}" for row in values)
    if values.dtype.kind == "f":
        return wrap(f"{float(v)!r}F" for v in values)
    unsigned = values.dtype.kind == "u"
    return wrap((f"{int(v)}U" if unsigned else "INT16_MIN" if v == -32768 else str(int(v))) for v in values)


def wrap(words: Iterable[str]) -> str:
    """Words with commas in indented lines."""
    lines, line = [], "   "
    for word in words:
        if len(line) + len(word) + 2 > LINE:
            lines.append(line)
            line = "   "
        line += f" {word},"
    return "\n".join([*lines, line])

"""Names for operators, and the user's source line behind each."""

from __future__ import annotations

import re

from sparsecomp.frontend.container import clean

_FRAME = re.compile(r'File "([^"\n]{1,1000})", line (\d{1,7}), in ')
# Frames inside torch itself, as installed or built from source.
_TORCH = re.compile(r"[\\/]torch[\\/](?:_\w+|nn|export|fx|utils|autograd|functional|overrides|jit|ao|library)\b")
# A network rebuilt from its graph: its lines are not the user's, its module paths are.
_REBUILT = re.compile(r"[\\/]sparsecomp[\\/]frontend[\\/]trainable\.py$")
_COUNTED = {"linear": "fc"}  # published headers are fc1.h, not linear1.h
_TAKEN = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline int long"
    " register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while"
    " asm class delete new this template and or not xor bool true false main model headers input output".split()
)


def source_line(stack: str) -> str:
    """``net.py:12``: the innermost frame outside torch, without folder; empty where there is none."""
    for file, line in reversed(_FRAME.findall(stack)):
        if not _TORCH.search(file):
            name = re.sub(r"[^\w.\-]", "_", re.split(r"[\\/]", file)[-1], flags=re.ASCII)
            return f"{clean(name)}:{line}"
    return ""


def user_frames(stack: str) -> str:
    """The frames outside torch with folders and source text removed, in the form that ``source_line`` reads."""
    found = [(file, line) for file, line in _FRAME.findall(stack) if not (_TORCH.search(file) or _REBUILT.search(file))]
    frames = [(re.split(r"[\\/]", file)[-1], line) for file, line in found]
    return "\n".join(f'File "{file}", line {line}, in forward' for file, line in frames)


def module_path(modules: str) -> tuple[str, str]:
    """Path and class name of the innermost module ("features.0", "Conv2d"); ("", "") where unknown."""
    parts = modules.split(";")[-1].split(",")
    if len(parts) != 3:
        return "", ""
    path = re.sub(r"[^\w.]", "_", parts[1], flags=re.ASCII)[:200]
    return path, re.sub(r"[^\w.]", "_", parts[2], flags=re.ASCII).split(".")[-1][:60]


def place(stack: str, modules: str) -> str:
    """Where an operator comes from: the source line, otherwise module path and class."""
    path, kind = module_path(modules)
    return source_line(stack) or clean(f"{path} ({kind})" if path and kind else path or kind)


class Namer:
    """Gives every operator a name that is a C identifier, unique in any case (names become file names)."""

    def __init__(self) -> None:
        self._used: set[str] = set(_TAKEN)
        self._counts: dict[str, int] = {}

    def name(self, op: str, modules: str) -> str:
        """From the path of the torch.nn layer where there is one, else the operator with a counter."""
        path, _ = module_path(modules)
        base = re.sub(r"\W", "_", path, flags=re.ASCII).strip("_")[:48]
        parts = modules.split(";")[-1].split(",")
        layer = len(parts) == 3 and parts[2].startswith("torch.nn.modules.")
        if not base or base[0].isdigit():
            return self._counted(_COUNTED.get(op, op))
        if not layer:
            return self._counted(f"{base}_{_COUNTED.get(op, op)}")
        if base.lower() in self._used:
            return self._counted(f"{base}_{_COUNTED.get(op, op)}" if base in _TAKEN else f"{base}_")
        self._used.add(base.lower())
        return base

    def _counted(self, base: str) -> str:
        while True:
            self._counts[base] = self._counts.get(base, 0) + 1
            name = f"{base}{self._counts[base]}"
            if name.lower() not in self._used:
                self._used.add(name.lower())
                return name

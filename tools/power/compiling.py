"""A generated directory compiled for the host, with the harness that makes its power fail and as a process of its own.

Objects are kept for the life of this process under a hash of everything that goes into them, so that the kernels and
the harness are compiled once however many models follow.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from threading import Lock

from sparsecomp.errors import InputError, ToolError

FLAGS = ("-std=c99", "-O2", "-DNVM_HOOK", "-Werror=return-type")
# The harness has a hook and a supply of its own; each program has its own main.
HOST_ONLY = {"hook.c", "host_main.c", "supply.c"}
MAINS = {"main.c"}

_LOCK = Lock()


@dataclass(frozen=True)
class Programs:
    """``harness`` explores and simulates inside one process; ``host`` is the device as a process that can be killed."""

    harness: Path
    host: Path


def compiler() -> list[str]:
    """The host's C compiler: ``$CC``, cc or gcc. Raises ToolError where there is none."""
    named = shlex.split(os.environ.get("CC", ""))
    for command in [named] if named else [["cc"], ["gcc"]]:
        if shutil.which(command[0]):
            return command
    raise ToolError(
        f"no C compiler: {named[0] if named else 'cc and gcc'} not found",
        "apt install gcc, or set CC to a C99 compiler",
    )


@cache
def _made() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="sparsecomp-power-")


def _store() -> Path:
    with _LOCK:  # or two threads would make one each, and the first would vanish
        return Path(_made().name)


def _includes(source: Path, folders: tuple[Path, ...], seen: dict[Path, bytes]) -> dict[Path, bytes]:
    """The file and every file of ours that it includes, with their contents."""
    if source not in seen:
        seen[source] = source.read_bytes()
        for name in re.findall(rb'^\s*#\s*include\s+"([^"]+)"', seen[source], re.MULTILINE):
            for folder in (source.parent, *folders):
                if (folder / name.decode()).is_file():
                    _includes(folder / name.decode(), folders, seen)
                    break
    return seen


def _run(command: list[str], what: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise ToolError(f"cannot run {command[0]}: {error.strerror}", "set CC to a C99 compiler") from error
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
        raise ToolError(f"{what} failed: {errors[0].strip() if errors else 'no message'}", " ".join(command))


def object_file(command: list[str], source: Path, folders: tuple[Path, ...]) -> Path:
    """The compiled source, from the store where it was compiled before. Raises ToolError where it does not compile."""
    parts = [" ".join(command).encode(), *_includes(source, folders, {}).values()]
    digest = hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()
    target = _store() / f"{source.stem}-{digest[:32]}.o"
    if not target.exists():
        aside = target.with_suffix(f".{os.getpid()}-{id(parts)}")
        includes = [f"-I{folder}" for folder in folders]
        _run([*command, *includes, "-c", str(source), "-o", str(aside)], f"compiling {source.name}")
        aside.replace(target)
    return target


def object_files(command: list[str], sources: list[Path], folders: tuple[Path, ...]) -> list[Path]:
    """The same for several sources at once."""
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        return list(pool.map(lambda source: object_file(command, source, folders), sources))


def link(command: list[str], objects: list[Path]) -> Path:
    """The program of these objects, from the store where it is. Raises ToolError where it does not link."""
    digest = hashlib.sha256(b"\0".join(str(path).encode() for path in objects)).hexdigest()
    target = _store() / f"program-{digest[:32]}"
    if not target.exists():
        aside = target.with_suffix(f".{os.getpid()}")
        _run([*command, *map(str, objects), "-o", str(aside), "-lm"], "linking")
        aside.replace(target)
    return target


def _sources(root: Path) -> tuple[list[Path], list[Path]]:
    """A generated directory's C files without its mains: those for all programs, those for all with FRAM files."""
    for part in ("runtime/runtime.c", "port/fram.c", "port/host_main.c", "include/runtime.h"):
        if not (root / part).is_file():
            raise InputError(f"{root.name} is no generated directory for the host: {part} is missing", "deploy to host")
    found = [p for part in (".", "runtime", "kernels", "port") for p in sorted((root / part).glob("*.c"))]
    found = [p for p in found if p.name not in MAINS]
    return [p for p in found if p.name not in HOST_ONLY], [p for p in found if p.name in HOST_ONLY]


def _objects(root: Path, sources: list[Path], flags: tuple[str, ...], *extra: Path) -> list[Path]:
    command = [*compiler(), *FLAGS, *flags]
    return object_files(command, sources, (root, root / "headers", root / "include", root / "port", *extra))


def compile_directory(directory: Path | str, *, flags: tuple[str, ...] = ()) -> Programs:
    """Both programs of a generated directory; ``flags`` are added to the compiler's (``-DMODEL_FLOAT``).

    Raises InputError where it is no generated directory for the host, ToolError where there is no compiler or it
    refuses.
    """
    root = Path(directory)
    both, host_only = _sources(root)
    harness = Path(str(files("sparsecomp_tools"))) / "power" / "harness"
    shared = _objects(root, both, flags)
    testing = _objects(root, sorted(harness.glob("*.c")), flags, harness)
    alone = _objects(root, host_only, flags)
    command = [*compiler(), *FLAGS, *flags]
    return Programs(harness=link(command, shared + testing), host=link(command, shared + alone))


def compile_probe(directory: Path | str, probe: Path, *, flags: tuple[str, ...] = ()) -> Path:
    """A program with a main of its own around a generated directory's runtime and port. Raises as compile_directory."""
    root = Path(directory)
    both, host_only = _sources(root)
    sources = [*both, *(p for p in host_only if p.name != "host_main.c"), probe]
    return link([*compiler(), *FLAGS, *flags], _objects(root, sources, flags))


def same_object(one: Path, other: Path, root: Path) -> bool:
    """Whether the compiler makes the same of two C files of one name, with the headers of ``root``."""
    try:
        objects = [_objects(root, [source], ())[0] for source in (one, other)]
    except ToolError:
        return False
    return objects[0].read_bytes() == objects[1].read_bytes()

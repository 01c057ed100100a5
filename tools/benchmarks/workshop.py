"""Compiles programs for a board file by file, keeping what does not change from one program to the next."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from elftools.elf.elffile import ELFFile

from sparsecomp.boards import Board
from sparsecomp.build import compiler, complaint
from sparsecomp.errors import ToolError
from sparsecomp.toolchain import toolchain_environment

HINT = "see the compiler's message; the README says which compiler is needed"
HEADERS = ("include", "headers", "port")  # of a generated project


def program_file(name: str) -> str:
    """The text of a file in benchmarks/programs."""
    return files("sparsecomp_tools").joinpath("benchmarks", "programs", *name.split("/")).read_text()


def edited(text: str, edits: Iterable[tuple[str, str]]) -> str:
    """``text`` with each first part, which it has once, replaced by the second. Raises ToolError where it has not."""
    for old, new in edits:
        if text.count(old) != 1:
            raise ToolError(f"a source that is edited has {old.strip()!r} {text.count(old)} times", "adapt the edit")
        text = text.replace(old, new)
    return text


@dataclass
class Workshop:
    """Object files by what they are made from, in ``folder``."""

    board: Board
    folder: Path
    made: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.compiler = compiler(self.board)

    def compile(self, name: str, text: str, folders: Sequence[Path], options: Sequence[str] = ()) -> Path:
        """The object file of a C or assembly source that finds its headers in ``folders``."""
        headers = [h.read_bytes() for f in folders for end in (".h", "_macros.S") for h in sorted(f.glob(f"*{end}"))]
        parts = [name.encode(), text.encode(), repr(options).encode(), *headers]
        key = hashlib.sha256(b"\0".join(parts)).hexdigest()[:20]
        if key not in self.made:
            source, out = self.folder / f"{key}{Path(name).suffix}", self.folder / f"{key}.o"
            source.write_text(text)
            includes = [f"-I{folder}" for folder in folders]
            self._run([*self.board.toolchain.cflags, *options, *includes, "-c", str(source), "-o", str(out)])
            self.made[key] = out
        return self.made[key]

    def link(self, objects: Sequence[Path], script: Path, elf: Path) -> Path:
        """The ELF file of a program with a start-up of its own."""
        flags = [*self.board.toolchain.cflags, "-nostartfiles", "-T", str(script), *self.board.toolchain.ldflags]
        self._run([*flags, "-o", str(elf), *map(str, objects)])
        return elf

    def _run(self, words: Sequence[str]) -> None:
        done = subprocess.run(
            [*self.compiler, *words], capture_output=True, text=True, env=toolchain_environment(), cwd=self.folder
        )
        if done.returncode != 0:
            raise ToolError(f"a program of the benchmark does not build: {complaint(done.stderr)}", HINT)


@dataclass(frozen=True)
class Linked:
    """What an ELF file holds: symbols and sections as (address, bytes) by their names, and the contents of .text."""

    symbols: dict[str, tuple[int, int]]
    sections: dict[str, tuple[int, int]]
    text: bytes

    @classmethod
    def read(cls, elf: Path) -> Linked:
        """Of objects and functions, local ones among them, and of what is in the device's memory."""
        with open(elf, "rb") as file:
            image = ELFFile(file)
            found = image.get_section_by_name(".symtab").iter_symbols()
            symbols = {s.name: (s["st_value"], s["st_size"]) for s in found if s.name}
            sections = {s.name: (s["sh_addr"], s["sh_size"]) for s in image.iter_sections() if s["sh_flags"] & 2}
            text = image.get_section_by_name(".text").data()
        return cls(symbols, sections, text)

    def address(self, name: str) -> int:
        """Where an object lies."""
        return self.symbols[name][0]

    def code(self, name: str) -> tuple[int, bytes]:
        """Address and machine code of a function."""
        start, size = self.symbols[name]
        at = start - self.sections[".text"][0]
        return start, self.text[at : at + size]

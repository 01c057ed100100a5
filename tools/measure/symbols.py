"""Where a linked firmware has the variables that tools look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from sparsecomp.errors import InputError


@dataclass(frozen=True)
class Symbols:
    """Addresses of the progress cursor and of the stack's limit and top."""

    cursor: int
    stack_limit: int
    stack: int

    @classmethod
    def of(cls, elf: Path | str) -> Symbols:
        """Those of an ELF file. Raises InputError where it is none of ours."""
        try:
            with open(elf, "rb") as file:
                table = ELFFile(file).get_section_by_name(".symtab")
                found = {s.name: int(s["st_value"]) for s in table.iter_symbols()} if table is not None else {}
        except (OSError, ELFError) as error:
            raise InputError(f"cannot read {Path(elf).name}: {error}", "build the project again") from error
        names = ("model_progress", "__stack_limit", "__stack")
        missing = [name for name in names if name not in found]
        if missing:
            raise InputError(
                f"{Path(elf).name} has no symbol {missing[0]}", "it is no firmware of ours, or it was stripped"
            )
        return cls(*(found[name] for name in names))

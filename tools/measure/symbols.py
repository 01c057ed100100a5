"""Where a linked firmware has the variables that tools look at."""

from __future__ import annotations

from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from sparsecomp.errors import InputError

PROGRESS = "model_progress"  # its first word is the cursor (firmware/include/runtime.h)


def cursor_address(elf: Path | str) -> int:
    """The address of the progress cursor in an ELF file. Raises InputError where it is none of ours."""
    try:
        with open(elf, "rb") as file:
            table = ELFFile(file).get_section_by_name(".symtab")
            found = table.get_symbol_by_name(PROGRESS) if table is not None else None
    except (OSError, ELFError) as error:
        raise InputError(f"cannot read {Path(elf).name}: {error}", "build the project again") from error
    if not found:
        raise InputError(f"{Path(elf).name} has no symbol {PROGRESS}", "it is no firmware of ours, or it was stripped")
    return int(found[0]["st_value"])

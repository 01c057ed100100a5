"""``python -m sparsecomp_tools.benchmarks.code_sizes``: the bytes of code that each kernel takes on the MSP430.

Compiles firmware/kernels with the flags of the board file and writes sparsecomp/plan/code_bytes.json, from which a plan
knows how much memory the code of a model will need before it is linked.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from importlib.resources import files
from pathlib import Path

from elftools.elf.elffile import ELFFile

from sparsecomp.boards import load_board
from sparsecomp.plan.code import FILE
from sparsecomp.toolchain import toolchain_path

BOARD = "msp430fr5994"


def code_sizes() -> dict[str, int]:
    """Bytes of every section of the kernels: a function each, and what walks have in common (COMMON)."""
    firmware = Path(str(files("sparsecomp_firmware")))
    toolchain = load_board(BOARD).toolchain
    gcc = toolchain_path(f"{toolchain.prefix}gcc") or f"{toolchain.prefix}gcc"
    includes = [f"-I{firmware / part}" for part in ("include", "ports/msp430")] + ["-DMODEL_EXITS=1"]
    found: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="sparsecomp-") as folder:
        kernels = firmware / "kernels"
        for source in sorted([*kernels.glob("*.c"), *kernels.glob("msp430/*.S")]):
            target = Path(folder) / "object.o"
            command = [gcc, *toolchain.cflags, *includes, "-c", source, "-o", target]
            subprocess.run(command, check=True)
            with open(target, "rb") as file:
                for section in ELFFile(file).iter_sections():
                    if section.name.startswith(".text."):
                        name = section.name.removeprefix(".text.")
                        found[name] = found.get(name, 0) + section["sh_size"]
    return dict(sorted(found.items()))


def main() -> None:
    """Write the file."""
    FILE.write_text(json.dumps(code_sizes(), indent=1) + "\n")


if __name__ == "__main__":
    main()

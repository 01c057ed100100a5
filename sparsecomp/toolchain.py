"""Where the MSP430 compiler is: on the PATH, or where tools/toolchain/build_msp430_gcc.sh installs it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def toolchain_folder() -> Path:
    """The user's own toolchain, ${XDG_DATA_HOME:-~/.local/share}/sparsecomp/msp430-elf, whether or not it is there."""
    data = os.environ.get("XDG_DATA_HOME", "")
    base = Path(data) if os.path.isabs(data) else Path.home() / ".local" / "share"  # as the XDG specification has it
    return base / "sparsecomp" / "msp430-elf"


def toolchain_path(program: str) -> str | None:
    """The path of a program such as 'msp430-elf-gcc': from PATH first, then from the user's folder; None where it is
    in neither.
    """
    return shutil.which(program) or shutil.which(program, path=str(toolchain_folder() / "bin"))


def toolchain_environment() -> dict[str, str]:
    """The environment for a build: the user's folder stands at the end of PATH."""
    parts = [os.environ.get("PATH", os.defpath), str(toolchain_folder() / "bin")]
    return {**os.environ, "PATH": os.pathsep.join(parts)}

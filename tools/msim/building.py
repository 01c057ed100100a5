"""ELF files for the simulator: a project's own sources with the port ``firmware/ports/msim`` in place of its own."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from sparsecomp.boards import load_board
from sparsecomp.errors import InputError, ToolError
from sparsecomp.toolchain import toolchain_path

BOARD = "msp430fr5994"  # the board file that names the toolchain
MODELS = {"small": "-msmall", "large": "-mlarge"}  # pointers of 16 and of 20 bits
FLAGS = (
    "-mcpu=msp430xv2",
    "-mhwmult=f5series",
    "-O2",
    "-std=c99",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wshadow",
    "-Wstrict-prototypes",
    "-Werror",
    "-msim",
    "-DPORTABLE_KERNELS",  # the simulator's multiplier takes no bytes
)
FLOAT_FLAGS = ("-fno-strict-aliasing",)  # as the generated Makefile of a float model has it
HINTS = {
    "small": "the simulator has 60,160 bytes in the small model, take the large one",
    "large": "the simulator has 6,912 bytes for the input and all that is not feature maps, weights or code",
}
PROJECT_FOLDERS = (".", "headers", "include")


def tool(name: str) -> str:
    """The path of a tool of the MSP430 toolchain, such as 'gcc' or 'run'. Raises ToolError where it is missing."""
    full = f"{load_board(BOARD).toolchain.prefix}{name}"
    found = toolchain_path(full)
    if found is None:
        raise ToolError(f"{full} is not on the PATH", "`sparsecomp doctor` says how to get it")
    return found


def compile_elf(
    sources: Sequence[Path], includes: Sequence[Path], target: Path, *, model: str, flags: Sequence[str] = ()
) -> Path:
    """Compiles and links C files into ``target`` for the memory model 'small' or 'large'; returns ``target``.

    Raises InputError for another model, ToolError with the compiler's first complaint.
    """
    if model not in MODELS:
        raise InputError(f"unknown memory model '{model}'", f"one of {', '.join(MODELS)}")
    command = [tool("gcc"), *FLAGS, MODELS[model], *flags, *(f"-I{folder}" for folder in includes), *map(str, sources)]
    done = subprocess.run([*command, "-o", str(target), "-lm"], capture_output=True, text=True)
    if done.returncode != 0:
        raise _refusal(done.stderr, model)
    return target


def _refusal(stderr: str, model: str) -> ToolError:
    """The compiler's or linker's first complaint, without the folders of paths."""
    lines = [re.sub(r"\S*/", "", line.strip()) for line in stderr.splitlines() if line.strip()]
    large = [line for line in lines if "overflowed" in line or "maximum object size" in line]
    errors = [line for line in lines if "error:" in line] or lines
    first = (large or errors or ["no message"])[0]
    hint = HINTS[model] if large else "this is a defect of sparsecomp: please report the model"
    return ToolError(f"msp430-elf-gcc, {model} model: {first}", hint)


def compile_project(directory: Path | str, target: Path, *, model: str, flags: Sequence[str] = ()) -> Path:
    """The ELF of a generated directory, whichever board it was made for.

    Raises InputError where it is no generated directory, and what ``compile_elf`` raises.
    """
    root = Path(directory)
    if not (root / "model.c").is_file() or not (root / "runtime").is_dir():
        raise InputError(f"{root.name} is no generated directory: model.c or runtime is missing", "deploy a model")
    port = Path(str(files("sparsecomp_firmware"))) / "ports" / "msim"
    sources = [root / "model.c"]
    for folder in (root / "runtime", root / "kernels", port):
        sources += sorted(folder.glob("*.c"))
    return compile_elf(sources, [*(root / part for part in PROJECT_FOLDERS), port], target, model=model, flags=flags)

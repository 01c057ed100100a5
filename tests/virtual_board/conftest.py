"""The board with memory in the whole address space above 64 KB, and short programs given as words."""

import sys
from importlib.resources import files
from pathlib import Path

import pytest

from sparsecomp.boards import load_board, parse_board
from sparsecomp_tools.virtual_board import run_elf

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def board():
    return load_board("msp430fr5994")


@pytest.fixture(scope="session")
def wide_board():
    text = files("sparsecomp_boards").joinpath("msp430fr5994.toml").read_text()
    return parse_board(text.replace("size = 0x34000", "size = 0xF0000").encode(), "wide.toml")


@pytest.fixture
def execute(board, tmp_path):
    """Runs instructions from 0x4000 on, ``segments`` being more memory; (RunResult, and where asked for the memory)."""
    import machine_code as mc

    def run(*parts, segments=None, entry=0x4000, watchdog=False, memory=False, **options):
        code = mc.program(*([] if watchdog else [mc.HOLD_WATCHDOG]), *parts)
        path, image = tmp_path / "program.elf", tmp_path / "image"
        path.write_bytes(mc.elf({entry: code, **(segments or {})}, entry))
        options.setdefault("cycle_limit", 1_000_000)
        image.unlink(missing_ok=True)
        result = run_elf(options.pop("board", board), path, image=image if memory else None, **options)
        return result, image.read_bytes() if memory else b""

    return run

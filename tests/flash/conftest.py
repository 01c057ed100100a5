"""A small firmware as an ELF file, and fake tools on the PATH that record how they were called."""

import sys
from pathlib import Path

import pytest

from sparsecomp.boards import load_board

sys.path.insert(0, str(Path(__file__).parents[1] / "virtual_board"))

TABLE = bytes(range(256)) * 9


@pytest.fixture(scope="session")
def board():
    return load_board("msp430fr5994")


@pytest.fixture
def firmware(tmp_path):
    """Code at 0x4000 that greets and sleeps, tables on both sides of 64 KB, and the reset vector."""
    import machine_code as mc

    path = tmp_path / "fw.elf"
    code = mc.program(*mc.GREET_AND_SLEEP)
    path.write_bytes(mc.elf({0x4000: code, 0x5001: TABLE[:301], 0x20000: TABLE}, 0x4000))
    return path


@pytest.fixture
def fake_tool(tmp_path, monkeypatch):
    """Puts a Python script on the PATH under a name; its calls are recorded, one a line."""
    folder = tmp_path / "tools"
    folder.mkdir()
    calls = tmp_path / "calls"
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))

    def make(name, body):
        path = folder / name
        path.write_text(
            f"#!{sys.executable}\nimport sys\narguments = sys.argv[1:]\n"
            f"open({str(calls)!r}, 'a').write('\\x1f'.join(arguments) + '\\n')\n{body}\n"
        )
        path.chmod(0o755)
        return lambda: [line.split("\x1f") for line in calls.read_text().splitlines()] if calls.exists() else []

    return make

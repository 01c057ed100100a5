"""`sparsecomp doctor`: what it finds, what it says of what is missing, and where the toolchain is looked for."""

import json
import os
import shutil
import subprocess
import sys

import pytest

import sparsecomp_tools.flash as flash
from sparsecomp import doctor
from sparsecomp.boards import load_board
from sparsecomp.build import compiler
from sparsecomp.doctor import Check, Examination, examine, toolchain_script
from sparsecomp.errors import ToolError
from sparsecomp.toolchain import toolchain_environment, toolchain_folder, toolchain_path

NEEDED = {"host compiler": ("cc", "12.2.0"), "make": ("make", "4.3"), "MSP430 compiler": ("msp430-elf-gcc", "12.2.0")}


@pytest.fixture
def computer(tmp_path, monkeypatch):
    """A PATH with nothing but what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)

    def install(program, says="", where=folder):
        where.mkdir(parents=True, exist_ok=True)
        path = where / program
        path.write_text(f"#!{sys.executable}\nprint({says!r})\n")
        path.chmod(0o755)
        return path

    return install


def found(name):
    (check,) = [check for check in examine().checks if check.name == name]
    return check


def test_an_empty_computer(computer, cli):
    outcome = cli("doctor")
    assert outcome.code == 4
    for name in NEEDED:
        assert f"MISSING {name}" in outcome.out
    assert "FAIL deploying to an MSP430 needs host compiler, make, MSP430 compiler" in outcome.out
    assert "apt install gcc" in outcome.out and "build_msp430_gcc" not in outcome.out
    assert "sparsecomp doctor --toolchain" in outcome.out


def test_each_needed_tool_is_found_with_its_version(computer, cli):
    for name, (program, version) in NEEDED.items():
        assert not found(name).ok and found(name).hint
        path = computer(program, f"{program} (Debian 9.9-9) {version}")
        assert found(name) == Check(name, True, True, f"{version}, {path}")
    outcome = cli("doctor")
    assert outcome.code == 0 and outcome.out.splitlines()[-1].startswith("PASS")


def test_json_is_versioned(computer, cli):
    outcome = cli("doctor", "--json")
    document = json.loads(outcome.out)
    assert (outcome.code, document["report"], document["version"], document["ready"]) == (4, "doctor", 1, False)
    assert {check["name"] for check in document["checks"] if check["needed"]} == {"Python", *NEEDED}


def test_an_optional_thing_does_not_fail():
    missing = Check("torch", False, False, hint="pip install torch")
    assert Examination((missing,)).exit_code == 0
    assert Examination((missing, Check("make", False, True))).exit_code == 4
    assert Examination((missing,)).lines()[0].startswith("absent  torch")


def test_the_compiler_that_cc_names(computer, monkeypatch):
    monkeypatch.setenv("CC", "my-cc -m32")
    assert found("host compiler").hint.startswith("CC names it")
    computer("my-cc", "my-cc 1.2")
    assert found("host compiler").found.startswith("1.2, ")


def test_a_tool_that_breaks_is_listed_without_version(computer):
    path = computer("make")
    path.write_text("#!/bin/false\n")
    assert found("make") == Check("make", True, True, str(path))


def test_ports_with_their_interface_and_permission(computer, monkeypatch):
    ports = (
        flash.PortInfo("/dev/ttyACM0", "MSP Debug Interface", 0x2047, 0x0013, "eZ-FET", True),
        flash.PortInfo("/dev/ttyUSB0", "adapter", 0x0403, 0x6001, "", False),
    )
    monkeypatch.setattr(flash, "serial_ports", lambda: ports)
    assert found("port /dev/ttyACM0").found == "2047:0013 MSP Debug Interface, probably an eZ-FET"
    assert not found("port /dev/ttyUSB0").ok and "dialout" in found("port /dev/ttyUSB0").hint
    monkeypatch.setattr(flash, "serial_ports", lambda: ())
    assert found("serial ports").found == "none"


def test_the_group_for_serial_ports(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: 1000)
    monkeypatch.setattr(os, "getgroups", lambda: [])
    grp = pytest.importorskip("grp")
    monkeypatch.setattr(grp, "getgrnam", lambda name: grp.struct_group((name, "x", 20, [])))
    assert "usermod -aG dialout" in found("group dialout").hint
    monkeypatch.setattr(os, "getgroups", lambda: [20])
    assert found("group dialout").ok


def test_flash_runners_and_their_warnings(computer):
    assert "mspdebug 0.26" in found("flash runner mspdebug").hint
    computer("mspdebug", "MSPDebug version 0.22 - debugging tool for MSP430 MCUs")
    check = found("flash runner mspdebug")
    assert check.found.startswith("0.22, ") and "take 0.26" in check.hint
    assert found("flash runner virtual").ok


def test_torch_is_looked_for_without_loading_it(monkeypatch):
    code = "import sys; from sparsecomp.doctor import examine; examine(); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    assert "sparsecomp[torch]" in found("torch").hint


def test_the_users_own_toolchain_is_found(computer, tmp_path):
    board = load_board("msp430fr5994")
    with pytest.raises(ToolError, match="msp430-elf-gcc"):
        compiler(board)
    mine = computer("msp430-elf-gcc", "msp430-elf-gcc (GCC) 12.2.0", toolchain_folder() / "bin")
    assert toolchain_folder() == tmp_path / "data" / "sparsecomp" / "msp430-elf"
    assert toolchain_path("msp430-elf-gcc") == str(mine) and compiler(board) == [str(mine)]
    assert found("MSP430 compiler").found == f"12.2.0, {mine}"
    first = computer("msp430-elf-gcc")
    assert toolchain_path("msp430-elf-gcc") == str(first) and compiler(board) == ["msp430-elf-gcc"]
    assert toolchain_environment()["PATH"].split(os.pathsep) == [str(tmp_path / "bin"), str(mine.parent)]


def test_where_the_toolchain_is_without_a_data_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("", "relative"):  # the XDG specification: paths that are not absolute do not count
        monkeypatch.setenv("XDG_DATA_HOME", value)
        assert toolchain_folder() == tmp_path / ".local" / "share" / "sparsecomp" / "msp430-elf"


def script(*words, **environment):
    done = subprocess.run(
        ["bash", toolchain_script(), *words], capture_output=True, text=True, env={**os.environ, **environment}
    )
    return done.returncode, done.stdout, done.stderr


def test_the_toolchain_script(cli, tmp_path):
    assert cli("doctor", "--toolchain").out.strip() == str(toolchain_script())
    code, text, _ = script("--help", XDG_DATA_HOME=str(tmp_path))
    assert code == 0 and f"{tmp_path}/sparsecomp/msp430-elf" in text
    assert subprocess.run(["bash", "-n", toolchain_script()]).returncode == 0
    for words, message in (
        (["--jobs", "0"], "no number of processes"),
        (["--prefix"], "wants a value"),
        (["--prefix", "relative"], "no absolute path"),
        (["--work", "/a b"], "blanks"),
        (["--install"], "unknown option"),
    ):
        code, _, errors = script(*words)
        assert code == 4 and message in errors and "hint: " in errors


def test_the_toolchain_script_looks_for_what_it_needs(tmp_path):
    for name in ("bash", "nproc", "cat", "gcc"):
        (tmp_path / name).symlink_to(shutil.which(name))
    code, _, errors = script("--check", PATH=str(tmp_path))
    assert code == 4 and "flex bison" in errors and "hint: sudo apt-get install" in errors


def test_the_toolchain_script_spares_what_lies_in_its_prefix(tmp_path):
    tools, prefix = tmp_path / "tools", tmp_path / "prefix"
    tools.mkdir()
    prefix.mkdir()
    for name in ("g++", "make", "flex", "bison", "xz", "patch", "m4", "apt-get", "dpkg-deb", "gcc"):
        (tools / name).write_text("#!/bin/sh\ncat >/dev/null\n")
        (tools / name).chmod(0o755)
    (prefix / "share").mkdir()
    path = f"{tools}:{os.environ['PATH']}"
    code, _, errors = script("--prefix", str(prefix), "--work", str(tmp_path / "work"), PATH=path)
    assert code == 4 and "holds something else" in errors
    assert (prefix / "share").is_dir() and not (tmp_path / "work").exists()

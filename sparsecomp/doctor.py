"""What this computer has of what sparsecomp can use: compilers, flash runners, serial ports, and what to install."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from sparsecomp.toolchain import toolchain_path

VERSION = 1
OLDEST_PYTHON = (3, 11)
MSP430_HINT = 'install TI\'s MSP430-GCC, or build it in about 35 minutes: bash "$(sparsecomp doctor --toolchain)"'
TORCH_HINT = "pip install 'sparsecomp[torch]' (only to save, to train, or to load other files than archives)"


@dataclass(frozen=True)
class Check:
    """One thing that was looked for. ``needed`` for deploying to the virtual board; ``found`` says what is there
    (version and path), ``hint`` what to install or do, empty where nothing is to be done.
    """

    name: str
    ok: bool
    needed: bool
    found: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Examination:
    """All checks, in the order in which a user meets them."""

    checks: tuple[Check, ...]

    @property
    def exit_code(self) -> int:
        """0 where deploying to the virtual board works, 4 where something for that is missing."""
        return 0 if all(check.ok for check in self.checks if check.needed) else 4

    def lines(self) -> list[str]:
        """For people: a line for each check, its hint below it, the verdict last."""
        width = max(len(check.name) for check in self.checks)
        out = []
        for check in self.checks:
            state = "ok     " if check.ok else "MISSING" if check.needed else "absent "
            out.append(f"{state} {check.name:{width}}  {check.found}".rstrip())
            if check.hint:
                out.append(f"        {'':{width}}  {check.hint}")
        missing = [check.name for check in self.checks if check.needed and not check.ok]
        if missing:
            out.append(f"FAIL deploying to an MSP430 needs {', '.join(missing)}")
        else:
            out.append("PASS deploying works: to this computer, and to the virtual boards")
        return out

    def to_json(self) -> dict[str, Any]:
        """Versioned document."""
        checks = [asdict(check) for check in self.checks]
        return {"report": "doctor", "version": VERSION, "ready": self.exit_code == 0, "checks": checks}


def toolchain_script() -> Path:
    """The script that builds the MSP430 compiler from Debian's sources into the user's folder."""
    return Path(str(files("sparsecomp_tools"))) / "toolchain" / "build_msp430_gcc.sh"


def examine() -> Examination:
    """Looks at everything; asks tools for their versions and opens no port. Raises nothing."""
    return Examination(
        (
            _python(),
            _host_compiler(),
            _program("make", "make", "apt install make"),
            _program("MSP430 compiler", "msp430-elf-gcc", MSP430_HINT),
            _program("GDB's simulator", "msp430-elf-run", "optional; the same script builds it", False),
            *_runners(),
            *_serial(),
            _torch(),
        )
    )


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info >= OLDEST_PYTHON
    least = ".".join(map(str, OLDEST_PYTHON))
    return Check("Python", ok, True, f"{version}, {sys.executable}", "" if ok else f"install Python {least} or newer")


def _host_compiler() -> Check:
    named = shlex.split(os.environ.get("CC", ""))
    for command in [named] if named else [["cc"], ["gcc"]]:
        path = shutil.which(command[0])
        if path:
            return Check("host compiler", True, True, _described(path))
    hint = "CC names it: unset it, or set it to a C99 compiler" if named else "apt install gcc libc6-dev"
    return Check("host compiler", False, True, hint=hint)


def _program(name: str, program: str, hint: str, needed: bool = True) -> Check:
    path = toolchain_path(program)
    if path is None:
        return Check(name, False, needed, hint=hint)
    return Check(name, True, needed, _described(path))


def _described(path: str) -> str:
    try:
        done = subprocess.run([path, "--version"], capture_output=True, stdin=subprocess.DEVNULL, timeout=10)
        first = done.stdout.decode(errors="replace").splitlines()[0]
    except (OSError, subprocess.TimeoutExpired, IndexError):
        first = ""
    match = re.search(r"\d+(?:\.\d+)+", first.rsplit(")", 1)[-1]) or re.search(r"\d+(?:\.\d+)+", first)
    return f"{match[0]}, {path}" if match else path


def _runners() -> list[Check]:
    from sparsecomp_tools.flash import RUNNERS

    out = []
    for name, runner in RUNNERS.items():
        found = runner.find()
        if found is None:
            out.append(Check(f"flash runner {name}", False, False, hint=f"for a real board: {runner.install}"))
        else:
            text = ", ".join(part for part in (found.version, found.path) if part) or "built in"
            out.append(Check(f"flash runner {name}", True, False, text, "; ".join(found.warnings)))
    return out


def _serial() -> list[Check]:
    from sparsecomp_tools.flash import serial_ports

    ports = serial_ports()
    out = []
    for port in ports:
        usb = "" if port.vid is None else f"{port.vid:04x}:{port.pid:04x} "
        kind = f", probably an {port.interface}" if port.interface else ""
        out.append(
            Check(f"port {port.device}", port.accessible, False, f"{usb}{port.description}{kind}",
                  "" if port.accessible else "you may not open it: sudo usermod -aG dialout $USER, then log in again")
        )  # fmt: skip
    if not out:
        out.append(Check("serial ports", False, False, "none", "plug a board in; the virtual board brings its own"))
    out.append(_dialout())
    return out


def _dialout() -> Check:
    import grp

    try:
        group = grp.getgrnam("dialout")
    except KeyError:
        return Check("group dialout", True, False, "this system has none")
    member = os.geteuid() == 0 or group.gr_gid in {os.getegid(), *os.getgroups()}
    hint = "" if member else "to open serial ports: sudo usermod -aG dialout $USER, then log in again"
    return Check("group dialout", member, False, "you may open serial ports" if member else "you are not in it", hint)


def _torch() -> Check:
    if importlib.util.find_spec("torch") is None:
        return Check("torch", False, False, hint=TORCH_HINT)
    try:
        return Check("torch", True, False, importlib.metadata.version("torch"))
    except importlib.metadata.PackageNotFoundError:
        return Check("torch", True, False, "of unknown version")

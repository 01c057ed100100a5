"""The processor against GDB's simulator: random instructions, and compiled programs."""

import shutil
import struct
import subprocess

import pytest
import random_code
from toolchain import require_msp430

from sparsecomp_tools.virtual_board import run_elf

STEPS = 9000
LOW_CODE, MIDDLE_CODE, HIGH_CODE = 0x4800, 0x14000, 0x50000


def gdb(elf):
    done = subprocess.run([shutil.which("msp430-elf-run"), str(elf)], capture_output=True, timeout=60)
    return done.returncode, done.stdout


def moved(status):
    """GDB's simulator keeps V in bit 7."""
    return (status & 0x7F) | (status & 0x80) << 1


def check(board, path, seed, base, count):
    elf, masks = random_code.sequence_elf(seed, base, count, 0xFFF00)
    path.write_bytes(elf)
    code, expected = gdb(path)
    found = run_elf(board, path, semihosting=True, cycle_limit=10**7)
    assert (found.stopped, code) == ("exit", 0), found
    assert found.instructions > 3 * count and len(expected) == len(found.output)
    table = struct.Struct(f"<{count}H")
    mine, theirs = table.unpack_from(found.output), table.unpack_from(expected)
    wrong = [i for i, mask in enumerate(masks) if (mine[i] ^ moved(theirs[i])) & mask]
    assert not wrong, f"flags after step {wrong[0]} of seed {seed}"
    assert found.output[table.size :] == expected[table.size :], f"registers or memory, seed {seed}"


@pytest.mark.parametrize("seed", range(24))
def test_random_instructions(wide_board, tmp_path, seed):
    require_msp430()
    check(wide_board, tmp_path / "random.elf", seed, HIGH_CODE, STEPS)


@pytest.mark.parametrize("base", [LOW_CODE, MIDDLE_CODE])
@pytest.mark.parametrize("seed", [100, 101])
def test_random_instructions_at_other_addresses(wide_board, tmp_path, seed, base):
    require_msp430()
    check(wide_board, tmp_path / "random.elf", seed, base, 800)


FLAGS = ("-mcpu=msp430xv2", "-mhwmult=f5series", "-O2", "-std=c99", "-Wall", "-Wextra", "-Werror")
LIBRARIES = ("-Wl,--start-group", "-lm", "-lc", "-lgcc", "-lsim", "-lcrt", "-Wl,--end-group")


def compiled(here, target, name, model, *flags):
    command = ["msp430-elf-gcc", *FLAGS, f"-m{model}", *flags, str(here / "programs" / f"{name}.c")]
    command += [str(here / "programs" / "start.c"), "-T", str(here / "program.ld"), "-o", str(target), *LIBRARIES]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


@pytest.mark.parametrize("model", ["small", "large"])
@pytest.mark.parametrize("name", ["printing", "sorting", "checksum", "floating"])
def test_compiled_programs(board, tmp_path, request, name, model):
    require_msp430()
    elf = compiled(request.path.parent, tmp_path / "program.elf", name, model)
    code, expected = gdb(elf)
    found = run_elf(board, elf, semihosting=True, cycle_limit=10**8)
    assert found.stopped == "exit", found.message
    assert (found.exit_code, found.output) == (code, expected)
    assert len(expected) > 60 and found.resets == 1


def test_input_of_a_program(board, tmp_path, request):
    require_msp430()
    elf = compiled(request.path.parent, tmp_path / "program.elf", "echo", "large")
    found = run_elf(board, elf, b"seven bytes and more\n", semihosting=True, cycle_limit=10**7)
    assert (found.stopped, found.exit_code, found.output) == ("exit", 21, b"SEVEN BYTES AND MORE\n")

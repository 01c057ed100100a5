"""FRAM with its cache and wait states, what is not there, and what is left without power."""

import struct

import machine_code as mc
import pytest
from machine_code import ABS, ADD, AT, CONST, IMM, INC, MOV, PC, SP, SUB, B, R, X

from sparsecomp.boards import load_board, parse_board
from sparsecomp.errors import InputError
from sparsecomp_tools.virtual_board import Failure, run_elf

WAIT_STATES = mc.two(MOV, IMM(0xA510), ABS(0x140))


def ratio(execute, *parts, warm_up, steps, **options):
    """Hit ratio of ``steps`` instructions after ``warm_up``."""
    a, _ = execute(*parts, instruction_limit=warm_up, **options)
    b, _ = execute(*parts, instruction_limit=warm_up + steps, **options)
    reads = b.fram_reads - a.fram_reads
    return (b.cache_hits - a.cache_hits) / reads


def test_straight_code_hits_three_of_four(execute):
    assert ratio(execute, *[mc.NOP] * 9000, warm_up=5, steps=8000) == pytest.approx(0.75, abs=1e-9)


@pytest.mark.parametrize("words", [8, 13])
def test_a_loop_within_four_lines_always_hits(execute, words):
    loop = [mc.NOP] * (words - 1) + [mc.jump(mc.JMP, -words)]
    assert ratio(execute, [0x4303], *loop, warm_up=200, steps=5000) == 1.0


def test_a_loop_over_five_lines_of_one_set_misses(execute):
    far = [mc.jump(mc.JMP, 7), *[mc.NOP] * 7]  # every second line, so that one set has them all
    loop = [*far * 3, mc.jump(mc.JMP, -25)]
    assert ratio(execute, *[mc.NOP] * 1, *loop, warm_up=200, steps=400) == 0.0


@pytest.mark.parametrize("offset", range(4))
def test_active_mode_test_of_ti(execute, offset):
    """activeModeTest() of msp430fr599x_active_01.c: 93.5 %, at some alignments 87.0 % (its words are those of TI's)."""
    start = [mc.two(MOV, IMM(0x2000), R(4)), mc.two(MOV, CONST(4), X(0, 4)), mc.two(MOV, ABS(0x2000), ABS(0x2002)),
             mc.two(ADD, AT(4), X(2, 4)), mc.one(mc.SWPB, INC(4)), mc.two(MOV, AT(4), R(5))]  # fmt: skip
    loop = [mc.two(mc.XOR, INC(4), ABS(0x2020)), mc.two(SUB, CONST(1), R(5)), mc.jump(mc.JNZ, -4)]
    end = [mc.two(mc.XOR, CONST(1), ABS(0x202), B)]
    body = [word for part in (*start, *loop, *end) for word in part]
    parts = [*[mc.NOP] * offset, body, mc.jump(mc.JMP, -(len(body) + 1))]
    found = ratio(execute, *parts, warm_up=2000, steps=32 * 500)
    assert found == pytest.approx(0.935, abs=2e-3) or found == pytest.approx(0.870, abs=2e-3)


def test_wait_states_are_paid_for_misses_and_writes(execute):
    code = [*[mc.NOP] * 40, mc.HALT]
    without, _ = execute(*code, entry=0x4000)
    waiting, _ = execute(WAIT_STATES, *code)
    assert (without.stopped, waiting.stopped) == ("halted", "halted")
    assert without.wait_cycles == 0
    assert waiting.wait_cycles == waiting.cache_misses - 2  # the line with the first write had none yet
    store = mc.two(MOV, IMM(1), ABS(0x9000))
    stored, _ = execute(WAIT_STATES, store, mc.HALT)
    silent, _ = execute(WAIT_STATES, mc.two(MOV, IMM(1), ABS(0x1D00)), mc.HALT)
    assert stored.cycles - silent.cycles == 1 and stored.fram_writes == 1 and silent.fram_writes == 0


def test_a_write_goes_around_the_cache(execute):
    read = mc.two(MOV, ABS(0x9000), R(5))
    code = [read, read, mc.two(MOV, R(5), ABS(0x9002)), read, mc.HALT]
    straight = [read, read, mc.two(MOV, R(5), ABS(0x1D00)), read, mc.HALT]
    a, _ = execute(*code)
    b, _ = execute(*straight)
    assert a.fram_reads == b.fram_reads and a.cache_misses == b.cache_misses + 1


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([mc.two(MOV, ABS(0x3D00), R(5))], "read at 0x03d00"),
        ([mc.two(MOV, R(5), ABS(0x0F00))], "write at 0x00f00"),
        ([mc.mova(R(5), ABS(0x44000))], "write at 0x44000"),
        ([mc.mova(IMM(0x50000), R(PC))], "instruction at 0x50000"),
        ([mc.two(MOV, IMM(0x3C02), R(SP)), mc.one(mc.PUSH, R(5))], "write at 0x03c00"),
    ],
)
def test_what_is_not_there(execute, parts, message):
    result, _ = execute(*parts)
    assert result.stopped == "unmapped" and message in result.message


def test_what_is_no_instruction(execute):
    result, _ = execute([0x1380 | 0x20, 0])
    assert result.stopped == "illegal" and "0x13a0 at 0x04006" in result.message


def test_small_memories(execute):
    code = [mc.two(MOV, IMM(0x1234), ABS(at)) for at in (0x0A, 0x1E, 0x1800, 0x19FE)]
    result, memory = execute(*code, mc.HALT, memory=True)
    assert result.stopped == "halted"
    assert {struct.unpack_from("<H", memory, at)[0] for at in (0x0A, 0x1E, 0x1800, 0x19FE)} == {0x1234}


def test_memory_without_power(execute, tmp_path, board):
    """SRAM and registers are other at every power-up and the same for a seed; FRAM stays, also in its file."""
    store = [mc.two(MOV, R(5), ABS(0x9000)), mc.two(MOV, ABS(0x1D00), ABS(0x9002)), mc.HALT]
    seen = {execute(*store, seed=seed, memory=True)[1][0x9000:0x9004] for seed in (1, 2, 3, 1)}
    assert len(seen) == 3
    count = [mc.two(ADD, CONST(1), ABS(0x9004)), mc.HALT]
    elf, image = tmp_path / "count.elf", tmp_path / "kept"
    elf.write_bytes(mc.elf({0x4000: mc.program(mc.HOLD_WATCHDOG, *count)}))
    for expected in (0, 1, 2):
        assert run_elf(board, elf, image=image).stopped == "halted"
        assert struct.unpack_from("<H", image.read_bytes(), 0x9004)[0] == expected


def test_changed_code_is_executed(execute):
    """A program that writes an instruction over another that has run already."""
    once = mc.two(ADD, CONST(1), R(5))
    code = [mc.two(MOV, CONST(0), R(5)), mc.two(MOV, CONST(0), R(6))]
    at = 0x4000 + len(mc.program(mc.HOLD_WATCHDOG, *code))
    code += [once, mc.two(MOV, IMM(mc.two(ADD, CONST(8), R(5))[0]), ABS(at)), mc.two(ADD, CONST(1), R(6))]
    code += [mc.two(mc.CMP, CONST(2), R(6)), mc.jump(mc.JNZ, -7), mc.HALT]
    result, _ = execute(*code)
    assert result.stopped == "halted" and result.registers[5] == 1 + 8


@pytest.mark.parametrize(
    "content", [b"junk" * 100, b"", bytes(0x100000) + b"sparsecomp FRAM image 1\nmsp430fr6989".ljust(64, b"\0")]
)
def test_images_that_are_none(board, tmp_path, content):
    elf, image = tmp_path / "a.elf", tmp_path / "image"
    elf.write_bytes(mc.elf({0x4000: mc.program(mc.HALT)}))
    image.write_bytes(content)
    if not content:  # an empty file becomes one
        assert run_elf(board, elf, image=image, cycle_limit=100).stopped == "cycle limit"
        return
    with pytest.raises(InputError, match="no FRAM image|another device's"):
        run_elf(board, elf, image=image)


@pytest.mark.parametrize("cut", [0, 20, 60, 140])
def test_elf_files_that_are_none(board, tmp_path, cut):
    elf = tmp_path / "a.elf"
    elf.write_bytes(mc.elf({0x4000: mc.program(*[mc.NOP] * 50)})[:cut])
    with pytest.raises(InputError, match="ELF"):
        run_elf(board, elf)
    elf.write_bytes(mc.elf({0x1C00: b"\0\0"}))
    with pytest.raises(InputError, match="outside the FRAM"):
        run_elf(board, elf)


def test_boards_without_a_virtual_one(tmp_path):
    with pytest.raises(InputError, match="no virtual board"):
        run_elf(load_board("host"), tmp_path / "a.elf")


@pytest.mark.parametrize("name", ["msp430fr5969", "msp430fr5992", "msp430fr6989"])
def test_the_other_boards(tmp_path, name):
    elf = tmp_path / "a.elf"
    elf.write_bytes(mc.elf({0x4400: mc.program(mc.HOLD_WATCHDOG, mc.HALT)}, 0x4400))
    assert run_elf(name, elf).stopped == "halted"


def failing(execute, failure):
    """Counts, 16 times, in FRAM and in a register that is lost with the power."""
    code = [mc.two(MOV, CONST(0), R(5)), mc.two(ADD, CONST(1), R(5)), mc.mova(R(5), ABS(0x9000)),
            mc.two(ADD, CONST(1), ABS(0x9004)), mc.two(mc.CMP, IMM(16), R(5)), mc.jump(mc.JNZ, -8),
            mc.HALT]  # fmt: skip
    result, memory = execute(*code, failure=failure, segments={0x9000: bytes(6)}, memory=True)
    assert result.stopped == "halted" and result.registers[5] == 16
    return result, struct.unpack_from("<3H", memory, 0x9000)


@pytest.mark.parametrize(
    ("failure", "total"),
    [
        (None, 16),
        (Failure("before_write", 3), 16),  # the third one is the addition itself
        (Failure("after_write", 3), 17),
        (Failure("before_write", 2), 16),
        (Failure("after_write", 2), 16),
        (Failure("instruction", 3), 16),
        (Failure("address", 0x4008), 16),
        (Failure("cycle", 30), 18),
    ],
)
def test_power_failures(execute, failure, total):
    result, words = failing(execute, failure)
    assert words == (16, 0, total)
    assert result.power_failures == (failure is not None) and result.resets == 1 + result.power_failures
    assert failing(execute, failure)[0] == result


def test_a_20_bit_store_is_two_writes(execute):
    code = [mc.mova(IMM(0x12345), R(5)), mc.mova(R(5), ABS(0x9000)), mc.HALT]
    for number, expected in ((1, (0, 0)), (2, (0x2345, 0))):
        first = [mc.two(mc.CMP, CONST(1), ABS(0x9004)), mc.jump(mc.JZ, len(code[0]) + len(code[1]) + 3)]
        first.append(mc.two(MOV, CONST(1), ABS(0x9004)))
        _, memory = execute(
            *first, *code, failures=[Failure("before_write", 1 + number)], segments={0x9000: bytes(6)}, memory=True
        )
        assert struct.unpack_from("<2H", memory, 0x9000) == expected


def test_unknown_failures():
    with pytest.raises(InputError, match="unknown kind"):
        Failure("moon", 1)
    with pytest.raises(InputError, match="above zero"):
        Failure("cycle", -1)


def test_a_board_with_another_map(tmp_path):
    from importlib.resources import files

    text = files("sparsecomp_boards").joinpath("msp430fr5994.toml").read_text()
    board = parse_board(text.replace('mcu = "msp430fr5994"', 'mcu = "msp430fr2476"').encode(), "other.toml")
    with pytest.raises(InputError, match="no virtual board of 'msp430fr2476'"):
        run_elf(board, tmp_path / "a.elf")


def test_a_store_that_ends_the_run(execute):
    """In RAM as in FRAM; the code is the word, with its sign."""
    for address in (0x1D00, 0x9000):
        code = [mc.two(MOV, IMM(0xFFFE), ABS(address)), mc.HALT]
        result, _ = execute(*code, exit_address=address)
        assert (result.stopped, result.exit_code, result.instructions) == ("exit", -2, 1)
        result, _ = execute(*code)
        assert result.stopped == "halted"

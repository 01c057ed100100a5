"""Memory protection: the MPU's segments, and the write protection of FRCTL_A."""

import struct

import machine_code as mc
import pytest
from machine_code import ABS, CONST, IMM, MOV, PC, B, R
from test_system import restarted

MPUCTL0, MPUCTL1, SEGB2, SEGB1, SAM = 0x5A0, 0x5A2, 0x5A4, 0x5A6, 0x5A8
FRCTL0, GCCTL1 = 0x140, 0x146


def word(address, value):
    return mc.two(MOV, IMM(value), ABS(address))


def protect(rights, enable=0xA501):
    """0x4000 to 0x8FFF, 0x9000 to 0x9FFF and above; then the information memory."""
    return [word(MPUCTL0, 0xA500), word(SEGB1, 0x900), word(SEGB2, 0xA00), word(SAM, rights), word(MPUCTL0, enable)]


TOUCH = {
    1: mc.two(MOV, R(7), ABS(0x8800)),
    2: mc.two(MOV, R(7), ABS(0x9800)),
    3: mc.two(MOV, R(7), ABS(0xB000)),
    4: mc.two(MOV, R(7), ABS(0x1880)),
}
ALL_BUT_WRITE = {1: 0x7775, 2: 0x7757, 3: 0x7577, 4: 0x5777}
DATA = {at: b"\x34\x12" for at in (0x8800, 0x9800, 0xB000, 0x1880)}


@pytest.mark.parametrize("segment", [1, 2, 3, 4])
def test_a_write_that_is_forbidden_is_lost_and_noted(execute, segment):
    code = [
        *protect(ALL_BUT_WRITE[segment]),
        word(0x1D00, 1),
        *TOUCH.values(),
        mc.two(MOV, ABS(MPUCTL1), R(5)),
        mc.HALT,
    ]
    result, memory = execute(mc.two(MOV, IMM(0x5678), R(7)), *code, segments=DATA, memory=True)
    assert result.stopped == "halted" and result.registers[5] == 1 << (segment - 1)
    kept = [struct.unpack_from("<H", memory, at)[0] == 0x1234 for at in DATA]
    assert kept == [n == segment for n in TOUCH] and result.fram_writes == 3


@pytest.mark.parametrize(("segment", "cause"), [(1, 0x2A), (2, 0x2C), (3, 0x2E), (4, 0x28)])
def test_a_violation_that_resets(execute, segment, cause):
    rights = ALL_BUT_WRITE[segment] | 8 << 4 * (segment - 1)
    _, found = restarted(execute, *protect(rights), TOUCH[segment])
    assert found == (0x02, cause)


def test_reads_and_fetches(execute):
    """0x3FFF is what they find: as an instruction a jump to itself."""
    code = [*protect(0x7767), mc.two(MOV, ABS(0x9800), R(5)), mc.two(MOV, ABS(0x9801), R(6), B),
            mc.two(MOV, ABS(0xB000), R(7)), mc.two(MOV, ABS(MPUCTL1), R(8)), mc.HALT]  # fmt: skip
    result, _ = execute(*code, segments=DATA)
    assert result.registers[5:9] == (0x3FFF, 0x3F, 0x1234, 2)
    body = mc.program(mc.two(MOV, CONST(1), R(5)), mc.HALT)
    call = mc.two(MOV, IMM(0x9800), R(PC))
    for rights, expected, stopped in ((0x7737, 0, 0x9800), (0x7777, 1, 0x9802)):
        result, _ = execute(mc.two(MOV, CONST(0), R(5)), *protect(rights), call, segments={0x9800: body})
        assert (result.stopped, result.registers[5], result.registers[0]) == ("halted", expected, stopped)


def test_rights_come_back_with_the_reset_and_a_lock_keeps_them(execute):
    code = [*protect(0x7757, 0xA503), word(MPUCTL0, 0xA500), word(SAM, 0x7777), mc.two(MOV, ABS(SAM), R(5)),
            mc.two(MOV, ABS(MPUCTL0), R(6)), mc.HALT]  # fmt: skip
    result, _ = execute(*code)
    assert result.registers[5:7] == (0x7757, 0x9603)
    _, found = restarted(execute, word(MPUCTL0, 0x1234))
    assert found == (0x02, 0x22)


def test_write_protection(execute):
    code = [word(FRCTL0, 0xA501), mc.two(MOV, R(5), ABS(0x9800)), mc.two(MOV, ABS(GCCTL1), R(6)), word(FRCTL0, 0xA500),
            mc.two(MOV, IMM(0x5678), ABS(0xB000)), mc.HALT]  # fmt: skip
    result, memory = execute(*code, segments=DATA, memory=True)
    assert result.stopped == "halted" and result.registers[6] == 0x10 and result.fram_writes == 1
    assert [struct.unpack_from("<H", memory, at)[0] for at in (0x9800, 0xB000)] == [0x1234, 0x5678]

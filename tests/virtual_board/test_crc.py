"""The CRC module against the user guide's check values and a plain computation."""

import binascii
import random

import machine_code as mc
import pytest
from machine_code import ABS, IMM, MOV, B, R

CRCDI, CRCDIRB, CRCINIRES, CRCRESR = 0x150, 0x152, 0x154, 0x156


def word(address, value):
    return mc.two(MOV, IMM(value), ABS(address))


def read():
    return [mc.two(MOV, ABS(CRCINIRES), R(5)), mc.two(MOV, ABS(CRCRESR), R(6)), mc.HALT]


@pytest.mark.parametrize(("register", "expected"), [(CRCDI, 0x89F6), (CRCDIRB, 0x29B1)])
def test_the_check_values(execute, register, expected):
    code = [word(CRCINIRES, 0xFFFF), *(mc.two(MOV, IMM(c), ABS(register), B) for c in b"123456789")]
    result, _ = execute(*code, *read())
    assert result.registers[5] == expected
    assert result.registers[6] == int(f"{expected:016b}"[::-1], 2)


def test_words_are_two_bytes_low_first(execute):
    data = random.Random(3).randbytes(40)
    words = [int.from_bytes(data[i : i + 2], "little") for i in range(0, len(data), 2)]
    result, _ = execute(word(CRCINIRES, 0), *(word(CRCDIRB, w) for w in words), *read())
    assert result.registers[5] == binascii.crc_hqx(data, 0)

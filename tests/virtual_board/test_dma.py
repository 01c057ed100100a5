"""DMA: what moves, how long it takes, and that the power can go between two words."""

import struct

import machine_code as mc
import pytest
from machine_code import ABS, BIC, BIS, CONST, IMM, MOV, SP, SR, R

from sparsecomp_tools.virtual_board import Failure

DMACTL0, DMAIV, CTL, SA, DA, SZ = 0x500, 0x50E, 0x510, 0x512, 0x516, 0x51A
REQ, ENABLE, INTERRUPT, FLAG = 1, 0x10, 4, 8
UP = 0x0F00  # source and destination are incremented
SINGLE, BLOCK, REPEATED_SINGLE, REPEATED_BLOCK = 0, 0x1000, 0x4000, 0x5000
WORDS = struct.pack("<8H", *range(0x1111, 0x9999, 0x1111))


def word(address, value):
    return mc.two(MOV, IMM(value), ABS(address))


def channel(source, target, size, control, n=0):
    at = 0x10 * n
    return [mc.two(MOV, IMM(source), ABS(SA + at), mc.A), mc.two(MOV, IMM(target), ABS(DA + at), mc.A),
            word(SZ + at, size), word(CTL + at, control | ENABLE)]  # fmt: skip


def request(n=0):
    return mc.two(BIS, CONST(REQ), ABS(CTL + 0x10 * n))


def test_a_block_goes_at_once(execute):
    code = [*channel(0x8000, 0x20000, 8, BLOCK | UP), request(), mc.two(MOV, ABS(CTL), R(5)), mc.HALT]
    result, memory = execute(*code, segments={0x8000: WORDS}, memory=True)
    assert result.stopped == "halted" and memory[0x20000:0x20010] == WORDS
    assert result.registers[5] == BLOCK | UP | FLAG and result.fram_writes == 8
    idle, _ = execute(*code[:-3], mc.two(BIS, CONST(2), ABS(CTL)), *code[-2:])
    assert result.cycles - idle.cycles == 2 + 2 * 8


def test_a_single_transfer_a_request_and_its_interrupt(execute):
    start = [mc.two(MOV, IMM(0x3800), R(SP)), mc.two(BIS, CONST(8), R(SR)), mc.NOP]
    code = [*start, *channel(0x8000, 0x1D00, 2, SINGLE | UP | INTERRUPT, 1), request(1), mc.NOP,
            mc.two(MOV, ABS(SZ + 0x10), R(5)), request(1), mc.NOP, mc.two(BIC, CONST(8), R(SR)),
            mc.two(MOV, ABS(0x1D00), R(6)), mc.two(MOV, ABS(0x1D02), R(7)), mc.HALT]  # fmt: skip
    routine = mc.program(mc.two(MOV, ABS(DMAIV), R(8)), mc.two(MOV, ABS(DMAIV), R(9)), mc.RETI)
    result, _ = execute(*code, segments={0x8000: WORDS, 0x5000: routine, 0xFFE4: b"\x00\x50"})
    assert result.registers[5:10] == (1, 0x1111, 0x2222, 4, 0) and result.interrupts == 1


@pytest.mark.parametrize(("mode", "requests"), [(REPEATED_BLOCK, 3), (REPEATED_SINGLE, 5)])
def test_repeated_transfers_start_over(execute, mode, requests):
    code = [*channel(0x8000, 0x8100, 2, mode | UP), *[request()] * requests, mc.two(MOV, ABS(CTL), R(5)), mc.HALT]
    result, memory = execute(*code, segments={0x8000: WORDS, 0x8100: bytes(16)}, memory=True)
    assert result.fram_writes == (2 * requests if mode == REPEATED_BLOCK else requests)
    assert memory[0x8100:0x8108] == WORDS[:4] + bytes(4) and result.registers[5] & ENABLE


def test_bytes_and_directions(execute):
    control = BLOCK | 0x0300 | 0x0800 | 0xC0  # source up, destination down, bytes
    code = [*channel(0x8000, 0x8107, 4, control), request(), mc.HALT]
    _, memory = execute(*code, segments={0x8000: b"abcd", 0x8100: bytes(8)}, memory=True)
    assert memory[0x8104:0x8108] == b"dcba"


@pytest.mark.parametrize("kind", ["before_write", "after_write"])
@pytest.mark.parametrize("number", range(1, 9))
def test_the_power_fails_between_two_words(execute, kind, number):
    """Afterwards the program finds what was moved before; on its second start it only halts."""
    again = [mc.two(MOV, ABS(0x8200), R(5)), mc.two(mc.CMP, CONST(0), R(5)), mc.jump(mc.JZ, 1), mc.HALT]
    code = [*again, word(0x8200, 1), *channel(0x8000, 0x8100, 8, BLOCK | UP), request(), mc.HALT]
    segments = {0x8000: WORDS, 0x8100: bytes(16), 0x8200: bytes(2)}
    result, memory = execute(*code, segments=segments, memory=True, failure=Failure(kind, 1 + number))
    done = number - (kind == "before_write")
    assert result.power_failures == 1 and memory[0x8100:0x8110] == WORDS[: 2 * done] + bytes(16 - 2 * done)


def test_a_failure_at_a_cycle_cuts_a_block(execute):
    again = [mc.two(MOV, ABS(0x8200), R(5)), mc.two(mc.CMP, CONST(0), R(5)), mc.jump(mc.JZ, 1), mc.HALT]
    code = [*again, word(0x8200, 1), *channel(0x8000, 0x8100, 8, BLOCK | UP), request(), mc.HALT]
    segments = {0x8000: WORDS, 0x8100: bytes(16), 0x8200: bytes(2)}
    whole, _ = execute(*code, segments=segments)
    moved = set()
    for cycle in range(whole.cycles - 18, whole.cycles):
        _, memory = execute(*code, segments=segments, memory=True, failure=Failure("cycle", cycle))
        moved.add(sum(a == b for a, b in zip(memory[0x8100:0x8110:2], WORDS[::2], strict=True)))
    assert moved >= set(range(1, 8))


@pytest.mark.parametrize(
    "parts", [[word(DMACTL0, 14), *channel(0x8000, 0x8100, 1, 0)], channel(0x8000, 0x8100, 1, 0x2000)]
)
def test_what_is_not_simulated_stops(execute, parts):
    result, _ = execute(*parts, mc.HALT)
    assert result.stopped == "unsimulated" and "DMA channel 0" in result.message

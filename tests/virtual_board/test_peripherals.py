"""Ports and Timer_A."""

import struct

import machine_code as mc
import pytest
from machine_code import ABS, ADD, BIC, BIS, CONST, IMM, MOV, SP, SR, B, R

P1IN, P1OUT, P1DIR, P1REN, P1IV, P1IES, P1IE, P1IFG = 0x200, 0x202, 0x204, 0x206, 0x20E, 0x218, 0x21A, 0x21C
P2IN, P2OUT, P2DIR, P2IV, P2IE, P2IFG = 0x201, 0x203, 0x205, 0x21E, 0x21B, 0x21D
UNLOCK_PINS = mc.two(BIC, CONST(1), ABS(0x130))
STACK = mc.two(MOV, IMM(0x3800), R(SP))


def byte(address, value):
    return mc.two(MOV, IMM(value), ABS(address), B)


def get(address, n, size=B):
    return mc.two(MOV, ABS(address), R(n), size)


def test_pins_are_dead_while_locked(execute):
    code = [byte(P1OUT, 0x81), byte(P1DIR, 0x01), byte(P1REN, 0x80), get(P1IN, 5), UNLOCK_PINS, get(P1IN, 6)]
    code += [
        byte(P2OUT, 0xF0),
        byte(P2DIR, 0x30),
        get(P2IN, 7),
        get(P1IN, 8),
        get(0x200, 9, "w"),
        get(P1OUT, 10),
        mc.HALT,
    ]
    result, _ = execute(*code)
    assert result.registers[5:11] == (0x00, 0x81, 0x30, 0x81, 0x3081, 0x81)


def test_every_port_and_its_interrupt(execute):
    """An output's rising edge sets the flag; the vector register names the pin and clears it."""
    for port, vector in ((P1OUT, 39), (P2OUT, 36)):
        even = port & 1
        base = port - 2
        iv = P2IV if even else P1IV
        routine = mc.program(get(iv, 6, "w"), get(iv, 7, "w"), mc.RETI)
        code = [STACK, UNLOCK_PINS, byte(base + 4, 0x20), byte(base + 0x1A, 0x20), mc.two(BIS, CONST(8), R(SR)), mc.NOP]
        code += [byte(port, 0x20), mc.NOP, mc.two(BIC, CONST(8), R(SR)), mc.HALT]
        options = {"segments": {0x5000: routine, 0xFF90 + 2 * vector: struct.pack("<H", 0x5000)}}
        result, _ = execute(*code, **options)
        assert result.stopped == "halted" and result.interrupts == 1
        assert result.registers[6:8] == (12, 0)


def test_a_falling_edge(execute):
    code = [
        UNLOCK_PINS,
        byte(P1DIR, 3),
        byte(P1OUT, 1),
        byte(P1IFG, 0),
        byte(P1IES, 1),
        byte(P1OUT, 2),
        get(P1IFG, 5),
        mc.HALT,
    ]
    result, _ = execute(*code)
    assert result.registers[5] == 3  # pin 0 fell, pin 1 rose


TA0CTL, TA0CCTL0, TA0R, TA0CCR0, TA0EX0, TA0IV = 0x340, 0x342, 0x350, 0x352, 0x360, 0x36E


def word(address, value):
    return mc.two(MOV, IMM(value), ABS(address))


@pytest.mark.parametrize(
    ("control", "expansion", "divider"), [(0x220, 0, 1), (0x260, 0, 2), (0x2E0, 4, 40), (0x2A0, 1, 8)]
)
def test_a_timer_counts_its_clock(execute, control, expansion, divider):
    code = [word(TA0EX0, expansion), word(TA0CTL, control), *[mc.NOP] * 797, get(TA0R, 5, "w"), mc.HALT]
    result, _ = execute(*code)
    assert result.registers[5] == pytest.approx(800 / divider, abs=4 / divider + 1)


@pytest.mark.parametrize(("mode", "expected"), [(0x10, 10), (0x30, 5), (0x20, 0)])
def test_periods(execute, mode, expected):
    """Up to 99 is a period of 100, up and down to 100 one of 200, and to the end is one of 65536."""
    routine = mc.program(mc.two(ADD, CONST(1), R(6)), mc.RETI)
    top = 100 if mode == 0x30 else 99
    code = [STACK, mc.two(MOV, CONST(0), R(6)), word(TA0CCR0, top), word(TA0CTL, 0x202 | mode),
            mc.two(BIS, CONST(8), R(SR)), *[mc.NOP] * 2000, mc.HALT]  # fmt: skip
    iv = mc.program(get(TA0IV, 7, "w"), mc.two(ADD, CONST(1), R(6)), mc.RETI)
    options = {"segments": {0x8000: iv, 0xFFE8: struct.pack("<H", 0x8000)}}
    result, _ = execute(*code, **options, cycle_limit=1050)
    assert result.registers[6] == expected and result.interrupts == expected
    assert not expected or result.registers[7] == 0x0E
    if mode == 0x10:
        code[3] = word(TA0CTL, 0x200 | mode)
        code.insert(3, word(TA0CCTL0, 0x10))
        options = {"segments": {0x8000: routine, 0xFFEA: struct.pack("<H", 0x8000)}}
        result, _ = execute(*code, **options, cycle_limit=1050)
        assert result.registers[6] == 10  # CCR0 has a vector of its own, which clears its flag


def test_sleeping_until_a_compare(execute):
    """LPM3 with the crystal's clock: channel 1 wakes after 3277 ticks of 32768 Hz."""
    routine = mc.program(get(TA0IV, 7, "w"), mc.two(BIC, IMM(0xF8), mc.X(0, SP)), mc.RETI)
    code = [STACK, byte(0x161, 0xA5), mc.two(BIC, CONST(1), ABS(0x168)), word(0x344, 0x10), word(0x354, 3277),
            word(TA0CTL, 0x120), mc.two(BIS, IMM(0xD8), R(SR)), mc.NOP, mc.two(MOV, CONST(0), ABS(TA0CTL)),
            mc.HALT]  # fmt: skip
    result, _ = execute(*code, segments={0x8000: routine, 0xFFE8: struct.pack("<H", 0x8000)})
    assert result.stopped == "halted" and result.registers[7] == 2
    assert result.sleep_picoseconds == pytest.approx(0.1e12, rel=1e-3)
    assert result.cycles < 100


def test_captures_are_refused(execute):
    result, _ = execute(word(TA0CCTL0, 0x4100))
    assert result.stopped == "unsimulated" and "capture" in result.message

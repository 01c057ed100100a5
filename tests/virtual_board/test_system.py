"""Watchdog, clocks, FRAM controller, resets and sleep."""

import struct

import machine_code as mc
import pytest
from machine_code import ABS, ADD, CMP, CONST, IMM, MOV, SP, SR, B, R

SYSRSTIV, WDTCTL, FRCTL0, PM5CTL0, PMMCTL0 = 0x19E, 0x15C, 0x140, 0x130, 0x120
CSCTL0, CSCTL1, CSCTL2, CSCTL3 = 0x160, 0x162, 0x164, 0x166
LOG = 0x9000  # a count of starts, and then the SYSRSTIV of each


def restarted(execute, *parts, times=2, **options):
    """SYSRSTIV as read at each of the first ``times`` starts; ``parts`` run in all but the last."""
    head = [mc.HOLD_WATCHDOG, mc.two(MOV, ABS(LOG), R(5)), mc.two(ADD, CONST(2), ABS(LOG)),
            mc.two(MOV, ABS(SYSRSTIV), mc.X(LOG + 2, 5)), mc.two(CMP, IMM(2 * times - 2), R(5))]  # fmt: skip
    head += [mc.jump(mc.JNZ, 1), mc.HALT]
    result, memory = execute(*head, *parts, mc.HALT, segments={LOG: bytes(64)}, memory=True, watchdog=True, **options)
    assert result.stopped == "halted" and struct.unpack_from("<H", memory, LOG)[0] == 2 * times
    return result, struct.unpack_from(f"<{times}H", memory, LOG + 2)


@pytest.mark.parametrize(
    ("parts", "cause"),
    [
        ([mc.two(MOV, IMM(0x5B80), ABS(WDTCTL))], 0x18),
        ([mc.two(MOV, CONST(0), ABS(WDTCTL), B)], 0x18),
        ([mc.two(MOV, IMM(0x5A00), ABS(WDTCTL)), mc.jump(mc.JMP, -1)], 0x16),
        ([mc.two(MOV, IMM(0x1234), ABS(FRCTL0))], 0x1A),
        ([mc.two(MOV, IMM(0x1234), ABS(CSCTL0))], 0x24),
        ([mc.two(MOV, IMM(0x1234), ABS(PMMCTL0))], 0x20),
        ([mc.two(MOV, IMM(0xA504), ABS(PMMCTL0))], 0x06),
        ([mc.two(MOV, IMM(0xA508), ABS(PMMCTL0))], 0x14),
    ],
)
def test_causes_of_resets(execute, parts, cause):
    if cause == 0x16:  # the shortest interval: 64 ticks
        parts = [mc.two(MOV, IMM(0x5A07), ABS(WDTCTL)), mc.jump(mc.JMP, -1)]
    result, found = restarted(execute, *parts)
    assert found == (0x02, cause)
    assert result.resets == 2 and result.power_failures == 0


def test_the_watchdog_runs_from_reset(execute):
    result, found = restarted(execute, mc.two(MOV, IMM(0x5A04), ABS(WDTCTL)), mc.jump(mc.JMP, -1))
    assert found == (0x02, 0x16)
    loop = [mc.jump(mc.JMP, -1)]
    result, _ = execute(*loop, watchdog=True, cycle_limit=32768 * 3 + 100)
    assert result.stopped == "cycle limit" and result.resets == 4
    kicked = [mc.two(MOV, IMM(0x5A0C), ABS(WDTCTL)), mc.jump(mc.JMP, -4)]
    result, _ = execute(*kicked, watchdog=True, cycle_limit=32768 * 3)
    assert result.resets == 1


def test_the_watchdog_as_a_timer_wakes_the_processor(execute):
    """Ten intervals of 512 ticks of SMCLK in LPM0; the interrupt's routine counts and returns."""
    routine = mc.program(mc.two(ADD, CONST(1), R(6)), mc.two(CMP, IMM(10), R(6)), mc.jump(mc.JNZ, 3),
                         mc.two(mc.BIC, IMM(0xF8), mc.X(0, SP)), mc.RETI)  # fmt: skip
    code = [mc.two(MOV, IMM(0x3800), R(SP)), mc.two(MOV, CONST(0), R(6)), mc.two(MOV, CONST(1), ABS(0x100)),
            mc.two(MOV, IMM(0x5A1E), ABS(WDTCTL)), mc.two(mc.BIS, IMM(0x18), R(SR)),
            mc.HOLD_WATCHDOG, mc.HALT]  # fmt: skip
    result, _ = execute(*code, segments={0x5000: routine, 0xFFF2: struct.pack("<H", 0x5000)})
    assert result.stopped == "halted" and result.registers[6] == 10 and result.interrupts == 10
    running = result.picoseconds - 500e6  # half a millisecond to start
    assert running == pytest.approx(10 * 512 * 1e6, rel=0.02)
    assert result.sleep_picoseconds == pytest.approx(running, rel=0.05)
    assert result.cycles < 400


def test_asleep_with_nothing_to_wake_it(execute):
    result, _ = execute(mc.two(mc.BIS, IMM(0x10), R(SR)), mc.HALT)
    assert result.stopped == "asleep"


UNLOCK = mc.two(MOV, IMM(0xA5), ABS(CSCTL0 + 1), B)


def clocks(dco, dividers):
    return [UNLOCK, mc.two(MOV, IMM(dco), ABS(CSCTL1)), mc.two(MOV, IMM(dividers), ABS(CSCTL3))]


@pytest.mark.parametrize(
    ("dco", "dividers", "megahertz"),
    [(0x0C, 0, 8), (0x46, 0, 8), (0x0C, 3, 1), (0x00, 0, 1), (0x06, 0, 4), (0x0C, 1, 4)],
)
def test_clocks_and_time(execute, dco, dividers, megahertz):
    code = clocks(dco, dividers)
    a, _ = execute(*code, *[mc.NOP] * 1000, instruction_limit=10)
    b, _ = execute(*code, *[mc.NOP] * 1000, instruction_limit=810)
    assert b.cycles - a.cycles == 800
    assert b.picoseconds - a.picoseconds == 800 * 1_000_000 // megahertz


def test_sixteen_megahertz_needs_wait_states(execute):
    fast = clocks(0x48, 0)
    result, _ = execute(*fast, mc.HALT)
    assert result.stopped == "clock" and "NWAITS" in result.message
    waits = mc.two(MOV, IMM(0xA510), ABS(FRCTL0))
    result, _ = execute(waits, *fast, mc.HALT)
    assert result.stopped == "halted"
    result, _ = execute(waits, *fast, mc.two(MOV, IMM(0xA500), ABS(FRCTL0)), mc.HALT)
    assert result.stopped == "clock"
    result, _ = execute(waits, UNLOCK, mc.two(MOV, IMM(0), ABS(CSCTL3)), mc.two(MOV, IMM(0x4C), ABS(CSCTL1)), mc.HALT)
    assert result.stopped == "clock" and "16 MHz" in result.message


def test_locked_registers_keep_their_values(execute):
    code = [mc.two(MOV, CONST(0), ABS(CSCTL3)), mc.two(MOV, IMM(0x10), ABS(FRCTL0), B),
            mc.two(MOV, ABS(CSCTL3), R(5)), mc.two(MOV, ABS(FRCTL0), R(6)), mc.two(MOV, ABS(WDTCTL), R(7)),
            mc.two(MOV, ABS(PMMCTL0), R(8)), mc.two(MOV, ABS(PM5CTL0), R(9)),
            mc.two(mc.BIC, CONST(1), ABS(PM5CTL0)), mc.two(MOV, ABS(PM5CTL0), R(10)), mc.HALT]  # fmt: skip
    result, _ = execute(*code)
    assert result.stopped == "halted"
    assert result.registers[5:11] == (0x0033, 0x9600, 0x6980, 0x9640, 1, 0)


@pytest.mark.parametrize("enable", [mc.two(mc.BIS, CONST(8), R(SR)), mc.two(MOV, CONST(8), R(SR))])
def test_interrupts_wait_for_the_instruction_after_gie(execute, enable):
    """EINT lets one more instruction pass; an ISR starts with the status cleared and RETI restores it."""
    routine = mc.program(
        mc.two(MOV, R(5), R(7)), mc.two(MOV, R(SR), R(8)), mc.two(MOV, IMM(0x5A80), ABS(WDTCTL)), mc.RETI
    )
    add = mc.two(ADD, CONST(1), R(5))
    code = [mc.two(MOV, IMM(0x3800), R(SP)), mc.two(MOV, CONST(0), R(5)), mc.two(MOV, CONST(1), ABS(0x100)),
            mc.two(MOV, IMM(0x5A17), ABS(WDTCTL)), *[mc.NOP] * 70, enable, add, add, add, mc.HALT]  # fmt: skip
    options = {"segments": {0x5000: routine, 0xFFF2: struct.pack("<H", 0x5000)}}
    result, _ = execute(*code, **options, cycle_limit=2000)
    assert result.interrupts == 1 and result.registers[7] == 1 and result.registers[5] == 3
    assert result.registers[8] == 0 and result.registers[2] & 8


def test_an_interrupt_from_high_memory_returns_there(execute):
    routine = mc.program(mc.two(MOV, mc.X(0, SP), R(7)), mc.two(MOV, IMM(0x5A80), ABS(WDTCTL)), mc.RETI)
    body = mc.program(*[mc.NOP] * 100, mc.two(mc.BIC, CONST(8), R(SR)), mc.NOP, mc.HALT)
    code = [mc.two(MOV, IMM(0x3800), R(SP)), mc.two(MOV, CONST(1), ABS(0x100)), mc.two(MOV, IMM(0x5A17), ABS(WDTCTL)),
            mc.two(mc.BIS, CONST(8), R(SR)), mc.mova(IMM(0x20000), R(0))]  # fmt: skip
    result, _ = execute(*code, segments={0x5000: routine, 0xFFF2: struct.pack("<H", 0x5000), 0x20000: body})
    assert result.stopped == "halted" and result.interrupts == 1
    assert result.registers[7] >> 12 == 2 and result.registers[0] >= 0x20000

"""ADC12_B and REF_A: half of the supply in 12 bits, how long it takes, what it draws, and what is not simulated."""

import machine_code as mc
import pytest
from machine_code import ABS, BIT, CONST, IMM, MOV, R

from sparsecomp_tools.virtual_board import Supply

CTL0, CTL1, CTL2, CTL3, IFGR0, MCTL0, MEM0, REFCTL0 = 0x800, 0x802, 0x804, 0x806, 0x80C, 0x820, 0x860, 0x1B0
ON, GO, BUSY, READY = 0x210, 0x213, 0x0001, 0x1000  # ADC12SHT0_2: 16 clocks
SETTINGS = {REFCTL0: 0x11, CTL0: ON, CTL1: 0x200, CTL2: 0x20, CTL3: 0x40, MCTL0: 0x11F}
WAIT_SETTLED = [mc.two(BIT, IMM(READY), ABS(REFCTL0)), mc.jump(mc.JZ, -4)]
WAIT_BUSY = [mc.two(BIT, CONST(1), ABS(CTL1)), mc.jump(mc.JNZ, -3)]
CLOCK = 1 / 4.8e6  # seconds: the module's own
SETTLING = 40e-6


def word(address, value):
    return mc.two(MOV, IMM(value), ABS(address))


def conversion(**changes):
    """Set up, settled, converted; ``changes`` replace settings by the names of their registers."""
    settings = SETTINGS | {globals()[name]: value for name, value in changes.items()}
    return [*(word(*pair) for pair in settings.items()), *WAIT_SETTLED, word(CTL0, settings[CTL0] | 3), *WAIT_BUSY]


READ = [mc.two(MOV, ABS(IFGR0), R(5)), mc.two(MOV, ABS(MEM0), R(6)), mc.two(MOV, ABS(IFGR0), R(7)), mc.HALT]


@pytest.mark.parametrize(("select", "volts"), [(0x10, 2.0), (0x20, 2.5), (0x00, 1.2)])
def test_half_of_the_boards_supply_against_each_reference(execute, select, volts):
    result, _ = execute(*conversion(REFCTL0=1 | select), *READ)
    assert result.stopped == "halted"
    assert result.registers[5:8] == (1, min(4095, round(4095 * 1.5 / volts)), 0)  # reading clears the flag


@pytest.mark.parametrize("volts", [1.9, 2.2, 2.8, 3.3, 3.6])
def test_half_of_the_capacitors_voltage(execute, volts):
    result, _ = execute(*conversion(), *READ, supply=Supply(10_000, v_on=volts))  # hardly anything is drawn from it
    assert abs(result.registers[6] - 4095 * 0.5 * volts / 2.0) <= 1


@pytest.mark.parametrize(("ctl0", "ctl1", "clocks"), [(0x210, 0x200, 30), (0x410, 0x200, 78), (0x110, 0x260, 88)])
def test_a_conversion_takes_its_clocks(execute, ctl0, ctl1, clocks):
    """At 1 MHz a look at ADC12BUSY takes 7 cycles."""
    before = [word(a, v) for a, v in (SETTINGS | {CTL0: ctl0, CTL1: ctl1}).items()] + WAIT_SETTLED
    started, _ = execute(*before, word(CTL0, ctl0), mc.HALT)  # not a conversion
    ended, _ = execute(*before, word(CTL0, ctl0 | 3), *WAIT_BUSY, mc.HALT)
    assert 0 <= (ended.seconds - started.seconds) - clocks * CLOCK <= 14e-6


def test_the_reference_settles(execute):
    result, _ = execute(word(REFCTL0, 0x11), *WAIT_SETTLED, mc.HALT)
    nothing, _ = execute(word(REFCTL0, 0x11), mc.HALT)
    assert SETTLING <= result.seconds - nothing.seconds <= SETTLING + 15e-6
    off, _ = execute(word(REFCTL0, 0x11), *WAIT_SETTLED, word(REFCTL0, 0), mc.two(MOV, ABS(REFCTL0), R(5)), mc.HALT)
    assert off.registers[5] == 0


def test_it_draws_while_it_works(execute):
    idle, _ = execute(word(CTL0, ON), mc.HALT)
    assert idle.ledger["adc"] == 0
    code = [*conversion(), word(CTL0, ON), word(CTL0, 0), word(REFCTL0, 0)]
    result, _ = execute(*code, *[mc.NOP] * 100, mc.HALT)
    again, _ = execute(*code, *[mc.NOP] * 200, mc.HALT)
    assert result.ledger["adc"] == again.ledger["adc"]  # all is off
    converting, on = 30 * CLOCK, result.seconds - idle.seconds
    microjoules = result.ledger["adc"] * 1e-3
    assert 3.0 * (19 * SETTLING + 392 * converting) < microjoules < 3.0 * (19 * on + 392 * (converting + 15e-6))


def test_a_conversion_that_is_ended_gives_nothing(execute):
    code = [*(word(*pair) for pair in SETTINGS.items()), *WAIT_SETTLED, word(CTL0, GO), word(CTL0, ON)]
    result, _ = execute(*code, *[mc.NOP] * 100, mc.two(MOV, ABS(CTL1), R(8)), *READ)
    assert result.registers[5] == 0 and not result.registers[8] & BUSY


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"CTL0": 0x200}, "ADC12ON"),
        ({"CTL0": 0x010}, "sampled for 1.7 us"),
        ({"CTL1": 0x000}, "ADC12SHP"),
        ({"CTL1": 0x218}, "ADC12OSC"),
        ({"CTL1": 0x202}, "single conversions"),
        ({"CTL2": 0x10}, "12-bit"),
        ({"CTL3": 0x00}, "ADC12BATMAP"),
        ({"MCTL0": 0x11E}, "channel 31"),
        ({"MCTL0": 0x01F}, "ADC12VRSEL_1"),
        ({"REFCTL0": 0x13}, "REFON and REFVSEL"),
    ],
)
def test_what_is_not_simulated_stops_the_run(execute, changes, message):
    result, _ = execute(*conversion(**changes), *READ)
    assert result.stopped == "unsimulated" and message in result.message


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([word(CTL0, GO)], "settled"),
        ([*WAIT_SETTLED, word(CTL0, GO), word(REFCTL0, 0)], "while the converter uses it"),
        ([*WAIT_SETTLED, word(CTL0, GO), word(CTL0, 0x313)], "while ADC12ENC is 1"),
        ([*WAIT_SETTLED, word(CTL0, GO), word(MCTL0, 0)], "while ADC12ENC is 1"),
        ([word(0x812, 1)], "0x812 is not simulated"),  # its interrupt
    ],
)
def test_a_wrong_order_stops_the_run(execute, parts, message):
    result, _ = execute(*(word(*pair) for pair in SETTINGS.items()), *parts, mc.HALT)
    assert result.stopped == "unsimulated" and message in result.message

"""What the simulated device draws, held against TI's tables."""

from importlib.resources import files

import machine_code as mc
import pytest
from machine_code import ABS, ADD, BIC, BIS, CONST, IMM, MOV, SP, SR, B, R

from sparsecomp.boards import load_board, parse_board
from sparsecomp.errors import InputError
from sparsecomp_tools.virtual_board import run_elf
from sparsecomp_tools.virtual_board.devices import DEVICES

VOLTS = 3.0
WAIT_STATES = mc.two(MOV, IMM(0xA510), ABS(0x140))
UNLOCK_CLOCK = mc.two(MOV, IMM(0xA5), ABS(0x161), B)


def word(address, value):
    return mc.two(MOV, IMM(value), ABS(address))


def clocks(megahertz):
    """1 MHz is what the device starts with."""
    if megahertz == 1:
        return []
    if megahertz == 16:
        return [WAIT_STATES, UNLOCK_CLOCK, word(0x166, 0), word(0x162, 0x48)]
    return [UNLOCK_CLOCK, word(0x162, {4: 0x06, 8: 0x0C}[megahertz]), word(0x166, 0)]


def microamperes(execute, parts, warm_up, steps, **options):
    """Average current of ``steps`` instructions after ``warm_up``, without what peripherals draw."""
    a, _ = execute(*parts, instruction_limit=warm_up, **options)
    b, _ = execute(*parts, instruction_limit=warm_up + steps, **options)
    nj = b.ledger["core"] + b.ledger["fram_reads"] - a.ledger["core"] - a.ledger["fram_reads"]
    return nj * 1e-9 / (b.seconds - a.seconds) / VOLTS * 1e6


@pytest.mark.parametrize("name", sorted(DEVICES))
@pytest.mark.parametrize("megahertz", [1, 4, 8, 16])
def test_straight_code_draws_the_75_percent_row_and_a_cached_loop_the_100_percent_row(execute, name, megahertz):
    board = load_board(name)
    rows = {row: board.energy.figure(row) for row in ("active_75", "active_100")}
    expected = {row: figure.values[figure.mhz.index(megahertz)] for row, figure in rows.items()}
    start, at = clocks(megahertz), {"board": board, "entry": 0x4400}  # where FRAM begins on all of them
    straight = [*start, *[mc.NOP] * 4000]
    assert microamperes(execute, straight, 20, 3200, **at) == pytest.approx(expected["active_75"], rel=1e-5)
    loop = [*start, *[mc.NOP] * 7, mc.jump(mc.JMP, -8)]
    assert microamperes(execute, loop, 200, 4000, **at) == pytest.approx(expected["active_100"], rel=1e-5)


def test_the_ledger_adds_up_and_does_not_depend_on_who_looks(execute, tmp_path):
    loop = [mc.two(ADD, CONST(1), R(5)), mc.two(MOV, R(5), ABS(0x9000)), word(0x4C2, 3), word(0x4C8, 4)]
    words = sum(len(part) for part in loop)
    code = [*clocks(8), word(0x340, 0x220), *loop, mc.jump(mc.JMP, -(words + 1))]
    plain, _ = execute(*code, instruction_limit=30_000)
    seen, _ = execute(*code, instruction_limit=30_000, events=tmp_path / "events", watch=0x9000)
    assert seen == plain
    assert plain.energy_nj == pytest.approx(sum(plain.ledger.values()), rel=1e-12)
    assert all(plain.ledger[part] > 0 for part in ("core", "fram_writes", "multiplier", "timers", "boot"))
    assert plain.ledger["sleep"] == plain.ledger["uart"] == plain.harvested_nj == 0


def test_a_write_a_start_and_a_multiplication(execute):
    nothing, _ = execute(*[mc.NOP] * 4, mc.HALT)
    assert nothing.ledger["boot"] == pytest.approx(102 * VOLTS)  # nAs
    assert nothing.boots == 1 and nothing.picoseconds > 500e6
    wrote, _ = execute(mc.two(MOV, R(5), ABS(0x9000)), mc.two(MOV, R(5), ABS(0x9002)), mc.HALT)
    assert wrote.ledger["fram_writes"] == pytest.approx(2 * 0.6823)
    times, _ = execute(word(0x4C0, 3), word(0x4C8, 4), word(0x4C8, 5), mc.HALT)
    assert times.ledger["multiplier"] == pytest.approx(2 * 3 * 28e-3 * VOLTS)  # three cycles each
    crc, _ = execute(word(0x150, 1), word(0x150, 2), mc.HALT)
    assert crc.ledger["crc"] == pytest.approx(2 * 3.3e-3 * VOLTS)


@pytest.mark.parametrize(
    ("mode", "name"), [(0x10, "lpm0"), (0x50, "lpm1"), (0x90, "lpm3"), (0xD0, "lpm3"), (0xF0, "lpm4")]
)
def test_sleep(execute, board, mode, name):
    """Asleep between the ticks of the watchdog's timer, which asks nobody for SMCLK as it counts ACLK."""
    start = [mc.two(MOV, IMM(0x3800), R(SP)), mc.two(MOV, CONST(1), ABS(0x100)), word(0x15C, 0x5A3E)]
    code = [*clocks(8), *start, mc.two(BIS, IMM(mode | 8), R(SR)), mc.jump(mc.JMP, -3)]
    options = {"segments": {0x5000: mc.program(mc.RETI), 0xFFF2: b"\x00\x50"}, "cycle_limit": 2000}
    result, _ = execute(*code, **options)
    figure = board.energy.figure(name)
    expected = figure.values[figure.mhz.index(8)] if figure.mhz else figure.values[0]
    microwatts = result.ledger["sleep"] * 1e-3 / (result.sleep_picoseconds * 1e-12)
    assert result.sleep_picoseconds > 0.9 * result.picoseconds
    assert microwatts == pytest.approx(expected * VOLTS, rel=1e-3)


def test_a_timer_on_smclk_keeps_its_oscillator_on(execute, board):
    start = [mc.two(MOV, IMM(0x3800), R(SP)), word(0x340, 0x222)]
    code = [*clocks(8), *start, mc.two(BIS, IMM(0xD8), R(SR)), mc.jump(mc.JMP, -3)]
    iv = mc.program(mc.two(BIC, CONST(1), ABS(0x340)), mc.RETI)
    result, _ = execute(*code, segments={0x5000: iv, 0xFFE8: b"\x00\x50"}, cycle_limit=500)
    microwatts = result.ledger["sleep"] * 1e-3 / (result.sleep_picoseconds * 1e-12)
    assert microwatts == pytest.approx(130 * VOLTS, rel=1e-3)  # LPM1 instead of LPM3
    assert result.ledger["timers"] == pytest.approx(3 * 8 * VOLTS * result.picoseconds * 1e-9, rel=0.05)


def test_the_uart_draws_while_a_frame_is_under_way(execute):
    pins = [mc.two(BIC, CONST(1), ABS(0x130)), mc.two(MOV, IMM(3), ABS(0x20D), B)]
    uart = [word(0x5C0, 0x81), word(0x5C6, 52), word(0x5C8, 0x4911), word(0x5C0, 0x80)]
    wait = [mc.two(mc.BIT, CONST(1), ABS(0x5CA)), mc.jump(mc.JNZ, -3), mc.HALT]
    result, _ = execute(*clocks(8), *pins, *uart, word(0x5CE, 0x55), *wait)
    assert result.serial == b"U"
    frame = 10 / 9600
    assert result.ledger["uart"] == pytest.approx(6.3 * 8 * VOLTS * frame * 1e3, rel=1e-3)


def test_a_board_without_figures_draws_the_same_in_every_cycle(tmp_path):
    text = files("sparsecomp_boards").joinpath("msp430fr5994.toml").read_text()
    begin, end = text.index("[[energy.figures]]"), text.index("[limits]")
    board = parse_board((text[:begin] + text[end:]).encode(), "plain.toml")
    path = tmp_path / "a.elf"
    path.write_bytes(mc.elf({0x4000: mc.program(mc.HOLD_WATCHDOG, mc.two(MOV, R(4), R(5)), mc.jump(mc.JMP, -2))}))
    result = run_elf(board, path, cycle_limit=10_000)
    assert result.energy_nj == pytest.approx(result.ledger["core"]) and result.ledger["boot"] == 0
    assert result.energy_nj == pytest.approx(0.354 * result.cycles, rel=1e-3)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "lpm3"', 'name = "lpm7"', "unknown figure"),
        ('values = [102]\nunit = "nAs"', 'values = [102]\nunit = "uA"', "is in uA"),
        ("values = [102]", "values = [102, 103]", "2 values at 0 clocks"),
        ("values = [102]", "values = [-1]", "negative"),
        ('name = "lpm4"', 'name = "lpm3"', "given twice"),
        ("mhz = [1, 4, 8, 12, 16]", "mhz = [1, 4, 4, 12, 16]", "do not rise"),
    ],
)
def test_figures_that_are_none(old, new, message):
    text = files("sparsecomp_boards").joinpath("msp430fr5994.toml").read_text()
    assert old in text
    with pytest.raises(InputError, match=message):
        parse_board(text.replace(old, new, 1).encode(), "wrong.toml")

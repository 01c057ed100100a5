"""The UART: rates from registers, pins, and a host at a pseudo-terminal."""

import os
import select
import termios
import time

import machine_code as mc
import pytest
from machine_code import ABS, BIC, BIS, CONST, IMM, MOV, SP, SR, B, R

from sparsecomp.errors import InputError
from sparsecomp_tools.virtual_board import Failure, VirtualBoard

UCA0, TXBUF, RXBUF, IFG, STATW = 0x5C0, 0x5CE, 0x5CC, 0x5DC, 0x5CA
P2SEL0, P2SEL1 = 0x20B, 0x20D


def word(address, value):
    return mc.two(MOV, IMM(value), ABS(address))


PINS = [mc.two(BIC, CONST(1), ABS(0x130)), mc.two(MOV, IMM(3), ABS(P2SEL1), B)]
EIGHT_MEGAHERTZ = [mc.two(MOV, IMM(0xA5), ABS(0x161), B), word(0x166, 0)]


def configured(brw, mctlw):
    return [word(UCA0, 0x81), word(UCA0 + 6, brw), word(UCA0 + 8, mctlw), word(UCA0, 0x80)]


START = [mc.two(MOV, IMM(0x3800), R(SP)), *EIGHT_MEGAHERTZ, *PINS, *configured(4, 0x5551)]


def sending(text):
    """Polls UCTXIFG before each byte and UCBUSY at the end."""
    parts = []
    for byte in text:
        parts += [mc.two(mc.BIT, CONST(2), ABS(IFG)), mc.jump(mc.JZ, -3), mc.two(MOV, IMM(byte), ABS(TXBUF), B)]
    return [*parts, mc.two(mc.BIT, CONST(1), ABS(STATW)), mc.jump(mc.JNZ, -3), mc.HALT]


def test_a_text_is_sent(execute):
    result, _ = execute(*START, *sending(b"hello, host\r\n"))
    assert (result.stopped, result.serial, result.mute_bytes) == ("halted", b"hello, host\r\n", 0)


@pytest.mark.parametrize(
    ("clock", "brw", "mctlw", "baud", "error"),
    [  # TI's examples and the user guide's table
        (8e6, 52, 0x4911, 9600, 1e-3),
        (8e6, 4, 0x5551, 115200, 2e-3),
        (8e6, 17, 0x4A00, 460800, 2e-2),
        (1e6, 8, 0xD600, 115200, 1e-2),
    ],
)
def test_rates_from_registers(execute, clock, brw, mctlw, baud, error):
    start = [*(EIGHT_MEGAHERTZ if clock == 8e6 else []), *PINS, *configured(brw, mctlw)]
    times = []
    for count in (10, 30):
        result, _ = execute(*start, *sending(b"U" * count), cycle_limit=10**7)
        assert result.serial == b"U" * count
        times.append(result.picoseconds)
    assert 20 * 10 / ((times[1] - times[0]) * 1e-12) == pytest.approx(baud, rel=error)


@pytest.mark.parametrize(
    "pins",
    [
        PINS[1:],
        PINS[:1],
        [PINS[0], mc.two(MOV, IMM(3), ABS(P2SEL0), B)],
        [*PINS, mc.two(MOV, IMM(3), ABS(P2SEL0), B)],
        [PINS[0], mc.two(MOV, IMM(2), ABS(P2SEL1), B)],
    ],
)
def test_wrong_pins_are_mute(execute, pins):
    result, _ = execute(*EIGHT_MEGAHERTZ, *pins, *configured(4, 0x5551), *sending(b"abc"))
    assert (result.stopped, result.serial, result.mute_bytes) == ("halted", b"", 3)


def test_a_host_at_another_rate_reads_garbage(execute):
    text = bytes(range(0x41, 0x51))
    for baud, same in ((115200, True), (112000, True), (9600, False), (57600, False), (230400, False)):
        result, _ = execute(*START, *sending(text), host_baud=baud)
        assert (result.serial == text) is same and len(result.serial) == len(text)


# Echoes in upper case, asleep between bytes: the interrupt reads, clears bit 5 and sends back.
ROUTINE = [mc.two(MOV, ABS(RXBUF), R(5), B), mc.two(BIC, IMM(0x20), R(5), B), mc.two(mc.ADD, CONST(1), R(6)),
           mc.two(MOV, R(5), ABS(TXBUF), B), mc.RETI]  # fmt: skip
ECHO = [
    *START,
    mc.two(MOV, CONST(0), R(6)),
    mc.two(MOV, CONST(1), ABS(UCA0 + 0x1A)),
    mc.two(BIS, IMM(0x18), R(SR)),
    mc.HALT,
]
SEGMENTS = {0x5000: mc.program(*ROUTINE), 0xFFF0: b"\x00\x50"}


def test_an_echo_that_sleeps(execute):
    result, _ = execute(*ECHO, segments=SEGMENTS, serial=b"abcdefgh")
    assert (result.stopped, result.serial, result.interrupts) == ("asleep", b"ABCDEFGH", 8)
    again, _ = execute(*ECHO, segments=SEGMENTS, serial=b"abcdefgh")
    assert again == result
    running = result.picoseconds - 500e6  # half a millisecond to start
    assert result.sleep_picoseconds > 0.9 * running and result.cycles < 500
    garbage, _ = execute(*ECHO, segments=SEGMENTS, serial=b"abcdefgh", host_baud=9600)
    assert garbage.serial != result.serial


def test_a_program_that_polls(execute):
    loop = [mc.two(mc.BIT, CONST(1), ABS(IFG)), mc.jump(mc.JZ, -3), mc.two(MOV, ABS(RXBUF), R(5), B),
            mc.two(MOV, R(5), ABS(TXBUF), B), mc.jump(mc.JMP, -8)]  # fmt: skip
    result, _ = execute(*START, *loop, serial=b"polling", cycle_limit=200_000)
    assert (result.stopped, result.serial) == ("cycle limit", b"polling")


def test_bytes_that_nobody_takes_overrun(execute):
    code = [*START, mc.two(BIS, IMM(0x18), R(SR)), mc.HALT]
    result, memory = execute(*code, serial=b"xyz", memory=True)
    assert result.stopped == "asleep"
    lost, _ = execute(*EIGHT_MEGAHERTZ, *configured(4, 0x5551), mc.two(BIS, IMM(0x18), R(SR)), mc.HALT, serial=b"xyz")
    assert lost.lost_bytes == 3


def test_other_modes_are_refused(execute):
    for control in (0x8080, 0x0180, 0x1080):
        result, _ = execute(word(UCA0, control))
        assert result.stopped == "unsimulated"


class Host:
    """Opens the port at a rate, as a terminal program would."""

    def __init__(self, port, speed=termios.B115200):
        self.file = os.open(port, os.O_RDWR | os.O_NOCTTY)
        mode = termios.tcgetattr(self.file)
        mode[4] = mode[5] = speed
        termios.tcsetattr(self.file, termios.TCSANOW, mode)

    def ask(self, data, pause=0.0, patience=10):
        answer = b""
        for byte in data:
            os.write(self.file, bytes([byte]))
            time.sleep(pause)
        while len(answer) < len(data) and select.select([self.file], [], [], patience)[0]:
            answer += os.read(self.file, 100)
        return answer


@pytest.fixture
def echo(tmp_path):
    path = tmp_path / "echo.elf"
    path.write_bytes(mc.elf({0x4000: mc.program(mc.HOLD_WATCHDOG, *ECHO), **SEGMENTS}))
    return path


def test_a_host_at_the_port(echo):
    """However slowly the host types, the same cycles and the same virtual time."""
    results = []
    for pause in (0.0, 0.003):
        with VirtualBoard("msp430fr5994", echo) as board:
            host = Host(board.port)
            assert host.ask(b"abcdefghij", pause) == b"ABCDEFGHIJ"
            assert host.ask(b"xyz", pause) == b"XYZ"
            os.close(host.file)
            results.append(board.stop())
    assert results[0] == results[1] and results[0].stopped == "interrupted" and results[0].interrupts == 13


def test_a_host_at_the_wrong_rate(echo):
    with VirtualBoard("msp430fr5994", echo) as board:
        host = Host(board.port, termios.B9600)
        assert host.ask(b"abc", patience=0.3) != b"ABC"
        os.close(host.file)
        again = Host(board.port)
        assert again.ask(b"abc") == b"ABC"
        os.close(again.file)


def test_a_board_that_fails_and_one_that_cannot_start(echo, tmp_path):
    with VirtualBoard("msp430fr5994", echo, failures=[Failure("instruction", 10)]) as board:
        host = Host(board.port)
        assert host.ask(b"abcdef") == b"ABCDEF"
        os.close(host.file)
        assert board.stop().power_failures == 1
    with pytest.raises(InputError, match="cannot be read"), VirtualBoard("msp430fr5994", tmp_path / "none.elf"):
        pass


def test_a_board_that_is_busy_stops(tmp_path):
    path = tmp_path / "busy.elf"
    path.write_bytes(mc.elf({0x4000: mc.program(mc.HOLD_WATCHDOG, mc.NOP, mc.NOP, mc.jump(mc.JMP, -3))}))
    with VirtualBoard("msp430fr5994", path) as board:
        assert os.path.exists(board.port)
    assert board.stop().stopped == "interrupted"

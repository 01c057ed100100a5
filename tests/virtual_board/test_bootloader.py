"""The boot loader in the simulated ROM, byte by byte: frames as hardware sees them, time, and how it is entered."""

import os
import select
import termios
import time

import machine_code as mc
import pytest
from machine_code import ABS, CONST, IMM, MOV, SP, SR, R

from sparsecomp_tools.flash.bsl_frames import frame
from sparsecomp_tools.virtual_board import Failure, VirtualBoard
from sparsecomp_tools.virtual_board.supply import Supply

BLANK = b"\xff" * 32
UNLOCK = frame(b"\x11" + BLANK)
DONE = b"\x00" + frame(b"\x3b\x00")
SLEEP = mc.GREET_AND_SLEEP
ENTER = [mc.two(MOV, IMM(0x3800), R(SP)), mc.two(MOV, IMM(0x1000), R(0))]


class Line:
    """The raw pseudo-terminal at a rate."""

    def __init__(self, board, speed=termios.B9600):
        self._file = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
        self.rate(speed)

    def rate(self, speed):
        settings = termios.tcgetattr(self._file)
        settings[4] = settings[5] = speed
        termios.tcsetattr(self._file, termios.TCSANOW, settings)

    def ask(self, data, count):
        """Sends bytes and reads so many; fewer where no more come."""
        os.write(self._file, data)
        return self.read(count)

    def read(self, count, patience=2.0):
        found = b""
        while len(found) < count and select.select([self._file], [], [], patience)[0]:
            try:
                more = os.read(self._file, count - len(found))
            except OSError:  # the board has stopped
                break
            if not more:
                break
            found += more
        return found

    def quiet(self):
        return self.read(1, 0.1) == b""


@pytest.fixture
def loader(board):
    with VirtualBoard(board, None, bootloader=True) as device:
        yield Line(device)


def data_answer(*data):
    return b"\x00" + frame(b"\x3a" + bytes(data))


def test_frames_are_acknowledged_and_answered(loader):
    assert loader.ask(UNLOCK, 8) == DONE
    assert loader.ask(bytes.fromhex("80 01 00 1A 8B 52"), 9) == data_answer(0x04, 0x01)
    assert loader.ask(frame(b"\x19"), 11)[:4] == bytes.fromhex("00 80 05 00")
    assert loader.quiet()


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"\x00", 0x51),
        (b"\x81", 0x51),
        (bytes.fromhex("80 01 00 1A 8B 53"), 0x52),
        (bytes.fromhex("80 00 00"), 0x53),
        (bytes.fromhex("80 05 01"), 0x54),
        (frame(b"\x52\x07"), 0x56),
        (frame(b"\x52"), 0x56),
    ],
)
def test_bad_frames_are_named_and_forgotten(loader, sent, answer):
    assert loader.ask(sent, 1) == bytes([answer]) and loader.quiet()
    assert loader.ask(UNLOCK, 8) == DONE


@pytest.mark.parametrize("command", [0x10, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B])
def test_commands_are_locked_before_the_password(loader, command):
    locked = b"\x00" + frame(b"\x3b\x04")
    assert loader.ask(frame(bytes([command]) + b"\x00\x40\x00\x02\x00"), 8) == locked


@pytest.mark.parametrize("core", [b"\x99", b"\x14", b"\x11\xff", b"\x18\x00\x40", b"\x10\x00\x40\x00", b"\x15\x00"])
def test_unknown_and_misshapen_commands(loader, core):
    assert loader.ask(UNLOCK, 8) == DONE
    assert loader.ask(frame(core), 8) == b"\x00" + frame(b"\x3b\x07")


def test_fast_writes_erased_segments_and_the_information_memory(loader):
    assert loader.ask(UNLOCK, 8) == DONE
    assert loader.ask(frame(b"\x1b\x00\x80\x00abcd"), 1) == b"\x00" and loader.quiet()
    assert loader.ask(frame(b"\x18\x01\x80\x00\x02\x00"), 9) == data_answer(*b"bc")
    assert loader.ask(frame(b"\x12\xff\x81\x00"), 8) == DONE
    assert loader.ask(frame(b"\x18\x00\x80\x00\x02\x00"), 9) == data_answer(0xFF, 0xFF)
    write = frame(b"\x10\x80\x19\x00info")
    assert loader.ask(write, 8) == DONE
    assert loader.ask(frame(b"\x13"), 8) == DONE
    assert loader.ask(write, 8) == b"\x00" + frame(b"\x3b\x01")
    assert loader.ask(frame(b"\x15"), 8) == DONE
    assert loader.ask(frame(b"\x18\x80\x19\x00\x04\x00"), 11) == data_answer(*b"info")


def test_a_wrong_password_erases_the_main_memory(board, tmp_path):
    path, image = tmp_path / "fw.elf", tmp_path / "image"
    path.write_bytes(mc.elf({0x4000: b"program!", 0x43FF0: b"table", 0x1800: b"info"}))
    with VirtualBoard(board, path, image=image, bootloader=True) as device:
        line = Line(device)
        assert line.ask(UNLOCK, 8) == b"\x00" + frame(b"\x3b\x05")
        assert line.ask(UNLOCK, 8) == DONE
    memory = image.read_bytes()
    assert set(memory[0x4000:0x44000]) == {0xFF} and memory[0x1800:0x1804] == b"info"


@pytest.mark.parametrize(
    ("code", "speed", "baud"),
    [
        (3, termios.B19200, 19200),
        (4, termios.B38400, 38400),
        (5, termios.B57600, 57600),
        (6, termios.B115200, 115200),
    ],
)
def test_the_rate_changes_after_the_acknowledgement(loader, code, speed, baud):
    assert loader.ask(frame(bytes([0x52, code])), 1) == b"\x00"
    loader.rate(speed)
    assert loader.ask(UNLOCK, 8) == DONE


@pytest.mark.parametrize(("code", "baud"), [(2, 9600), (6, 115200)])
def test_a_byte_takes_eleven_bits(board, code, baud):
    """At the start 9600 baud, later the rate that was asked for; waiting for the host takes no time."""
    times = []
    for count in (1, 3):
        with VirtualBoard(board, None, bootloader=True) as device:
            line = Line(device)
            assert line.ask(frame(bytes([0x52, code])), 1) == b"\x00"
            line.rate({9600: termios.B9600, 115200: termios.B115200}[baud])
            for _ in range(count):
                assert line.ask(UNLOCK, 8) == DONE
                time.sleep(0.01)
            times.append(device.stop().picoseconds * 1e-12)
    each = (len(UNLOCK) + len(DONE)) * 11 / baud
    assert (times[1] - times[0]) / 2 == pytest.approx(each, rel=0.02)


def test_the_same_session_takes_the_same_time(board):
    results = []
    for pause in (0.0, 0.02):
        with VirtualBoard(board, None, bootloader=True) as device:
            line = Line(device)
            for command in (UNLOCK, frame(b"\x10\x00\x40\x00\x01\x02\x03\x04"), frame(b"\x15")):
                time.sleep(pause)
                assert line.ask(command, 8) == DONE
            results.append(device.stop())
    assert results[0] == results[1] and results[0].fram_writes == 2 + 0x40000 // 2


def test_set_pc_starts_the_program(board, tmp_path):
    path = tmp_path / "fw.elf"
    path.write_bytes(mc.elf({0x4000: mc.program(*SLEEP)}, 0x4400))
    with VirtualBoard(board, path, bootloader=True) as device:
        line = Line(device)
        assert line.ask(frame(b"\x11" + BLANK[:30] + b"\x00\x44"), 8) == DONE
        assert line.ask(frame(b"\x17\x00\x40\x00"), 1) == b"\x00"
        assert line.read(1) != b""  # the program's greeting, at another rate
        result = device.stop()
    assert (result.stopped, result.registers[0]) == ("interrupted", 0x4000 + mc.ASLEEP_AT)


def test_a_program_may_jump_into_it(board, tmp_path):
    """With interrupts enabled and the watchdog running, as a program leaves them."""
    path = tmp_path / "fw.elf"
    path.write_bytes(mc.elf({0x4000: mc.program(mc.two(mc.BIS, CONST(8), R(SR)), *ENTER)}, 0x4000))
    with VirtualBoard(board, path) as device:
        line = Line(device)
        password = frame(b"\x11" + BLANK[:30] + b"\x00\x40")
        for _ in range(5):  # longer than the watchdog's 32 ms
            assert line.ask(password, 8) == DONE
        result = device.stop()
    assert result.resets == 1 and result.picoseconds > 100e9


def test_without_a_host_it_ends(execute):
    result, _ = execute(*ENTER)
    assert result.stopped == "asleep" and "boot loader" in result.message


def test_a_power_failure_while_it_writes(board, tmp_path):
    """Words are written one by one, and the next start is the program's: what was asked of TEST and RST is over."""
    path, image = tmp_path / "fw.elf", tmp_path / "image"
    path.write_bytes(mc.elf({0x4000: mc.program(*SLEEP)}, 0x4000))
    with VirtualBoard(board, path, image=image, bootloader=True, failure=Failure("before_write", 3)) as device:
        line = Line(device)
        assert line.ask(frame(b"\x11" + BLANK[:30] + b"\x00\x40"), 8) == DONE
        assert line.ask(frame(b"\x10\x00\x80\x00abcdefgh"), 1) == b"\x00"
        assert line.read(1) != b""
        result = device.stop()
    assert (result.stopped, result.power_failures) == ("interrupted", 1)
    assert image.read_bytes()[0x8000:0x8008] == b"abcd\xff\xff\xff\xff"


def test_the_rom_is_read_only(execute):
    result, _ = execute(mc.two(MOV, CONST(1), ABS(0x1000)))
    assert result.stopped == "unmapped" and "read-only" in result.message


def test_a_host_may_take_its_time(board):
    """Five milliseconds of virtual time before each of the host's answers, but not before its first frame."""
    times = []
    for latency in (0, 5000):
        with VirtualBoard(board, None, bootloader=True, host_latency_us=latency) as device:
            line = Line(device)
            for _ in range(4):
                assert line.ask(UNLOCK, 8) == DONE
            times.append(device.stop().picoseconds * 1e-12)
    assert times[1] - times[0] == pytest.approx(3 * 5e-3, rel=0.01)


def test_a_charge_that_is_too_small_for_an_erase(board, tmp_path):
    """The capacitor is looked at between two words, not only between two commands."""
    path, image = tmp_path / "fw.elf", tmp_path / "image"
    path.write_bytes(mc.elf({0x4000: mc.program(*SLEEP), 0x43FF0: b"table"}, 0x4000))
    supply = Supply(20, power_uW=50)
    with VirtualBoard(board, path, image=image, bootloader=True, supply=supply) as device:
        line = Line(device)
        assert b"\x3b" not in line.ask(frame(b"\x15"), 8)  # it is never done
        assert device.stop().power_failures >= 1
    memory = image.read_bytes()
    assert memory[0x4000:0x4100] == b"\xff" * 256 and memory[0x43FF0:0x43FF5] == b"table"

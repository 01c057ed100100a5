"""The boot loader's client against the virtual board's boot loader, over a real pseudo-terminal."""

import errno
import os
import pty
import select
import termios
import time

import machine_code as mc
import pytest
import serial

from sparsecomp.errors import InputError, ToolError
from sparsecomp_tools.flash import BootLoader, BslRunner, fram_segments, password_of
from sparsecomp_tools.flash.bsl_client import BLANK_PASSWORD
from sparsecomp_tools.virtual_board import Failure, VirtualBoard


@pytest.fixture
def image(tmp_path):
    return tmp_path / "board.fram"


def runner(**options):
    return BslRunner(parity="N", timeout=1.0, **options)


def holds(image, elf, board):
    memory = image.read_bytes()
    return all(memory[s.address : s.end] == s.data for s in fram_segments(elf, board))


def runs(device):
    """Whether the firmware has greeted and fallen asleep, when the board is switched off."""
    file = os.open(device.port, os.O_RDONLY | os.O_NOCTTY)
    greeted = select.select([file], [], [], 10)[0]
    os.close(file)
    result = device.stop()
    return bool(greeted) and (result.stopped, result.registers[0]) == ("interrupted", 0x4000 + mc.ASLEEP_AT)


def test_a_session_programs_verifies_and_starts(firmware, board, image):
    seen = []
    with VirtualBoard(board, None, image=image, bootloader=True) as device:
        runner(mass_erase=True, progress=lambda *now: seen.append(now)).program(firmware, board, device.port)
        assert runs(device)
    assert holds(image, firmware, board)
    total = sum(len(s.data) for s in fram_segments(firmware, board))
    assert seen[-1] == ("reading back", total, total) and ("programming", total, total) in seen


def test_the_installed_firmware_is_the_password(firmware, board, image):
    for options in ({"mass_erase": True}, {"installed": firmware}):
        with VirtualBoard(board, None, image=image, bootloader=True) as device:
            runner(**options).program(firmware, board, device.port)
    assert holds(image, firmware, board)


def test_without_a_password_nothing_is_sent(firmware, board, image):
    with VirtualBoard(board, firmware, image=image, bootloader=True) as device:
        with pytest.raises(ToolError, match="a wrong one erases the device") as refused:
            runner().program(firmware, board, device.port)
        assert device.stop().instructions == 0
    assert "allow the mass erase" in refused.value.hint
    assert holds(image, firmware, board)


def test_a_wrong_password_erases_and_says_so(firmware, board, image):
    with (
        VirtualBoard(board, firmware, image=image, bootloader=True) as device,
        BootLoader(device.port, parity="N") as client,
    ):
        with pytest.raises(ToolError, match="password is wrong, and the device has erased"):
            client.unlock(BLANK_PASSWORD)
        client.unlock(BLANK_PASSWORD)  # which is right now
        assert client.read(0x4000, 256) == b"\xff" * 256


def test_every_command(firmware, board):
    password = password_of(fram_segments(firmware, board))
    with VirtualBoard(board, firmware, bootloader=True) as device, BootLoader(device.port, parity="N") as client:
        for locked in (client.version, client.buffer_size, lambda: client.read(0x4000, 2), lambda: client.crc(0, 2)):
            with pytest.raises(ToolError, match="locked: it wants the password"):
                locked()
        client.unlock(password)
        client.set_baud(115200)
        assert len(client.version()) == 4 and client.buffer_size() == 260
        assert client.read(0x20000, 255) == bytes(range(255))
        client.write(0x30001, b"odd")
        assert client.read(0x30000, 5) == b"\xffodd\xff"
        client.write(0x30000, b"123456789")
        assert client.crc(0x30000, 9) == 0x29B1  # the catalogue's check value of CRC-16/CCITT-FALSE
        with pytest.raises(ToolError, match="did not take what was written"):
            client.write(0x1A00, b"device descriptor")
        with pytest.raises(ToolError, match="longer than its buffer"):
            client.read(0x4000, 300)
        with pytest.raises(ToolError, match="has no 4800 baud"):
            client.set_baud(4800)
        client.mass_erase()
        assert client.read(0xFFE0, 32) == BLANK_PASSWORD


class DamagingLine:
    """A serial port that changes or loses one byte of a chosen transfer, in either direction."""

    def __init__(self, port, writes=(), reads=(), lose=False):
        self._port, self._writes, self._reads, self._lose = port, set(writes), set(reads), lose
        self.writes = self.reads = self.damages = 0

    def write(self, data):
        self.writes += 1
        self._port.write(self._damaged(data) if self.writes in self._writes else data)

    def read(self, count):
        self.reads += 1
        data = self._port.read(count)
        return self._damaged(data) if self.reads in self._reads and data else data

    def _damaged(self, data):
        self.damages += 1
        middle = len(data) // 2
        return data[:middle] + (b"" if self._lose else bytes([data[middle] ^ 0x10])) + data[middle + 1 :]

    def __getattr__(self, name):
        return getattr(self._port, name)

    def __setattr__(self, name, value):
        if name == "timeout":
            self._port.timeout = value
        else:
            super().__setattr__(name, value)


@pytest.mark.parametrize("lose", [False, True])
@pytest.mark.parametrize(("kind", "chosen"), [("writes", {1, 3}), ("reads", {1, 8}), ("reads", {2, 9}), ("reads", {3})])
def test_damaged_frames_are_sent_again(firmware, board, kind, chosen, lose):
    data = os.urandom(200)
    with VirtualBoard(board, None, bootloader=True) as device:
        with BootLoader(device.port, parity="N", timeout=0.3) as client:
            client.unlock(BLANK_PASSWORD)
            line = DamagingLine(client._serial, lose=lose, **{kind: chosen})
            client._serial = line
            client.write(0x4000, data)
            assert client.read(0x4000, 200) == data
            assert client.crc(0x4000, 0) == 0xFFFF
            assert line.damages >= 1


def test_a_line_that_damages_everything_is_given_up(board):
    with VirtualBoard(board, None, bootloader=True) as device:
        with BootLoader(device.port, parity="N", timeout=0.2) as client:
            client._serial = DamagingLine(client._serial, writes=range(1000))
            with pytest.raises(ToolError, match="checksum|begin with 80|empty|longer") as given_up:
                client.unlock(BLANK_PASSWORD)
    assert "cable" in given_up.value.hint


def test_power_lost_while_programming(firmware, board, image):
    """The old program is gone, the new one not there: the device does not answer, and a rerun repairs it."""
    erased = 131_072  # words
    with VirtualBoard(
        board, firmware, image=image, bootloader=True, failure=Failure("after_write", erased + 50)
    ) as device:
        with pytest.raises(ToolError) as failed:
            runner(mass_erase=True).program(firmware, board, device.port)
        assert failed.value.hint
        assert device.stop().power_failures == 1
    assert not holds(image, firmware, board)
    with VirtualBoard(board, None, image=image, bootloader=True) as device:
        runner(mass_erase=True).program(firmware, board, device.port)
        assert runs(device)
    assert holds(image, firmware, board)


def test_a_program_that_does_not_answer(board, tmp_path):
    """A device that runs its program instead of the boot loader."""
    master, slave = pty.openpty()
    with (
        pytest.raises(ToolError, match="no answer") as refused,
        BootLoader(os.ttyname(slave), parity="N", timeout=0.2) as client,
    ):
        client.mass_erase()
    assert "TEST and RST" in refused.value.hint
    os.close(master)
    os.close(slave)


def test_a_port_in_use(firmware, board):
    with VirtualBoard(board, None, bootloader=True) as device, serial.Serial(device.port, exclusive=True):
        with pytest.raises(ToolError, match="is busy") as refused:
            runner(mass_erase=True).program(firmware, board, device.port)
    assert "close what else uses it" in refused.value.hint


def test_a_port_that_goes_away(board):
    with VirtualBoard(board, None, bootloader=True) as device:
        with BootLoader(device.port, parity="N", timeout=0.3) as client:
            client.unlock(BLANK_PASSWORD)
            device.stop()
            time.sleep(0.05)
            with pytest.raises(ToolError, match="is gone"):
                client.version()


def test_ports_that_cannot_be_opened(firmware, board, tmp_path):
    with pytest.raises(ToolError, match="does not exist"):
        runner(mass_erase=True).program(firmware, board, str(tmp_path / "ttyACM7"))
    with pytest.raises(ToolError, match="needs a serial port"):
        runner(mass_erase=True).program(firmware, board)
    with pytest.raises(InputError, match="cannot read"):
        runner(mass_erase=True).program(tmp_path / "missing.elf", board, "/dev/null")


def test_parity_that_a_port_refuses_is_no_silent_default(monkeypatch):
    """As the C library answers for a pseudo-terminal on many systems."""

    def refuse(*words, **settings):
        raise termios.error(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(ToolError, match="EINVAL") as refused:
        BootLoader("/dev/pts/7")
    assert "virtual board without" in refused.value.hint


def test_real_ports_are_opened_with_even_parity(monkeypatch):
    """What pyserial is asked for: no port here carries parity."""
    asked = {}

    class Asked(Exception):
        pass

    def record(name, baud, **settings):
        asked.update(settings, name=name, baud=baud)
        raise Asked

    monkeypatch.setattr(serial, "Serial", record)
    with pytest.raises(Asked):
        BootLoader("/dev/ttyUSB0")
    wanted = {"name": "/dev/ttyUSB0", "baud": 9600, "parity": "E", "bytesize": 8, "stopbits": 1, "exclusive": True}
    assert wanted.items() <= asked.items()


def test_a_host_at_another_rate_gets_no_sense(board):
    with VirtualBoard(board, None, bootloader=True) as device:
        with BootLoader(device.port, parity="N", timeout=0.2, retries=1) as client:
            client._serial.baudrate = 115200
            with pytest.raises(ToolError, match="boot loader at"):
                client.unlock(BLANK_PASSWORD)

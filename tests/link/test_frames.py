"""Frames: stuffing and checksum, and the firmware's C against the host's Python."""

import subprocess
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsecomp_tools.link.frames import crc16, decode, encode, stuff, unstuff
from sparsecomp_tools.power.compiling import compiler

LONGEST = 140  # FRAME_CONTENT


@pytest.fixture(scope="module")
def firmware(tmp_path_factory):
    """The C code as a function from (direction, bytes) to (exit code, bytes)."""
    serial = Path(str(files("sparsecomp_firmware"))) / "serial"
    program = tmp_path_factory.mktemp("frames") / "frames"
    sources = [str(serial / "frame.c"), str(Path(__file__).parent / "frame_main.c")]
    subprocess.run([*compiler(), "-std=c99", "-Wall", f"-I{serial}", *sources, "-o", str(program)], check=True)

    def run(direction, data):
        done = subprocess.run([str(program), direction], input=data, capture_output=True)
        return done.returncode, done.stdout

    return run


def test_the_checksum_is_the_published_one():
    assert crc16(b"123456789") == 0x29B1  # the check value of CRC-16/CCITT-FALSE


@pytest.mark.parametrize(
    ("data", "stuffed"),
    [  # Cheshire and Baker 1999, and the corner at 254 bytes
        (b"\0", b"\x01\x01"),
        (b"\0\0", b"\x01\x01\x01"),
        (b"\x11\x22\0\x33", b"\x03\x11\x22\x02\x33"),
        (b"\x11\0\0\0", b"\x02\x11\x01\x01\x01"),
        (bytes(range(1, 255)), b"\xff" + bytes(range(1, 255)) + b"\x01"),
    ],
)
def test_stuffing(data, stuffed):
    assert stuff(data) == stuffed
    assert unstuff(stuffed) == data


@given(st.binary(max_size=600))
def test_stuffed_bytes_hold_no_zero_and_come_back(data):
    assert 0 not in stuff(data)
    assert unstuff(stuff(data)) == data


@settings(max_examples=60)
@given(data=st.binary(min_size=1, max_size=LONGEST))
def test_the_firmware_sends_the_same_frames_and_reads_them(data, firmware):
    assert firmware("e", data) == (0, encode(data))
    assert firmware("d", encode(data)[1:-1]) == (0, data)


@settings(max_examples=60)
@given(data=st.binary(min_size=1, max_size=LONGEST), place=st.integers(min_value=0), flip=st.integers(1, 255))
def test_both_ends_refuse_a_damaged_frame(data, place, flip, firmware):
    segment = bytearray(encode(data)[1:-1])
    segment[place % len(segment)] ^= flip
    if 0 not in segment:
        assert decode(bytes(segment)) is None
        assert firmware("d", bytes(segment)) == (1, b"")


@settings(max_examples=40)
@given(data=st.binary(max_size=LONGEST))
def test_neither_end_falls_for_noise(data, firmware):
    noise = data.replace(b"\0", b"\1")
    content = decode(noise)
    assert firmware("d", noise) == ((1, b"") if content is None else (0, content))

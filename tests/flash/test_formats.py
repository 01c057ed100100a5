"""What is taken from an ELF file, TI-TXT both ways, and the boot loader's frames."""

import re

import machine_code as mc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsecomp.boards import load_board
from sparsecomp.errors import InputError, ToolError
from sparsecomp_tools.flash import Segment, entry_point, fram_segments, password_of
from sparsecomp_tools.flash.bsl_frames import DamagedFrame, core_of, crc_ccitt, frame
from sparsecomp_tools.flash.segments import compare
from sparsecomp_tools.flash.titext import from_titext, to_titext


def test_the_segments_of_a_firmware(firmware, board):
    segments = fram_segments(firmware, board)
    assert [(s.address, len(s.data)) for s in segments] == [(0x4000, 46), (0x5001, 301), (0xFFFE, 2), (0x20000, 2304)]
    assert entry_point(segments) == 0x4000
    assert password_of(segments) == b"\xff" * 30 + b"\x00\x40"


def test_what_is_not_fram_is_left_out(tmp_path, board):
    path = tmp_path / "fw.elf"
    path.write_bytes(mc.elf({0x4000: b"ab", 0x1C00: b"sram", 0x1800: b"info"}, 0x4000))
    assert [s.address for s in fram_segments(path, board)] == [0x1800, 0x4000, 0xFFFE]


def test_segments_on_both_sides_of_64_kb_are_joined(tmp_path, board):
    path = tmp_path / "fw.elf"
    path.write_bytes(mc.elf({0x4000: b"ab", 0x10000: b"cd"}, 0x4000))
    assert [(s.address, s.data) for s in fram_segments(path, board)] == [(0x4000, b"ab"), (0xFFFE, b"\x00\x40cd")]


def test_unsuitable_files(tmp_path, firmware, board):
    whole = firmware.read_bytes()
    for data, message in (
        (b"", "no complete ELF"),
        (b"text", "no complete ELF"),
        (whole[:60], "truncated"),
        (whole[:-100], "truncated: its section headers"),
        (_cut_segments(whole), "truncated: a segment"),
        (whole[:18] + b"\x3e\x00" + whole[20:], "another processor"),
        (_only(0x1C00), "nothing to load"),
    ):
        path = tmp_path / "other.elf"
        path.write_bytes(data)
        with pytest.raises(InputError, match=message):
            fram_segments(path, board)
    with pytest.raises(InputError, match="cannot read missing.elf"):
        fram_segments(tmp_path / "missing.elf", board)
    with pytest.raises(InputError, match="nothing at 0xfffe"):
        entry_point((Segment(0x4000, b"ab"),))


def _cut_segments(whole):
    """Half of the file, whose header does not speak of sections."""
    data = bytearray(whole[: len(whole) // 2])
    data[32:36] = bytes(4)
    data[48:52] = bytes(4)
    return bytes(data)


def _only(address):
    """An ELF file with a segment in SRAM: the vectors' segment is moved there too."""
    data = bytearray(mc.elf({address: b"ab"}, 0x4000))
    while (at := data.find((0xFFFE).to_bytes(4, "little"))) >= 0:
        data[at : at + 4] = (address + 0x100).to_bytes(4, "little")
    return bytes(data)


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_a_cut_file_is_refused_or_whole(tmp_path, firmware, board, cut):
    path = tmp_path / "cut.elf"
    path.write_bytes(firmware.read_bytes()[:cut])
    with pytest.raises(InputError):
        fram_segments(path, board)


def test_the_first_difference_is_named():
    wanted = (Segment(0x4000, b"abcd"),)
    compare(wanted, (Segment(0x3FFF, b"?abcd?"),), "tool")
    with pytest.raises(ToolError, match=r"tool says .* 0x04002 holds 0x00 instead of 0x63"):
        compare(wanted, (Segment(0x4000, b"ab\0d"),), "tool")
    with pytest.raises(ToolError, match="nothing back from 0x04000"):
        compare(wanted, (Segment(0x4000, b"abc"),), "tool")


segments = st.lists(
    st.builds(Segment, st.integers(0, 0xFFFFF), st.binary(min_size=1, max_size=70)), min_size=1, max_size=4
)


@given(segments)
def test_titext_round_trip(written):
    text = to_titext(written)
    assert from_titext(text) == tuple(written)
    lines = text.splitlines()
    assert lines[-1] == "q" and text.endswith("q\n")
    for line in lines[:-1]:
        assert re.fullmatch(r"@[0-9A-F]{4,5}|[0-9A-F]{2}( [0-9A-F]{2}){0,15}", line)


def test_titext_as_the_specification_shows_it():
    text = "@F000\n31 40 00 03 B2 40 80 5A 20 01 D2 D3 22 00 D2 E3\n21 00 3F 40\n@FFFE\n00 F0\nQ\n"
    assert from_titext(text) == (
        Segment(0xF000, bytes.fromhex("31400003B240805A2001D2D32200D2E321003F40")),
        Segment(0xFFFE, b"\x00\xf0"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@4000\n00\n", "no end"),
        ("", "no end"),
        ("00 11\nq\n", "line 1"),
        ("@4000\n0\nq\n", "line 2"),
        ("@4000\n" + "00 " * 17 + "\nq\n", "line 2"),
        ("@40G0\nq\n", "line 1"),
        ("@4000\n00\nq\n@5000\n", "line 4"),
        ("@4000 00\nq\n", "line 1"),
    ],
)
def test_what_is_no_titext(text, message):
    with pytest.raises(InputError, match=message):
        from_titext(text)


def test_titext_is_written_for_every_board(firmware):
    for name in ("msp430fr5992", "msp430fr5994"):
        found = fram_segments(firmware, load_board(name))
        assert from_titext(to_titext(found)) == found


@pytest.mark.parametrize(("core", "crc"), [("52 02", 0x5590), ("1A", 0x528B), ("3A 04 01", 0x121D)])
def test_checksums_of_mspdebugs_tests(core, crc):
    assert crc_ccitt(bytes.fromhex(core)) == crc


@given(st.binary(min_size=1, max_size=260), st.integers(0), st.integers(1, 255))
def test_a_damaged_frame_is_noticed(core, at, change):
    sent = bytearray(frame(core))
    assert core_of(bytes(sent[:3]), bytes(sent[3:])) == core
    sent[at % len(sent)] ^= change
    with pytest.raises(DamagedFrame):
        core_of(bytes(sent[:3]), bytes(sent[3:]))
    with pytest.raises(DamagedFrame):
        core_of(bytes(sent[:2]), b"")

"""Board files: the shipped ones are right, and a wrong one is refused with its line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsecomp.board_parts import USES
from sparsecomp.boards import list_boards, load_board, parse_board
from sparsecomp.errors import InputError, SparseCompError

BOARDS = Path(__file__).parents[1] / "boards"
HOST = (BOARDS / "host.toml").read_text()
FR5994 = (BOARDS / "msp430fr5994.toml").read_text()


def test_the_shipped_boards():
    assert list_boards() == ("host", "msp430fr5969", "msp430fr5992", "msp430fr5994", "msp430fr6989")
    for name in list_boards():
        board = load_board(name)
        assert board.name == name
        assert board.is_host == (name == "host")


# FRAM in KB as the data sheets' first pages have it, SRAM and LEA RAM in bytes.
@pytest.mark.parametrize(
    ("name", "fram_kb", "ram"),
    [("msp430fr5994", 256, 8192), ("msp430fr5992", 128, 8192), ("msp430fr5969", 63, 2048), ("msp430fr6989", 127, 2048)],
)
def test_memory_sizes_are_those_of_the_data_sheets(name, fram_kb, ram):
    board = load_board(name)
    assert sum(r.size for r in board.regions if r.nonvolatile) == fram_kb * 1024
    assert sum(r.size for r in board.regions if not r.nonvolatile) == ram
    # Nothing is placed on the signatures and vectors.
    for use in USES:
        for _, start, size in board.spans(use):
            assert start + size <= 0xFF80 or start >= 0x10000
    assert any(hole.start == 0xFF80 and hole.size == 0x80 for hole in board.reserved)


def test_the_charge_follows_from_the_capacitor():
    # 100 uF from 2.8 to 1.8 V is 230 uJ; at 0.354 nJ that is 0.65 M cycles.
    board = load_board("msp430fr5994")
    assert board.charge_joules == pytest.approx(230e-6)
    assert board.charge_cycles == int(230e-6 / 0.354e-9)
    assert board.charge_fram_writes is None
    larger = parse_board(FR5994.replace("capacitor_uF = 100.0", "capacitor_uF = 1000").encode(), "b.toml")
    assert larger.charge_cycles == pytest.approx(10 * board.charge_cycles, rel=1e-4)
    host = load_board("host")
    assert host.charge_joules is None and host.charge_cycles == 650_000 and host.charge_fram_writes == 65_536


def test_reserved_ranges_are_cut_out_of_a_region():
    text = HOST + '\n[[reserved]]\nname = "hole"\nstart = 0x20000\nsize = 0x100\n'
    board = parse_board(text.encode(), "b.toml")
    assert [(start, size) for _, start, size in board.spans("arena")] == [(0x10000, 0x10000), (0x20100, 0xEFF00)]
    assert board.bytes_for("arena") == 0x100000 - 0x100


def test_a_board_may_be_a_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(HOST.replace('name = "host"', 'name = "mine"', 1))
    board = load_board(path)
    assert (board.name, board.source) == ("mine", "mine.toml")
    assert board.sha256 != load_board("host").sha256 and len(board.sha256) == 64
    assert load_board(str(path)) == board


@pytest.mark.parametrize(("typed", "near"), [("msp430fr594", "msp430fr5994"), ("hots", "host"), ("FR5969", "fr5969")])
def test_an_unknown_board_is_answered_with_near_names(typed, near):
    with pytest.raises(InputError) as caught:
        load_board(typed)
    assert typed in caught.value.message and near in caught.value.hint


def test_a_name_nobody_knows_is_answered_with_the_list():
    with pytest.raises(InputError, match="unknown board 'zzz'") as caught:
        load_board("zzz")
    assert all(name in caught.value.hint for name in list_boards())


def line_of(text: str, part: str) -> int:
    return next(i for i, line in enumerate(text.splitlines(), 1) if part in line)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("clock_hz = 8_000_000", "clock_hz = = 8", "line {clock_hz}: invalid value"),
        ("clock_hz = 8_000_000", "clock_hz = true", "line {clock_hz}: 'clock_hz' must be a whole number"),
        ("clock_hz = 8_000_000", "clock_Hz = 8_000_000", "line {clock_}: unknown key 'clock_Hz'"),
        ("clock_hz = 8_000_000\n", "", "missing key 'clock_hz'"),
        ("clock_hz = 8_000_000", "clock_hz = 16_000_000", "FRAM without wait states"),
        ("v_on = 2.8", "v_on = 1.5", "starts at 1.5 V but stops at 1.8 V"),
        ("v_on = 2.8", "v_on = nan", "'energy.v_on' is not a finite number"),
        ("nj_per_cycle = 0.354", "", "the energy of one charge is not given"),
        ("capacitor_uF = 100.0", "capacitor_uF = 0.0001", "waking up takes 865"),
        ("capacitor_uF = 100.0", "capacitor_uF = -1", "not above zero"),
        ("boot_cycles = 865\n", "", "line {[energy]}: missing key 'energy.boot_cycles'"),
        ('kind = "sram"', 'kind = "dram"', "unknown kind 'dram'"),
        ('uses = ["stack", "scratch"]', 'uses = ["stack", "heap"]', "unknown use 'heap'"),
        ('uses = ["stack", "scratch"]', 'uses = ["arena"]', "loses its content"),
        ('uses = ["stack", "scratch"]', "uses = []", "no region is left for stack"),
        ("start = 0x1C00", "start = 0x3FFE", "'sram' and 'fram_low' overlap"),
        ("start = 0x1C00", "start = 0x1C01", "not a range of 16-bit words"),
        ("start = 0xFF80", "start = 0xFFFE", "does not lie inside one region"),
        ("[limits]", "[limits", "line {[limits}: "),
        ("tight_percent = 90", "tight_percent = 900", "line {[limits]}: tight_percent is 900"),
        ("uart =", "uurt =", "unknown key 'serial.uurt'"),
        ("cflags = [", "cflags = 3 #", ""),
    ],
)
def test_a_wrong_board_file_is_refused_with_its_line(old, new, message):
    assert old in FR5994
    text = FR5994.replace(old, new, 1)
    if "{" in message:
        part = message[message.index("{") + 1 : message.index("}")]
        message = message.replace(f"{{{part}}}", str(line_of(text, part)))
    with pytest.raises(InputError) as caught:
        parse_board(text.encode(), "mine.toml")
    assert caught.value.message.startswith("mine.toml") and message in caught.value.message
    assert caught.value.hint and "\n" not in caught.value.message + caught.value.hint


def test_a_near_key_is_proposed():
    with pytest.raises(InputError) as caught:
        parse_board(HOST.replace("clock_hz", "clok_hz").encode(), "mine.toml")
    assert caught.value.hint == "did you mean 'clock_hz'?"


def test_files_that_are_no_text_or_not_there(tmp_path):
    with pytest.raises(InputError, match="line 2: not UTF-8"):
        parse_board(b'name = "x"\nmcu = "\xff"\n', "mine.toml")
    with pytest.raises(InputError, match="cannot read the board file gone.toml"):
        load_board(tmp_path / "gone.toml")
    with pytest.raises(InputError, match="mine.toml"):
        parse_board(b"a = " + b"[" * 100_000, "mine.toml")


@given(st.integers(0, len(FR5994) - 1), st.integers(0, 40), st.text(max_size=8))
def test_damage_never_ends_in_anything_but_an_input_error(at, length, text):
    try:
        board = parse_board((FR5994[:at] + text + FR5994[at + length :]).encode("utf-8", "replace"), "mine.toml")
    except SparseCompError as error:
        assert isinstance(error, InputError) and error.message.startswith("mine.toml")
    else:
        assert board.charge_cycles > 0

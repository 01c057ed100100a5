"""The firmware at every clock that it has a setting for: right answers, and a baud rate that a host can follow."""

import re
from importlib.resources import files

import networks
import pytest
from toolchain import require_msp430

from sparsecomp.boards import load_board
from sparsecomp.build import built
from sparsecomp.device_header import DCO, baud_registers, device_header
from sparsecomp.errors import InputError
from sparsecomp.on_board import model_hash
from sparsecomp_tools.link import Device, open_line
from sparsecomp_tools.virtual_board import VirtualBoard


def board_at(folder, hertz, waits, baud=115_200):
    """The MSP430FR5994's file with another clock and line."""
    text = files("sparsecomp_boards").joinpath("msp430fr5994.toml").read_text()
    for name, value in (("clock_hz", hertz), ("wait_states", waits), ("baud", baud)):
        text, found = re.subn(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.MULTILINE)
        assert found == 1
    path = folder / "other.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("hertz", "waits", "baud"),
    [(1_000_000, 0, 9600), (4_000_000, 0, 115_200), (8_000_000, 0, 460_800), (16_000_000, 1, 115_200)],
)
def test_it_answers_at_this_clock(hertz, waits, baud, tmp_path):
    require_msp430()
    path = board_at(tmp_path, hertz, waits, baud)
    made = networks.generate(networks.SMALL["chain"](), tmp_path / "project", board=path)
    with built(made.directory, made.plan.board) as copy, VirtualBoard(path, copy / "build/firmware.elf") as board:
        with open_line(board.port, baud) as line:
            device = Device(line, patience=60)
            device.expect(model_hash(made.directory))
            expected = b"".join(w.tobytes() for w in made.answers[0])
            assert device.infer(0, made.words[0], [w.size for w in made.answers[0]]) == expected
        result = board.stop()
    assert result.stopped == "interrupted"
    assert (result.wait_cycles > 0) == (waits > 0)


# TI's examples, the user guide's tables: reference values of UCBRW and UCAxMCTLW.
@pytest.mark.parametrize(
    ("hertz", "baud", "brw", "mctlw"),
    [
        (1_000_000, 115_200, 8, 0xD600),
        (8_000_000, 9600, 52, 0x4911),
        (8_000_000, 115_200, 4, 0x5551),
        (16_000_000, 9600, 104, 0xD621),
        (16_000_000, 115_200, 8, 0xF7A1),
    ],
)
def test_the_registers_are_those_of_tis_examples(hertz, baud, brw, mctlw):
    assert baud_registers(hertz, baud) == (brw, mctlw)


@pytest.mark.parametrize("baud", [400_000, 1_000_000])
def test_a_rate_that_the_clock_cannot_give_is_refused(baud):
    with pytest.raises(InputError, match=f"no {baud} baud from a clock of 1000000 Hz"):
        baud_registers(1_000_000, baud)


def test_a_clock_without_a_setting_is_refused(tmp_path):
    board = load_board(board_at(tmp_path, 5_000_000, 0))
    with pytest.raises(InputError, match="no setting for a clock of 5000000 Hz") as refused:
        device_header(board)
    assert all(f"{hertz:_}" in refused.value.hint for hertz in DCO)

"""A firmware that reads its supply voltage: what it reads, what that costs, and that others do not carry the code."""

import os
import subprocess
from importlib.resources import files
from pathlib import Path

import networks
import numpy as np
import pytest
from elftools.elf.elffile import ELFFile
from toolchain import require_msp430

from sparsecomp.boards import load_board, parse_board
from sparsecomp.build import built
from sparsecomp_tools.virtual_board import Supply, read_events, run_elf
from sparsecomp_tools.virtual_board.events import WATCH

BOARD = "msp430fr5994"
MAIN = """#include "port.h"
#include "supply.h"

PERSISTENT volatile uint16_t code = 0U;

int main(void)
{
    code = 0xFFFFU;
    code = port_supply();
    code = port_supply();
    return 0;
}
"""
AT_16_MHZ = (("clock_hz = 8_000_000", "clock_hz = 16_000_000"), ("wait_states = 0", "wait_states = 1"))
MOST_CYCLES = 1500


def symbols(elf):
    with open(elf, "rb") as file:
        return {s.name: s["st_value"] for s in ELFFile(file).get_section_by_name(".symtab").iter_symbols()}


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """A project without a serial line whose main reads the voltage, linked."""
    require_msp430()
    folder = tmp_path_factory.mktemp("reader")
    made = networks.generate(networks.chain(), folder / "project", board=BOARD)
    (made.directory / "main.c").write_text(MAIN)
    with built(made.directory, made.plan.board) as copy:
        (folder / "firmware.elf").write_bytes((copy / "build/firmware.elf").read_bytes())
    return folder / "firmware.elf"


def readings(elf, events, board=BOARD, **options):
    """Writes of ``code``: the mark, then what was read, twice."""
    result = run_elf(board, elf, watch=symbols(elf)["code"], events=events, **options)
    assert result.stopped == "asleep", result.message
    record = read_events(events)
    return record[record["kind"] == WATCH]


@pytest.mark.parametrize("volts", [1.85, 2.0, 2.4, 2.8, 3.0, 3.3, 3.6])
def test_the_capacitors_voltage_is_read(reader, tmp_path, volts):
    found = readings(reader, tmp_path / "events", supply=Supply(100, v_on=volts))
    assert len(found) == 3
    assert (np.abs(found["value"][1:] - 0.5 * found["volts"][1:] / 2.0 * 4095) <= 1).all()


def test_without_a_capacitor_it_is_the_boards(reader, tmp_path):
    found = readings(reader, tmp_path / "events")
    assert found["value"].tolist() == [0xFFFF, *[round(0.5 * load_board(BOARD).energy.volts / 2.0 * 4095)] * 2]


def test_it_takes_less_than_a_small_restart_unit(reader, tmp_path):
    cycles = readings(reader, tmp_path / "events")["cycles"]
    assert cycles[2] - cycles[1] < MOST_CYCLES


def test_at_16_megahertz_as_well(tmp_path):
    require_msp430()
    text = files("sparsecomp_boards").joinpath(f"{BOARD}.toml").read_text()
    for old, new in AT_16_MHZ:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "fast.toml").write_text(text)
    made = networks.generate(networks.chain(), tmp_path / "project", board=str(tmp_path / "fast.toml"))
    main = MAIN.replace('#include "supply.h"', '#include "supply.h"\n#include "device.h"')
    (made.directory / "main.c").write_text(
        main.replace("    code = 0xFFFFU;", "    device_start();\n    code = 0xFFFFU;")
    )
    with built(made.directory, made.plan.board) as copy:
        found = readings(copy / "build/firmware.elf", tmp_path / "events", parse_board(text.encode(), "fast.toml"))
    assert found["value"].tolist()[1:] == [3071, 3071]
    assert found["cycles"][2] - found["cycles"][1] < MOST_CYCLES


def test_a_firmware_that_does_not_ask_does_not_have_it(tmp_path):
    require_msp430()
    made = networks.generate(networks.chain(), tmp_path / "project", board=BOARD)
    with built(made.directory, made.plan.board) as copy:
        assert "port_supply" not in symbols(copy / "build/firmware.elf")


def test_the_hosts_is_what_somebody_sets(tmp_path):
    made = networks.generate(networks.chain(), tmp_path / "project")
    main = """#include <stdio.h>
#include "supply.h"

int main(void)
{
    printf("%u ", port_supply());
    supply_code = 1000U;
    printf("%u", port_supply());
    return 0;
}
"""
    (made.directory / "main.c").write_text(main)
    with built(made.directory, made.plan.board) as copy:
        program = Path(copy) / "build/selftest"

        def said(**variables):
            done = subprocess.run([program], capture_output=True, text=True, env=os.environ | variables, check=True)
            return [int(word) for word in done.stdout.split()]

        assert said() == [round(0.5 * 3.0 / 2.0 * 4095), 1000]
        for millivolts in (1800, 2345, 4000):
            assert said(SPARSECOMP_SUPPLY_MV=str(millivolts)) == [round(0.5e-3 * millivolts / 2.0 * 4095)] * 2
        assert said(SPARSECOMP_SUPPLY_MV="5000") == [4095] * 2

"""The real firmware with its start-up and linker script on the simulated device: right, predicted, restartable."""

import random
import struct

import networks
import pytest
from elftools.elf.elffile import ELFFile
from toolchain import require_msp430

from sparsecomp.build import built
from sparsecomp.plan.units import inference_writes, layer_cycles
from sparsecomp_tools.virtual_board import Failure, run_elf

BOARD = "msp430fr5994"
PASSED = 0x600D
VERDICT_WRITES = 1
CHARGE = 40_000  # cycles, the start of the device included


@pytest.fixture(scope="module", params=[*networks.SMALL, "demo"])
def firmware(request, tmp_path_factory):
    """The project and its linked ELF file."""
    require_msp430()
    folder = tmp_path_factory.mktemp(request.param)
    network = networks.SMALL.get(request.param, networks.demo)()
    made = networks.generate(network, folder / "project", board=BOARD)
    # Without a serial line: it runs by itself and keeps its verdict.
    (made.directory / "main.c").write_bytes((made.directory / "examples/selftest.c").read_bytes())
    with built(made.directory, made.plan.board) as copy:
        elf = folder / "firmware.elf"
        elf.write_bytes((copy / "build/firmware.elf").read_bytes())
    return made, elf


def word(elf, image, name):
    """The word of a persistent variable in an image of the FRAM."""
    with open(elf, "rb") as file:
        address = ELFFile(file).get_section_by_name(".symtab").get_symbol_by_name(name)[0]["st_value"]
    return struct.unpack_from("<H", image.read_bytes(), address)[0]


def test_the_self_test_passes_with_the_planned_writes_and_about_the_planned_cycles(firmware, tmp_path):
    made, elf = firmware
    result = run_elf(BOARD, elf, image=tmp_path / "fram")
    assert result.stopped == "asleep"
    assert word(elf, tmp_path / "fram", "selftest_verdict") == PASSED
    delivery = made.plan.wire_words + 4
    assert result.fram_writes == delivery + inference_writes(made.plan) + VERDICT_WRITES
    estimated = sum(layer_cycles(made.plan, i) for i in range(len(made.program.steps)))
    assert 0.75 < result.cycles / estimated < 1.25


def test_it_ends_however_often_the_charge_is_used_up(firmware, tmp_path):
    made, elf = firmware
    image = tmp_path / "fram"
    for charges in range(1, 2000):
        # Only the first run programs the board; the others find the memory as the failure left it.
        result = run_elf(BOARD, elf if charges == 1 else None, image=image, cycle_limit=CHARGE, seed=charges)
        if result.stopped == "asleep":
            break
        assert result.stopped == "cycle limit"
    assert charges > 3
    assert word(elf, image, "selftest_verdict") == PASSED


@pytest.mark.parametrize("kind", ["before_write", "after_write", "instruction"])
def test_one_failure_anywhere_changes_nothing(kind, firmware, tmp_path):
    made, elf = firmware
    whole = run_elf(BOARD, elf)
    span = whole.instructions if kind == "instruction" else whole.fram_writes
    chance = random.Random(kind)
    for number in range(8):
        image = tmp_path / f"fram{number}"
        failure = Failure(kind, chance.randrange(1, span))
        result = run_elf(BOARD, elf, image=image, failures=[failure], seed=number)
        assert result.stopped == "asleep" and result.power_failures == 1
        assert word(elf, image, "selftest_verdict") == PASSED, failure
        image.unlink()

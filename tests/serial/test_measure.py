"""What the virtual board's events say of layers, the smallest capacitor, and the pictures."""

import sys

import numpy as np
import pytest
from toolchain import require_msp430

from sparsecomp.errors import InputError, ToolError
from sparsecomp.plan.units import MARGIN
from sparsecomp_tools.accuracy import VirtualPlace
from sparsecomp_tools.measure import (
    attribute,
    cursor_address,
    first_inference,
    plot_layers,
    plot_run,
    smallest_capacitor,
)
from sparsecomp_tools.measure.capacitor import finish
from sparsecomp_tools.virtual_board import Supply, read_events
from sparsecomp_tools.virtual_board.events import BOOT, FIELDS, POWER_LOST, STOP, WATCH

PNG = b"\x89PNG\r\n\x1a\n"


def events(*rows):
    """Rows of (cycles, kind, value); time, energy and waiting follow from the cycles."""
    out = np.zeros(len(rows), FIELDS)
    for row, (cycles, kind, value) in zip(out, rows, strict=True):
        row["cycles"], row["kind"], row["value"] = cycles, kind, value
        row["time_ps"], row["wait_cycles"], row["energy_fj"] = cycles * 125_000, cycles // 10, cycles * 300_000
    return out


ONE = [(0, BOOT, 2), (50, WATCH, 1), (150, WATCH, 2), (190, POWER_LOST, 0), (200, BOOT, 2), (260, WATCH, 3)]


def test_cycles_belong_to_the_unit_that_the_cursor_names():
    # Two units: the second is cut, and pays for the start and for its repetition.
    costs = attribute(events(*ONE, (400, STOP, 0)), 2)
    assert costs.inferences == 1
    assert list(costs.cycles) == [100, 110]
    assert costs.total.cycles == 210
    assert costs.total.energy_nj == pytest.approx(210 * 0.3)
    assert costs.total.seconds == pytest.approx(210 * 125e-9)
    assert [layer.cycles for layer in costs.layers([0, 1])] == [100, 110]


def test_means_are_over_completed_inferences():
    again = [(1000, WATCH, 0), (1010, WATCH, 1), (1200, WATCH, 2), (1300, WATCH, 3)]
    costs = attribute(events(*ONE, *again), 2)
    assert costs.inferences == 2
    assert list(costs.cycles) == [(100 + 190) / 2, (110 + 100) / 2]
    assert len(first_inference(events(*ONE, *again), 2)) == len(ONE)


def test_without_a_completed_inference_there_is_nothing_to_tell():
    with pytest.raises(ToolError, match="no inference was completed"):
        attribute(events(*ONE[:4]), 2)
    assert len(first_inference(events(*ONE[:4]), 2)) == 4


@pytest.fixture(scope="module")
def ran(chain, tmp_path_factory):
    """A virtual board that has answered one input on a capacitor."""
    place = VirtualPlace(
        chain.made.plan.board, chain.elf, tmp_path_factory.mktemp("ran"), Supply(40, 500), watch=chain.cursor
    )
    place.flash()
    with place.connect() as device:
        assert device.infer(0, chain.made.words[0], chain.outputs) == chain.answer(0)
    return place


def test_the_smallest_capacitor_does_and_a_smaller_one_does_not(chain, ran):
    board, units = chain.made.plan.board, chain.made.plan.unit_count
    cycles = attribute(read_events(ran.events), units).total.cycles
    before = ran.image.read_bytes()
    uF, end = smallest_capacitor(board, ran.image, chain.cursor, units, ran.supply, cycles)
    assert end.finished and end.boots > 10
    assert ran.image.read_bytes() == before
    assert not finish(board, ran.image, chain.cursor, units, Supply(uF * 0.9, 500), cycles).finished
    # The plan promises no more than one unit at a time, and counts on half of a charge: so it is enough.
    promised = MARGIN * chain.made.plan.charge.cycles * board.energy.nj_per_cycle * 1e-9
    enough = 2e6 * promised / (board.energy.v_on**2 - board.energy.v_off**2)
    assert uF < enough


def test_a_narrow_band_of_voltage_needs_a_larger_one(chain, ran):
    board, units = chain.made.plan.board, chain.made.plan.unit_count
    weak = Supply(1, 500, v_on=1.81, v_off=1.8)
    uF, end = smallest_capacitor(board, ran.image, chain.cursor, units, weak, 2_000_000)
    assert uF > 1 and end.finished


def test_pictures(chain, ran, tmp_path):
    found = read_events(ran.events)
    plot_run(found, tmp_path / "run.png", "chain")
    costs = attribute(found, chain.made.plan.unit_count)
    from sparsecomp.measurements import LayerCost

    layers = [LayerCost("conv", costs.total.cycles, 10, 3.0), LayerCost("fc", 100, 0, 0.5)]
    plot_layers(layers, tmp_path / "layers.png")
    for name in ("run.png", "layers.png"):
        data = (tmp_path / name).read_bytes()
        assert data.startswith(PNG) and len(data) > 10_000


def test_without_matplotlib_the_extra_is_named(ran, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ToolError, match="plots need matplotlib") as found:
        plot_run(read_events(ran.events), tmp_path / "run.png")
    assert "sparsecomp[plot]" in found.value.hint


def test_symbols_of_something_else(tmp_path):
    require_msp430()
    (tmp_path / "noise.elf").write_bytes(b"noise" * 100)
    with pytest.raises(InputError, match="cannot read noise.elf"):
        cursor_address(tmp_path / "noise.elf")
    with pytest.raises(InputError, match="cannot read"):
        cursor_address(tmp_path / "nothing.elf")

"""The demo's network on the virtual board: 50 images with power, 20 on a capacitor, twice."""

import numpy as np
import pytest
from toolchain import require_msp430

import sparsecomp
from sparsecomp.datasets import load_fashion
from sparsecomp.on_board import Bench
from sparsecomp.pipeline import accuracy, deploy
from sparsecomp.wire import Wire
from sparsecomp_tools.demo.supply import unsteady
from sparsecomp_tools.virtual_board import Supply

BOARD = "msp430fr5994"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The demo, hardly trained."""
    import torch

    from sparsecomp_tools.demo.network import train

    require_msp430()
    x_train, y_train, x_test, y_test = load_fashion()
    path = tmp_path_factory.mktemp("demo") / "model.pt"
    sparsecomp.save(
        train(x_train[:1500], y_train[:1500], epochs=3, seed=1),
        path,
        torch.zeros(1, 1, 28, 28),
        calibration=x_train[:128, None],
        samples=x_test[:50, None],
        labels=y_test[:50],
        preprocess=Wire("u8", scale=1 / 255),
    )
    return path


def test_fifty_images(model, tmp_path):
    _, _, x_test, y_test = load_fashion()
    np.savez(tmp_path / "test.npz", x=x_test[:50, None], y=y_test[:50])
    bench = Bench(ports=("virtual",))
    result = deploy(model, tmp_path / "out", board=BOARD, data=tmp_path / "test.npz", bench=bench)
    run = result.on_board
    assert (run.samples, run.resumed, run.simulated, run.restarts) == (50, 0, True, 0)
    assert result.accuracy.board == result.accuracy.host_c == result.accuracy.reference > 0.3
    assert result.compared_elements == 1990
    measured = run.measured
    assert measured.inferences == 50 and measured.reboots == 0 and measured.wait_cycles == 0
    assert 1e6 < measured.cycles < 20e6
    # Between all misses and all hits of the cache at 8 MHz and 3 V: 2.85 and 0.45 mA.
    assert 0.45e-3 * 3 / 8e6 < measured.energy_uJ * 1e-6 / measured.cycles < 2.85e-3 * 3 / 8e6
    assert measured.seconds == pytest.approx(measured.cycles / 8e6, rel=1e-6)
    assert run.linked.stack_bytes < run.linked.stack_room


def test_twenty_images_on_a_capacitor_twice(model):
    bench = Bench(ports=("virtual",), supply=Supply(100, 500))
    first = accuracy(model, board=BOARD, bench=bench, samples=20).on_board
    with unsteady(3):
        second = accuracy(model, board=BOARD, bench=bench, samples=20).on_board
    assert first.measured == second.measured
    assert first.measured.reboots > 20 and first.restarts > 10
    # Most of the time goes into waiting for the next charge.
    assert first.measured.seconds > 3 * first.measured.cycles / 8e6


def test_a_supply_that_is_too_weak_says_so(model):
    from sparsecomp.errors import ToolError

    for supply, what in ((Supply(100, 0), "starved"), (Supply(4, 500), "1000 charges in a row made no progress")):
        with pytest.raises(ToolError, match=what):
            accuracy(model, board=BOARD, bench=Bench(ports=("virtual",), supply=supply), samples=1)

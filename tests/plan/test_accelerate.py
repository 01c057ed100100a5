"""Which layers the accelerator takes, what the plan says of them, and where it is refused."""

import json
from dataclasses import replace

import pytest
from small import Net, loaded
from small import program as lowered
from toolchain import require_msp430

from sparsecomp.boards import list_boards, load_board
from sparsecomp.errors import DoesNotFitError, InputError
from sparsecomp.kernels.mac_lea import even
from sparsecomp.on_board import Bench
from sparsecomp.pipeline import analyze, convert, deploy
from sparsecomp.plan.accelerate import NOTE, accelerate, candidates
from sparsecomp.plan.planner import make_plan
from sparsecomp.plan.units import layer_cycles
from sparsecomp.plan_report import plan_json
from sparsecomp.prepare import Request
from sparsecomp.report import layer_rows, layer_table

BOARD = load_board("msp430fr5994")


def network():
    """A first layer too short for the accelerator, a depthwise one that is not for it, then two that are."""
    net = Net((1, 10, 10), seed=4)
    x = net.add("relu", net.conv("x", 8))
    x = net.conv(x, 8, groups=8, pad=1)
    x = net.pool(net.add("relu", net.conv(x, 12)))
    return net.graph(net.linear(net.flatten(x), 20))


@pytest.fixture(scope="module")
def program():
    return lowered(network(), encoding="dense")


def macs(program):
    return [step for step in program.steps if step.kernel == "mac"]


def test_layers_that_get_faster_are_accelerated_and_the_others_stay(program):
    chosen = accelerate(program, BOARD)
    assert [bool(step.attrs.get("lea")) for step in macs(chosen)] == [False, False, True, True]
    plain, plan = make_plan(program, BOARD), make_plan(chosen, BOARD)
    for index, step in enumerate(chosen.steps):
        if step.attrs.get("lea"):
            assert layer_cycles(plan, index) < layer_cycles(plain, index)
            weights = step.attrs["matrix"].size
            assert plan.weight_bytes[index] == plain.weight_bytes[index] + weights
            assert step.attrs["encoded"].nbytes == 2 * weights
        else:
            assert layer_cycles(plan, index) == layer_cycles(plain, index) and step is program.steps[index]
    assert chosen.notes[-1] == NOTE and sum("accelerated" in note for note in chosen.notes) == 2


def test_the_plan_and_the_table_say_so(program):
    plan = make_plan(accelerate(program, BOARD), BOARD)
    layers = [layer for layer in plan_json(plan)["layers"] if layer["kernel"] == "mac"]
    assert [layer["walk"] for layer in layers] == ["walk_mac_dense"] * 2 + ["walk_mac_dense_lea"] * 2
    assert [layer["cycles_fitted"] for layer in layers] == [False, False, True, True]
    rows = [row for row in layer_rows(plan) if row.op == "mac"]
    assert [row.lea for row in rows] == [False, False, True, True]
    assert sum("dense, LEA" in line for line in layer_table(rows)) == 2


def test_rows_that_stay_fit_the_accelerators_ram(program):
    for step in macs(program)[2:]:
        found = candidates(program, step, BOARD)
        rows = max(s.attrs["lea"].resident_rows for s in found)
        windows = step.attrs.get("pool", (1, 1))[0] * step.attrs.get("pool", (1, 1))[1]
        filters, taps = step.attrs["matrix"].shape
        assert 0 < rows <= filters
        assert 16 + 2 * even(taps) * (windows + 1 + rows) <= BOARD.lea_ram[1]


def test_what_does_not_fit_its_ram_or_is_sparse_stays():
    net = Net((1000,), seed=5)
    long = lowered(net.graph(net.linear("x", 3)), encoding="dense")
    assert candidates(long, macs(long)[0], BOARD) == []
    sparse = lowered(network(), encoding="csr")
    assert accelerate(sparse, BOARD).steps == sparse.steps
    assert accelerate(sparse, BOARD).notes[-1] == "no layer gets faster by the accelerator"


@pytest.mark.parametrize("name", [name for name in list_boards() if not load_board(name).lea_ram])
def test_boards_without_an_accelerator_refuse(name, program):
    with pytest.raises(InputError, match="has no low-energy accelerator") as refused:
        accelerate(program, load_board(name))
    assert "msp430fr5994" in refused.value.hint and "--lea" in refused.value.hint


def test_floats_are_refused():
    with pytest.raises(InputError, match="integers"):
        Request(lea=True, numeric="float32")


def test_from_the_verbs(model, tmp_path):
    for lea in (False, True):
        convert(model, tmp_path / str(lea), board="msp430fr5994", lea=lea, encoding="dense")
    plan = json.loads((tmp_path / "True/plan.json").read_text())
    assert not any(layer["cycles_fitted"] for layer in plan["layers"])  # eighteen taps and nine: too short
    assert analyze(model, "msp430fr5994", lea=True).notes[-1] == "no layer gets faster by the accelerator"
    for verb in (lambda: analyze(model, lea=True), lambda: convert(model, tmp_path / "x", board="host", lea=True)):
        with pytest.raises(InputError, match="no low-energy accelerator"):
            verb()


def test_too_many_bytes_name_the_option(monkeypatch, model):
    from sparsecomp import pipeline

    def refuse(*_, **__):
        raise DoesNotFitError("too large", "prune")

    program = lowered(network(), encoding="dense")
    prepared = replace(pipeline.prepare(model, Request()), program=program)
    monkeypatch.setattr(pipeline, "make_plan", refuse)
    with pytest.raises(DoesNotFitError) as refused:
        pipeline.planned(prepared, Request(lea=True), BOARD)
    assert "leave --lea out" in refused.value.hint
    with pytest.raises(DoesNotFitError) as refused:
        pipeline.planned(prepared, Request(), BOARD)
    assert refused.value.hint == "prune"


def test_deployed_to_the_virtual_board(tmp_path):
    """Every answer over the serial line is the reference's, and the host build's, which has no accelerator."""
    require_msp430()
    graph = network()
    result = deploy(
        loaded(graph),
        tmp_path / "project",
        board=BOARD.name,
        lea=True,
        encoding="dense",
        bench=Bench(ports=("virtual",)),
    )
    assert result.exit_code == 0 and "walk_mac_dense_lea" in (tmp_path / "project/model.c").read_text()
    assert any("fitted" in line for line in result.lines())

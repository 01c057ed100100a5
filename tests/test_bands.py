"""Layers in bands of rows, and lifted maps, leave every answer as it is, and every map as it was written."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import chains, in_parts
from small import Net, chain, program, residual, samples

from sparsecomp.bands import in_bands, lifted, may_be_banded, may_be_lifted
from sparsecomp.boards import load_board
from sparsecomp.errors import ConversionError
from sparsecomp.plan.check import check_hazards
from sparsecomp.plan.planner import make_plan
from sparsecomp.plan.units import inference_writes
from sparsecomp.program import Program
from sparsecomp.reference import run, to_wire
from sparsecomp.report import layer_rows

BOARDS = {name: load_board(name) for name in ("host", "msp430fr5994")}


def answers(lowered: Program, graph):
    """The integer answers to random inputs."""
    wires = [to_wire(port, port.wire, x) for port, x in zip(lowered.inputs, samples(graph, 3, seed=3), strict=True)]
    return run(lowered, wires).elements


def block(seed: int, side: int = 9, stride: int = 1, curve: str = "relu"):
    """A block whose input is added to what two convolutions make of it, between convolutions, the last one pooled."""
    net = Net((2, side, side + 1), seed=seed)
    x = net.add("relu", net.conv("x", 4, pad=1))
    more = {"negative_slope": 0.1} if curve == "leaky_relu" else {}
    y = net.add(curve, net.conv(x, 4, pad=1, groups=4 if seed % 2 else 1), **more)
    x = net.add("relu", net.add("add", x, net.conv(y, 4, pad=1)))
    x = net.conv(x, 6, pad=1, stride=(stride, stride))
    x = net.add("max_pool", x, kernel=(3, 3), stride=(1, 2), padding=((1, 1), (0, 1)), dilation=(1, 1),
                ceil_mode=False)  # fmt: skip
    return net.graph(net.conv(net.add("tanh", x), 3, kernel=2))


@given(st.integers(0, 10**6), st.sampled_from([1, 2]), st.sampled_from(["relu", "leaky_relu", "sigmoid"]))
@settings(max_examples=60)
def test_parts_answer_alike(seed, stride, curve):
    """The planner's checker proves that each reader finds the rows it expects, the reference that they are right."""
    graph = block(seed, 6 + seed % 5, stride, curve)
    whole = program(graph, numeric="float32" if seed % 7 == 0 else "int8")
    parts = in_parts(whole, Random(seed))
    assert len(parts.steps) > len(whole.steps)
    for a, b in zip(answers(whole, graph), answers(parts, graph), strict=True):
        np.testing.assert_array_equal(a, b)
    for board in BOARDS.values() if not whole.is_float else [BOARDS["host"]]:
        before, after = make_plan(whole, board), make_plan(parts, board)
        assert after.constant_bytes == before.constant_bytes
        moved = sum(s.items for s in parts.steps if s.layer.startswith("lift")) * whole.element_words
        assert inference_writes(after) - after.unit_count == inference_writes(before) - before.unit_count + moved


@pytest.mark.parametrize("rows", [1, 3])
def test_every_chain_of_a_block(rows):
    graph = block(1, 8)
    whole = program(graph)
    found = chains(whole)
    assert len(found) > 20
    for first, last in found:
        if whole.tensors[whole.steps[last].output].height > rows:
            banded = in_bands(whole, first, last, rows)
            np.testing.assert_array_equal(answers(banded, graph)[0], answers(whole, graph)[0])
            assert make_plan(banded, BOARDS["host"])


def test_a_map_between_bands_never_exists_whole():
    net = Net((2, 24, 8), seed=2)
    x = net.add("relu", net.conv("x", 8, pad=1))
    y = net.add("relu", net.conv(x, 8, pad=1))
    whole = program(net.graph(net.add("relu", net.add("add", x, net.conv(y, 8, pad=1)))))
    names = [step.name for step in whole.steps]
    banded = in_bands(whole, names.index("conv2"), names.index("add1"), 2)
    before, after = (make_plan(p, BOARDS["msp430fr5994"]) for p in (whole, banded))
    one = 2 * whole.tensors[whole.steps[names.index("conv2")].output].stored
    assert before.arena_bytes > 1.9 * one and after.arena_bytes < 1.4 * one


def test_the_first_band_has_the_layers_name_and_the_rows_of_a_report_are_layers():
    whole = program(block(3))
    names = [step.name for step in whole.steps]
    banded = in_bands(whole, names.index("conv2"), names.index("add1"), 2)
    parts = [step for step in banded.steps if step.layer == "conv2"]
    assert [step.name for step in parts] == ["conv2", *(f"conv2_band{i}" for i in range(1, len(parts)))]
    assert "shares" not in parts[0].attrs and all(step.attrs["shares"] == "conv2" for step in parts[1:])
    before, after = (layer_rows(make_plan(p, BOARDS["host"])) for p in (whole, banded))
    same = ("op", "source", "shape", "weights", "nonzero", "fram_bytes", "activation_bytes", "writes")
    both = {row.name: row for row in before}
    assert sorted(both) == sorted(row.name for row in after)
    for row in after:
        assert all(getattr(row, name) == getattr(both[row.name], name) for name in same)
        assert abs(row.macs - both[row.name].macs) < row.parts
    assert {row.parts for row in before} == {1}
    assert {row.parts for row in after if row.name == "conv2"} == {len(parts)} and len(parts) > 2


def test_what_has_no_rows_of_its_own_is_not_banded():
    whole = program(chain())
    names = [step.name for step in whole.steps]
    assert not may_be_banded(whole, 0, names.index("conv1"))  # the input's bytes become elements
    assert not may_be_banded(whole, names.index("conv1"), names.index("fc1"))  # one row
    joined = program(residual())
    copies = [i for i, step in enumerate(joined.steps) if step.kernel == "copy"]
    assert copies and not any(i <= at <= j for i, j in chains(joined) for at in copies)


def test_inputs_and_outputs_are_not_lifted():
    whole = program(block(4))
    given_ = {whole.base(port.tensor) for port in (*whole.inputs, *whole.outputs)}
    names = {name for name in whole.tensors if may_be_lifted(whole, name)}
    assert len(names) >= 5 and not names & given_


@pytest.mark.parametrize("pieces", [1, 2, 5])
def test_a_lifted_map_may_lie_over_itself(pieces):
    graph = block(5)
    whole = program(graph)
    name = whole.steps[[s.name for s in whole.steps].index("add1")].output
    high = lifted(whole, name, pieces)
    np.testing.assert_array_equal(answers(high, graph)[0], answers(whole, graph)[0])
    plan = make_plan(high, BOARDS["host"])
    room = 4 * max(p.buffer.words for p in plan.placements.values())
    places = {n: replace(p, arena=0, offset=(i + 1) * room) for i, (n, p) in enumerate(plan.placements.items())}
    arena = replace(plan.arenas[0], words=room * (len(places) + 2), capacity=room * (len(places) + 2))
    piece = -(-whole.tensors[name].stored // pieces)
    for distance, right in ((piece, True), (piece - 1, False), (1 - piece, pieces == 1)):  # one piece may also fall
        moved = {**places, f"{name} lifted": replace(places[f"{name} lifted"], offset=places[name].offset + distance)}
        far = replace(plan, arenas=(arena,), placements=moved)
        if right:
            check_hazards(far)
        else:
            with pytest.raises(ConversionError, match="reused too early|writes over its own input"):
                check_hazards(far)


def test_a_band_too_early_reads_rows_that_nobody_wrote():
    """The checker tells one band's rows from another's: bands out of order are refused."""
    whole = program(block(6))
    names = [step.name for step in whole.steps]
    banded = in_bands(whole, names.index("conv2"), names.index("add1"), 2)
    plan = make_plan(banded, BOARDS["host"])
    refused = 0
    for i, (one, two) in enumerate(zip(banded.steps, banded.steps[1:], strict=False)):
        if one.layer == two.layer or banded.base(one.output) not in map(banded.base, two.inputs):
            continue
        steps = (*banded.steps[:i], two, one, *banded.steps[i + 2 :])
        units = (*plan.units[:i], plan.units[i + 1], plan.units[i], *plan.units[i + 2 :])
        if one.name == one.layer:
            continue  # a program is refused by itself where nothing was written before
        with pytest.raises(ConversionError, match="reused too early"):
            check_hazards(replace(plan, program=replace(banded, steps=steps), units=units))
        refused += 1
    assert refused >= 5


def test_rows_have_to_lie_within_their_tensor():
    whole = program(block(7))
    banded = in_bands(whole, 0 if may_be_banded(whole, 0, 1) else chains(whole)[0][0], chains(whole)[0][1], 1)
    view = next(t for t in banded.tensors.values() if t.alias and any(t.halo))
    for change in ({"offset": 10**4}, {"offset": view.offset + 1}, {"halo": (0, 0, 0, 3)}):
        with pytest.raises(ConversionError):
            replace(banded, tensors={**banded.tensors, view.name: replace(view, **change)})


def test_windows_of_nothing_but_a_halo():
    net = Net((2, 6, 6), seed=9)
    x = net.conv("x", 3, kernel=1, pad=2)
    graph = net.graph(net.conv(net.add("relu", net.conv(x, 3, kernel=1, pad=1)), 2, kernel=1, pad=1))
    whole = program(graph)
    for first, last in chains(whole):
        banded = in_bands(whole, first, last, 1)
        np.testing.assert_array_equal(answers(banded, graph)[0], answers(whole, graph)[0])
        assert make_plan(banded, BOARDS["host"])

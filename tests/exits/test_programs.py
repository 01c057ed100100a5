"""Programs of networks with exits: their order, their scores, what they store once, and which there are none of."""

import numpy as np
import pytest
from exit_models import halved, halves, made, one_head, two_convolutions, with_exits, with_policy
from small import Net, program

from sparsecomp.boards import load_board
from sparsecomp.errors import ConversionError
from sparsecomp.exits import EXIT_SUFFIX
from sparsecomp.ops import run_float
from sparsecomp.pipeline import planned
from sparsecomp.plan.buffers import live_buffers
from sparsecomp.prepare import Request, prepare
from sparsecomp.reference import execute, exit_elements, exit_scores, run


@pytest.fixture(scope="module", params=[two_convolutions, one_head], ids=lambda build: build.__name__)
def prepared(request):
    return halved(request.param())


def decisions(program):
    return [i for i, step in enumerate(program.steps) if step.kernel == "exit"]


def test_all_scores_have_one_exponent_and_the_answer_has_it(prepared):
    program = prepared.program
    fractions = {program.tensors[name].fraction for name in (*(e.tensor for e in program.exits), "exit_answer")}
    assert len(fractions) == 1
    assert [port.name for port in program.outputs] == ["answer", "exit"]
    assert [port.shape for port in program.outputs] == [(3,), (1,)]
    assert [e.name for e in program.exits] == ["a", "b", "full"]


@pytest.mark.parametrize("tiles", ["none", "fit", "least"])
@pytest.mark.parametrize("build", [two_convolutions, one_head])
def test_nothing_of_a_later_exit_is_computed_before_an_earlier_decision(build, tiles):
    request = Request(tiles=tiles)
    program = planned(prepare(build(), request), request, load_board("msp430fr5994")).program
    ends = decisions(program)
    assert [program.steps[i].attrs["number"] for i in ends] == [0, 1, 2] and ends[-1] == len(program.steps) - 1
    needed: set[str] = set()
    for end in ends:
        needed.add(program.base(program.steps[end].inputs[0]))
        for step in reversed(program.steps[:end]):
            if step.kernel != "exit":
                assert {program.base(name) for name in step.outputs} & needed, f"{step.name} is ahead of its exit"
                needed |= {program.base(name) for name in step.inputs}


def test_scores_stay_alive_to_the_end(prepared):
    plan = planned(prepared, Request(), load_board("msp430fr5994"))
    alive = {buffer.name: buffer.last for buffer in live_buffers(plan.program)[0]}
    for leaving in plan.program.exits:
        assert alive[plan.program.base(leaving.tensor)] == len(plan.program.steps)
    places = [plan.placements[plan.program.base(e.tensor)] for e in plan.program.exits]
    spans = sorted((p.arena, p.offset, p.offset + 3) for p in places)
    for (arena, _, end), (other, begin, _) in zip(spans, spans[1:], strict=False):
        assert arena != other or end <= begin


def test_steps_that_only_exits_need_are_named_so(prepared):
    program = prepared.program
    first, second, _ = decisions(program)
    assert program.steps[first - 1].name.endswith(EXIT_SUFFIX) and program.steps[second - 1].name.endswith(EXIT_SUFFIX)
    assert all(program.steps[i].name == f"exit{n}{EXIT_SUFFIX}" for n, i in enumerate(decisions(program), start=1))
    own = [step.name for step in program.steps if not step.name.endswith(EXIT_SUFFIX)]
    assert {"conv1", "conv2", "fc1"} <= set(own) and "fc2" not in own


def test_one_head_is_stored_once_and_maps_of_zeros_cost_nothing(tmp_path):
    prepared = halved(one_head())
    program = prepared.program
    heads = [step for step in program.steps if step.kernel == "mac" and step.name.endswith(EXIT_SUFFIX)]
    assert [step.attrs.get("shares") for step in heads] == [None, heads[0].name]
    # Of the first exit the known map is pooled, the other neither pooled nor copied; the second pools the other only.
    pools = [step.name for step in program.steps if step.kernel == "max_pool"]
    assert pools == ["pool1_ee", "pool2_ee"]
    fills = [step for step in program.steps if step.kernel == "fill" and step.attrs["whole"]]
    assert len(fills) == 1 and fills[0].name.endswith(EXIT_SUFFIX)
    result = made(prepared, tmp_path)
    assert (result.directory / "headers/fc1_ee.h").exists() and not (result.directory / "headers/fc2_ee.h").exists()
    text = (result.directory / "model_ee.c").read_text()
    assert text.count("fc1_ee") > 1 and "fc2_ee" in text


def test_a_head_reads_zeros_for_what_is_not_computed(tmp_path):
    prepared = prepare(one_head(), Request())
    graph, x = prepared.loaded.graph, prepared.calibration
    real = prepared.float_outputs(x)
    weight, bias = (graph.params[f"head1.{role}"] for role in ("weight", "bias"))
    values = run_float(graph, list(x))
    maps = [values[name].reshape(len(x[0]), c, 2, 3, 2, 3).max(axis=(3, 5)).reshape(len(x[0]), -1)
            for name, c in (("relu_1_out", 2), ("relu_3_out", 3))]  # fmt: skip
    first = np.concatenate([maps[0], np.zeros_like(maps[1])], axis=1) @ weight.T + bias
    np.testing.assert_allclose(real[0], first, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(real[1], np.concatenate(maps, axis=1) @ weight.T + bias, rtol=1e-4, atol=1e-4)


def test_the_answer_is_that_of_the_exit_and_scores_do_not_depend_on_the_policy(prepared):
    wire = prepared.data(prepared.calibration).wire
    program = prepared.program
    scores, found = exit_elements(program, wire), run(program, wire)
    numbers = found.elements[1].ravel()
    assert set(numbers) == {0, 1, 2}
    assert np.array_equal(found.elements[0], np.stack(scores)[numbers, np.arange(len(numbers))])
    whole = exit_elements(
        with_policy(prepared, prepare(prepared.loaded, Request(policy="full")).program.policy).program, wire
    )
    assert all(np.array_equal(a, b) for a, b in zip(scores, whole, strict=True))
    for real, stored, leaving in zip(exit_scores(program, wire), scores, program.exits, strict=True):
        assert np.array_equal(real, stored * program.scale(leaving.tensor))


def test_what_was_in_memory_decides_nothing(prepared):
    wire = prepared.data(prepared.calibration).wire
    one, other = (execute(prepared.program, wire, seed=seed) for seed in (0, 1))
    for name in ("exit_answer", "exit_number"):
        assert np.array_equal(one.stored(name), other.stored(name))


def test_the_answer_of_the_float_network_is_that_of_its_own_decisions(prepared):
    outputs = prepared.float_outputs(prepared.calibration)
    scale = prepared.program.scale(prepared.program.exits[0].tensor)
    found = prepared.float_answer(outputs)
    for i in range(len(found)):
        for number, margin in enumerate((*prepared.program.policy.margins, -1)):
            best, second = np.sort(outputs[number][i])[::-1][:2]
            if (best - second) / scale > margin:
                break
        np.testing.assert_array_equal(found[i], outputs[number][i])


def refused(net, outputs, *words):
    with pytest.raises(ConversionError) as refusal:
        prepare(with_exits(net, *outputs), Request())
    for word in words:
        assert word in str(refusal.value)
    assert refusal.value.hint


def test_outputs_that_are_no_exits_are_refused():
    net = Net((1, 4, 4))
    x = net.flatten(net.conv("x", 2))
    three, four = net.linear(x, 3), net.linear(x, 4)
    one, scores = net.linear(x, 1), net.linear(x, 8)
    image = net.conv("x", 2, kernel=3)
    refused(net, (three, four), "(3,), (4,)")
    refused(net, (three, three), "scores of its own")
    refused(net, (one, net.linear(x, 1)), "(1,)", "two classes or more")
    refused(net, (image, net.conv("x", 2)), "(2, 2, 2)", "flatten")
    refused(net, (net.add("relu", scores), scores), "later exit", "order")
    # A softmax at the end is left out: these are the same scores.
    refused(net, (three, net.add("softmax", three, dim=0)), "scores of its own")


def test_the_input_is_no_exit():
    net = Net((3,))
    refused(net, ("x", net.linear("x", 3)), "input")


def test_constant_scores_are_an_exit_if_a_useless_one():
    net = Net((1, 4, 4))
    zeros = net.add("zeros", shape=(3,))
    prepared = prepare(with_exits(net, zeros, net.linear(net.flatten("x"), 3)), Request(policy="confidence:0.51"))
    data = prepared.data(prepared.calibration)
    assert not exit_elements(prepared.program, data.wire)[0].any()
    assert (run(prepared.program, data.wire).values[1] == 1).all()  # nothing is sure of anything there


def test_a_plain_network_may_answer_zeros():
    net = Net((2,))
    built = program(net.graph(net.add("zeros", shape=(3,)), net.linear("x", 2)))
    found = run(built, [np.zeros((4, 2), np.int16)])
    assert found.values[0].shape == (4, 3) and not found.values[0].any()


def test_flattened_maps_are_scores_in_torchs_order():
    net = Net((1, 6, 6), seed=4)
    x = net.conv("x", 2, kernel=5)
    padded = net.conv(x, 2, pad=1)  # which wants a border around the map that the exit reads
    prepared = prepare(with_exits(net, net.flatten(x), net.linear(net.flatten(padded), 8)), Request())
    real, found = prepared.float_outputs(prepared.calibration), prepared.values(prepared.data(prepared.calibration))
    assert np.abs(real[0] - found[0]).max() < 0.05 * np.abs(real[0]).max()
    assert (real[0].argmax(1) == found[0].argmax(1)).all()


def test_equal_operators_are_computed_once_but_outputs_stay_apart():
    net = Net((1, 6, 6))
    x = net.add("tanh", net.conv("x", 2))
    pooled = [net.pool(x, 2) for _ in range(3)]
    total = net.add("add", net.add("add", pooled[0], pooled[1]), pooled[2])
    prepared = prepare(
        with_exits(net, net.linear(net.flatten(net.pool(x, 2)), 3), net.linear(net.flatten(total), 3)), Request()
    )
    assert sum(step.kernel == "max_pool" for step in prepared.program.steps) == 1
    real, found = prepared.float_outputs(prepared.calibration), prepared.values(prepared.data(prepared.calibration))
    for a, b in zip(real, found, strict=True):
        assert np.abs(a - b).max() < 0.05 * np.abs(a).max()


def test_half_of_the_samples_leave_early(prepared):
    policy = halves(prepared)
    found = run(with_policy(prepared, policy).program, prepared.data(prepared.calibration).wire).values[1].ravel()
    assert 0.3 < np.mean(found == 0) < 0.7

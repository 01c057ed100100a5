"""Dead channels go, and the network computes the same function of every input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small import Net, program, samples

from sparsecomp.ops import run_float
from sparsecomp.passes.drop_dead_channels import run
from sparsecomp.reference import run as run_integer
from sparsecomp.reference import to_wire
from sparsecomp.wire import Wire


def check(graph, **channels):
    """``graph`` without dead channels: the same outputs, nothing left for a second run, ``channels`` by operator."""
    after, notes = run(graph)
    data = [np.concatenate([x, np.zeros_like(x[:1]), 20 * x[:2]]) for x in samples(graph, 4)]
    wanted, values = run_float(graph, data), run_float(after, data)
    for name in graph.outputs:
        scale = max(1.0, np.abs(wanted[name]).max())
        np.testing.assert_allclose(values[name], wanted[name], rtol=1e-4, atol=1e-5 * scale)
    assert run(after) == (after, []) and run(after)[0] is after
    assert [(n.name, n.where, n.output) for n in after.nodes] == [(n.name, n.where, n.output) for n in graph.nodes]
    assert all(after.shapes[name] == graph.shapes[name] for name in (*graph.inputs, *graph.outputs))
    sizes = {node.name: after.shapes[node.output][0] for node in after.nodes}
    assert {name: sizes[name] for name in channels} == channels
    lost = [n for n in graph.nodes if n.op in ("conv", "linear") and after.shapes[n.output] != graph.shapes[n.output]]
    assert len(notes) == len(lost) and all(n.name in note for n, note in zip(lost, notes, strict=True))
    return after, notes


def zero(net, name, rows=(), columns=()):
    """Takes the weights of some filters, and of some inputs, out of a layer."""
    weight = net.params[f"{name}.weight"]
    weight[list(rows)] = 0
    weight[:, list(columns)] = 0


def lenet(**options):
    net = Net((1, 16, 16))
    x = net.pool(net.add("relu", net.conv("x", 6, name="conv1", **options)))
    x = net.pool(net.add("relu", net.conv(x, 8, name="conv2", kernel=2, **options)))
    x = net.add("relu", net.linear(net.flatten(x, name="flat"), 12, name="fc1"))
    return net, net.graph(net.linear(x, 4, name="fc2"))


def test_nothing_dead_gives_the_same_graph():
    _, graph = lenet()
    assert run(graph)[0] is graph and run(graph)[1] == []


def test_a_chain_loses_empty_filters_and_unread_channels_on_both_sides():
    net, graph = lenet()
    zero(net, "conv1", rows=[0, 3])
    zero(net, "conv2", rows=[5], columns=[2])
    zero(net, "fc1", rows=[1, 2], columns=range(9 * 7, 9 * 8))
    zero(net, "fc2", columns=[4], rows=[0])
    after, notes = check(graph, conv1=3, conv2=6, flat=54, fc1=9, fc2=4)
    assert after.params["conv2.weight"].shape == (6, 3, 2, 2)
    assert after.params["fc1.weight"].shape == (9, 54)
    assert notes[0] == "conv 'conv1' (net.py:1): 3 of 6 channels dropped, constant or never read"


def test_dropping_one_channel_makes_the_next_one_dead():
    net, graph = lenet()
    zero(net, "fc2", columns=range(1, 12))
    net.params["fc1.weight"][0, 9:] = 0  # the one feature that is read sees one map, which sees one map
    net.params["conv2.weight"][0, 1:] = 0
    check(graph, conv1=1, conv2=1, flat=9, fc1=1)


def test_a_part_of_a_map_that_is_never_read_keeps_the_map():
    net, graph = lenet()
    zero(net, "fc1", columns=range(9 * 7, 9 * 8 - 1))
    check(graph, conv2=8, flat=72)


def test_layers_without_bias_get_one_only_for_constants():
    net, graph = lenet(bias=False)
    zero(net, "conv1", rows=[1])
    after, _ = check(graph, conv1=5)
    assert set(after.node("conv2").params) == {"weight"}
    net = Net((1, 6, 6))
    x = net.add("sigmoid", net.conv("x", 4, bias=False, name="a"))
    graph = net.graph(net.conv(x, 3, bias=False, name="b"))
    zero(net, "a", rows=[1])
    after, _ = check(graph, a=3)
    wanted = 0.5 * net.params["b.weight"][:, 1].sum(axis=(1, 2))
    np.testing.assert_allclose(after.param(after.node("b"), "bias"), wanted, rtol=1e-5)


@pytest.mark.parametrize("op, attrs", [
    ("relu", {}), ("clip", {"min": -0.2, "max": 0.3}), ("leaky_relu", {"negative_slope": 0.1}), ("sigmoid", {}),
    ("tanh", {}), ("hardswish", {}), ("dropout", {"p": 0.5}), ("mean", {"dims": (1, 2), "keepdim": True}),
    ("mean", {"dims": (2,), "keepdim": True}), ("adaptive_avg_pool", {"output_size": (3, 2)}),
])  # fmt: skip
@pytest.mark.parametrize("bias", [-0.7, 0.9])
def test_constants_pass_through(op, attrs, bias):
    net = Net((2, 6, 6))
    x = net.add(op, net.conv("x", 4, name="a", bias=[0.1, bias, bias, 0.2]), **attrs)
    graph = net.graph(net.conv(x, 3, kernel=1, name="b"))
    zero(net, "a", rows=[1, 2])
    check(graph, a=2)


@pytest.mark.parametrize("pad, include, ceil, divisor, left", [
    (0, True, False, None, 3), (1, False, True, None, 3), (1, True, False, None, 4), (0, True, False, 3, 3),
    (0, True, True, None, 3), (1, True, False, 3, 4),
])  # fmt: skip
def test_an_average_keeps_a_constant_unless_it_counts_padding(pad, include, ceil, divisor, left):
    net = Net((2, 8, 8))
    x = net.add("avg_pool", net.conv("x", 5, name="a", bias=[1, 2, 0, 3, 4]), kernel=(3, 3), stride=(2, 2),
                padding=((pad, pad),) * 2, ceil_mode=ceil, count_include_pad=include, divisor=divisor)  # fmt: skip
    graph = net.graph(net.conv(x, 3, kernel=2, name="b"))
    zero(net, "a", rows=[1, 2])
    check(graph, a=left)


def test_max_pool_with_padding_keeps_a_negative_constant():
    net = Net((2, 6, 6))
    x = net.add("max_pool", net.conv("x", 3, name="a", bias=[-2, 1, 1]), kernel=(3, 3), stride=(2, 2),
                padding=((1, 1), (1, 1)), dilation=(1, 1), ceil_mode=True)  # fmt: skip
    graph = net.graph(net.linear(net.flatten(x), 3))
    zero(net, "a", rows=[0])
    check(graph, a=2)


def test_a_padded_convolution_takes_only_zero():
    net = Net((2, 6, 6))
    x = net.add("relu", net.conv("x", 4, name="a", bias=[-1, 1, 0, 1]))
    graph = net.graph(net.conv(x, 3, pad=1, name="b"))
    zero(net, "a", rows=[0, 1, 2])
    after, _ = check(graph, a=2)
    assert after.param(after.node("a"), "bias").tolist() == [1, 1]


def test_a_channel_stays_for_the_one_reader_that_cannot_take_it():
    net = Net((2, 6, 6))
    x = net.conv("x", 4, name="a", bias=np.ones(4))
    graph = net.graph(net.conv(x, 3, pad=1, name="padded"), net.conv(x, 3, name="plain"))
    zero(net, "a", rows=[0, 1])
    zero(net, "padded", columns=[0])
    after, _ = check(graph, a=3)
    assert not after.params["plain.weight"][:, 0].any()


@pytest.mark.parametrize("value, left", [(0.5, 3), (0.25, 4)])
def test_a_border_of_the_constant_itself_passes(value, left):
    net = Net((2, 6, 6))
    x = net.conv("x", 4, name="a", bias=np.full(4, 0.5))
    x = net.add("pad", x, pads=((0, 0), (1, 2), (0, 1)), value=value)
    graph = net.graph(net.conv(x, 3, name="b"))
    zero(net, "a", rows=[2])
    check(graph, a=left)


def test_more_channels_by_padding_stay():
    net = Net((2, 6, 6))
    x = net.add("pad", net.conv("x", 4, name="a"), pads=((1, 0), (0, 0), (0, 0)), value=0.0)
    graph = net.graph(net.conv(x, 3, name="b"))
    zero(net, "a", rows=[2])
    check(graph, a=4)


def test_a_sum_loses_a_channel_that_is_constant_on_both_sides():
    net = Net((2, 6, 6))
    a = net.conv("x", 5, kernel=1, name="a")
    b = net.conv(net.add("relu", a), 5, kernel=1, name="b")
    graph = net.graph(net.linear(net.flatten(net.add("add", a, b)), 3, name="fc"))
    zero(net, "a", rows=[0, 1])
    zero(net, "b", rows=[1, 2])
    after, _ = check(graph, a=4, b=4)
    zero(net, "fc", columns=range(4 * 36, 5 * 36))
    check(graph, a=4, b=3 + 1)  # channel 4 is still read by b
    zero(net, "b", columns=[4])
    check(graph, a=3, b=3)


def test_a_sum_with_an_input_keeps_its_channels():
    net = Net((4, 6, 6))
    y = net.conv("x", 4, pad=1, name="a")
    graph = net.graph(net.conv(net.add("add", "x", y), 2, name="b"))
    zero(net, "a", rows=[1])
    zero(net, "b", columns=[1, 2])
    check(graph, a=4)


def test_concatenation_finds_the_channels_of_its_parts():
    net = Net((2, 6, 6))
    a, b = net.conv("x", 3, name="a"), net.conv("x", 4, name="b")
    graph = net.graph(net.conv(net.add("concat", a, b, a, dim=0), 2, name="c"))
    zero(net, "a", rows=[0])
    zero(net, "b", rows=[3])
    zero(net, "c", columns=[2, 4])  # the last of a is read by its other copy
    check(graph, a=2, b=2, c=2)
    zero(net, "c", columns=[9])
    check(graph, a=1, b=2)


def test_concatenation_along_the_image_is_left_alone():
    net = Net((2, 6, 6))
    a, b = net.conv("x", 3, name="a"), net.conv("x", 3, name="b")
    graph = net.graph(net.conv(net.add("concat", a, b, dim=1), 2))
    zero(net, "a", rows=[0])
    zero(net, "b", rows=[0])
    assert check(graph)[0] is graph


@pytest.mark.parametrize("multiplier", [1, 2])
@pytest.mark.parametrize("pad, left", [(0, 3), (1, 4)])
def test_a_depthwise_convolution_loses_the_same_channels(multiplier, pad, left):
    net = Net((2, 8, 8))
    x = net.conv("x", 5, name="a", bias=np.ones(5))
    x = net.conv(x, 5 * multiplier, groups=5, pad=pad, name="deep")
    graph = net.graph(net.conv(x, 3, name="b"))
    zero(net, "a", rows=[1])
    zero(net, "deep", rows=range(4 * multiplier, 5 * multiplier))
    after, _ = check(graph, a=left, deep=left * multiplier)
    assert after.node("deep").attrs["groups"] == left


def test_a_grouped_convolution_keeps_its_channels_and_takes_constants():
    net = Net((2, 8, 8))
    x = net.conv("x", 6, name="a")
    x = net.conv(x, 4, groups=2, name="grouped")
    graph = net.graph(net.conv(x, 3, name="b"))
    zero(net, "a", rows=[1, 4])
    zero(net, "grouped", rows=[0])
    after, notes = check(graph, a=6, grouped=4)
    assert notes == [] and not after.params["grouped.weight"][:, 1].any()


@pytest.mark.parametrize("gain", [[1, -1, 2, 1], [1, 1, 0, 1]])
def test_batch_norm_between_layers_moves_the_constant(gain):
    net = Net((2, 8, 8))
    x = net.batch_norm(net.add("relu", net.conv("x", 4, name="a")), gain=gain, name="norm")
    graph = net.graph(net.conv(x, 3, name="b"))
    zero(net, "a", rows=[1])
    after, _ = check(graph, a=3, norm=3)
    assert after.params["norm.running_var"].shape == (3,)


def test_one_dimension():
    net = Net((3, 20))
    x = net.add("relu", net.conv("x", 5, name="a"))
    x = net.conv(net.batch_norm(x), 4, stride=(2,), name="b")
    graph = net.graph(net.linear(net.flatten(x), 2))
    zero(net, "a", rows=[0, 4])
    zero(net, "b", rows=[3])
    check(graph, a=3, b=3)


def test_shared_weights_stay_as_they_are():
    net = Net((3, 6, 6))
    a = net.conv("x", 3, pad=1, name="first")
    first = net.nodes[0]
    b = net.add("conv", net.add("relu", a), name="second", params=dict(first.params), **first.attrs)
    graph = net.graph(net.linear(net.flatten(b), 3, name="fc"))
    zero(net, "first", rows=[1])
    after, notes = check(graph, first=3, second=3)
    assert notes == []
    assert after.params["first.weight"] is graph.params["first.weight"]
    # Constants of the second one still go into the layer behind it.
    assert not after.params["fc.weight"][:, 36:72].any()


def test_a_reshape_that_mixes_channels_is_left_alone():
    net = Net((3, 4, 4))
    x = net.add("reshape", net.conv("x", 3, kernel=1, name="a"), shape=(2, 24))
    graph = net.graph(net.conv(x, 2, kernel=1))
    zero(net, "a", rows=[1])
    assert check(graph)[0] is graph


@pytest.mark.parametrize("shape, left", [((12, 1, 4), (8, 1, 4)), ((3, 16), (2, 16)), ((6, 8), (4, 8))])
def test_a_reshape_inside_channels_keeps_its_form(shape, left):
    net = Net((3, 4, 4))
    x = net.add("reshape", net.conv("x", 3, kernel=1, name="a"), shape=shape, name="r")
    graph = net.graph(net.linear(net.flatten(x), 2))
    zero(net, "a", rows=[1])
    after, _ = check(graph, a=2)
    assert after.shapes["r_out"] == left


def test_a_dead_layer_keeps_one_channel_without_weights():
    net, graph = lenet()
    zero(net, "conv2", rows=range(8))
    after, _ = check(graph, conv1=1, conv2=1, flat=9, fc1=1, fc2=4)
    assert not any(after.params[f"{name}.weight"].any() for name in ("conv1", "conv2", "fc1", "fc2"))
    assert len(program(graph).steps) == 4


def test_outputs_that_are_constant_stay():
    net = Net((5,))
    graph = net.graph(net.linear(net.linear("x", 4, name="a"), 3, name="b"))
    zero(net, "a", rows=[0])
    zero(net, "b", rows=[0, 1])
    check(graph, a=3, b=3)
    zero(net, "b", rows=[2])
    check(graph, a=1, b=3)


def test_the_integer_program_has_the_smaller_layers():
    net, graph = lenet()
    zero(net, "conv1", rows=[0, 3])
    zero(net, "fc1", columns=range(9))
    data = samples(graph, 16)
    small = program(graph, data)
    assert [s.attrs["matrix"].shape for s in small.steps if s.kernel == "mac"] == [(4, 9), (7, 16), (12, 63), (4, 12)]
    values = run_float(graph, data)[graph.outputs[0]]
    words = run_integer(small, [to_wire(small.inputs[0], Wire(), data[0])])
    got = np.array([words.words(i)[0] for i in range(16)]) * 2.0 ** -small.tensors[small.outputs[0].tensor].fraction
    assert np.abs(got - values).max() < 0.05 * np.abs(values).max()


BIASES = (0.0, -0.5, 0.75)


@st.composite
def networks(draw):
    """Up to seven stages on maps and four on features; layers with empty filters and unread channels."""

    def pick(*options):
        return draw(st.sampled_from(options))

    rank = pick(1, 2)
    net = Net((pick(1, 3), *[pick(6, 7)] * rank), seed=draw(st.integers(0, 2**16)))

    def layer(x, add, filters, **options):
        y = add(x, filters, bias=pick(None, False), **options)
        name = net.nodes[-1].name
        weight = net.params[f"{name}.weight"]
        rows = draw(st.lists(st.integers(0, filters - 1), max_size=filters))
        zero(net, name, rows, draw(st.lists(st.integers(0, weight.shape[1] - 1), max_size=weight.shape[1])))
        if f"{name}.bias" in net.params:
            net.params[f"{name}.bias"][rows] = [pick(*BIASES) for _ in rows]
        return y

    def conv(x, filters=None, groups=1, **options):
        kernel, pad = options.get("kernel", pick(1, 2, 3)), options.get("pad", pick(0, 0, 1))
        options = {"kernel": min(kernel, *net.shapes[x][1:]), "pad": pad, "groups": groups}
        return layer(x, net.conv, filters or pick(1, 2, 4, 6), **options)

    def pool(x, op, ceil, pad, **attrs):
        pads = ((pad, pad),) * rank
        return net.add(op, x, kernel=(2,) * rank, stride=(pick(1, 2),) * rank, padding=pads, ceil_mode=ceil, **attrs)

    def pointwise(x):
        op = pick("relu", "clip", "leaky_relu", "sigmoid", "tanh", "hardswish", "dropout")
        attrs = {"clip": {"min": -0.3, "max": pick(None, 0.4)}, "leaky_relu": {"negative_slope": 0.1}}
        return net.add(op, x, **({"p": 0.5} if op == "dropout" else attrs.get(op, {})))

    x, outputs = "x", []
    for _ in range(draw(st.integers(1, 7))):
        channels, size = net.shapes[x][0], min(net.shapes[x][1:])
        kind = pick("conv", "conv", "pointwise", "norm", "depthwise", "grouped", "residual", "concat", "pool", "pad",
                    "adaptive", "mean", "output")  # fmt: skip
        if kind == "conv":
            x = conv(x)
        elif kind == "pointwise":
            x = pointwise(x)
        elif kind == "norm":
            x = net.batch_norm(x, gain=net.rng.choice([-1.0, 0.5, 0.0, 1.5], channels))
        elif kind == "depthwise" and channels > 1:
            x = conv(x, channels * pick(1, 2), groups=channels)
        elif kind == "grouped" and channels % 2 == 0:
            x = conv(x, pick(2, 4), groups=2)
        elif kind == "residual":
            x = net.add("add", x, conv(pointwise(x), channels, kernel=min(3, size), pad=1) if size >= 3 else x)
        elif kind == "concat":
            x = net.add("concat", x, conv(x, kernel=1, pad=0), dim=0)
        elif kind == "pool" and size >= 3:
            if pick(True, False):
                x = pool(x, "max_pool", pick(True, False), pick(0, 1), dilation=(1,) * rank)
            else:
                x = pool(x, "avg_pool", pick(True, False), pick(0, 1), count_include_pad=pick(True, False),
                         divisor=pick(None, None, 3))  # fmt: skip
        elif kind == "pad" and size < 9:
            x = net.add("pad", x, pads=((pick(0, 0, 1), 0), *[(1, pick(0, 1))] * rank), value=pick(*BIASES))
        elif kind == "adaptive":
            x = net.add("adaptive_avg_pool", x, output_size=(pick(1, 2, 3),) * rank)
        elif kind == "mean":
            x = net.add("mean", x, dims=(1,), keepdim=True)
        elif kind == "output":
            outputs.append(x)
    x = net.flatten(x)
    for _ in range(draw(st.integers(0, 3))):
        x = layer(pointwise(x) if pick(True, False) else x, net.linear, pick(2, 5, 8))
    return net.graph(x, *{name: 0 for name in outputs if name != x})


def needed(graph):
    """The elements of every tensor that something behind them reads by a weight, or that cannot go."""
    masks = {name: np.zeros(shape, bool) for name, shape in graph.shapes.items()}
    for name in (*graph.inputs, *graph.outputs):
        masks[name][:] = True
    for node in reversed(graph.nodes):
        out, source = masks[node.output], masks[node.inputs[0]]
        rows = out.reshape(len(out), -1).any(axis=1)
        weight = graph.param(node, "weight")
        if node.op == "reshape":
            source |= out.reshape(source.shape)
        elif node.op in ("conv", "linear") and node.attrs.get("groups", 1) == 1:
            source[(weight != 0).any(axis=tuple(range(2, weight.ndim)))[rows].any(axis=0)] = True
        elif len(out) != len(source):  # padding in front of the channels
            source[:] = True
        else:
            source[rows] = True
    return masks


@settings(max_examples=400)
@given(graph=networks())
def test_random_networks_compute_the_same_and_have_nothing_left_to_drop(graph):
    after, _ = check(graph)
    if any(node.op in ("add", "concat") or node.attrs.get("groups", 1) > 1 for node in graph.nodes):
        return  # a channel may stay for another one that it goes together with
    masks = needed(after)
    for node in after.nodes:
        if node.op in ("conv", "linear"):
            read = masks[node.output].reshape(len(masks[node.output]), -1).any(axis=1)
            assert read.all() or read.size == 1, f"{node.describe()} has channels that nobody reads"

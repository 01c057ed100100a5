"""Graph rewrites: the same function where they are exact, left alone and said where they are not."""

import numpy as np
import pytest
from small import Net, program, samples

from sparsecomp.errors import ConversionError
from sparsecomp.ops import run_float
from sparsecomp.passes import simplify


def check_same(graph):
    """``graph`` simplified, after checking that every output is the same function of the input."""
    simple, notes = simplify(graph)
    data = samples(graph, 5)
    before, after = run_float(graph, data), run_float(simple, data)
    for old, new in zip(graph.outputs, simple.outputs, strict=True):
        np.testing.assert_allclose(after[new], before[old], rtol=1e-4, atol=1e-4)
    return simple, notes


def ops(graph):
    return [node.op for node in graph.nodes]


@pytest.mark.parametrize("bias", [None, False])
@pytest.mark.parametrize("groups", [1, 2])
def test_batch_norm_behind_a_convolution_is_folded(bias, groups):
    net = Net((4, 6, 6))
    simple, notes = check_same(net.graph(net.batch_norm(net.conv("x", 6, pad=1, groups=groups, bias=bias))))
    assert ops(simple) == ["conv"]
    assert notes == ()


def test_batch_norm_behind_a_linear_layer_is_folded_with_negative_gains_too():
    net = Net((5,))
    simple, _ = check_same(net.graph(net.batch_norm(net.linear("x", 3), gain=[-1.0, 0.0, 2.0])))
    assert ops(simple) == ["linear"]


def test_batch_norm_in_one_dimension_is_folded():
    net = Net((3, 12))
    simple, _ = check_same(net.graph(net.batch_norm(net.conv("x", 4))))
    assert ops(simple) == ["conv"]


def test_positive_gains_are_folded_through_a_max_pool():
    net = Net((2, 8, 8))
    simple, notes = check_same(net.graph(net.batch_norm(net.pool(net.conv("x", 3)), gain=[0.5, 0.0, 3.0])))
    assert ops(simple) == ["conv", "max_pool"]
    assert notes == ()


def test_a_negative_gain_behind_a_max_pool_stays_an_affine_operator_and_is_said():
    net = Net((2, 8, 8))
    graph = net.graph(net.batch_norm(net.pool(net.conv("x", 3)), gain=[0.5, -0.1, 3.0], name="norm"))
    simple, notes = check_same(graph)
    assert ops(simple) == ["conv", "max_pool", "batch_norm"]
    assert len(notes) == 1 and "norm" in notes[0] and "affine" in notes[0]
    assert [s.name for s in program(graph, separate=False).steps] == ["conv1", "pool1", "affine1"]
    assert notes[0] in program(graph).notes


def test_batch_norm_behind_a_relu_is_folded_into_an_unpadded_convolution():
    net = Net((3, 6, 6))
    simple, notes = check_same(net.graph(net.conv(net.batch_norm(net.add("relu", net.conv("x", 4))), 2)))
    assert ops(simple) == ["conv", "relu", "conv"]
    assert notes == ()


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_batch_norm_before_a_grouped_convolution_finds_its_channels(groups):
    net = Net((4, 6, 6))
    simple, _ = check_same(net.graph(net.conv(net.batch_norm("x"), 8, groups=groups, stride=(2, 1))))
    assert ops(simple) == ["conv"]


def test_batch_norm_behind_a_relu_into_a_padded_convolution_stays_and_is_said():
    net = Net((3, 6, 6))
    x = net.batch_norm(net.add("relu", net.conv("x", 4)), name="norm")
    graph = net.graph(net.conv(x, 2, pad=1))
    simple, notes = check_same(graph)
    assert ops(simple) == ["conv", "relu", "batch_norm", "conv"]
    assert len(notes) == 1 and "'norm'" in notes[0] and "affine" in notes[0]


def test_batch_norm_before_a_flattened_linear_layer_is_folded():
    net = Net((3, 4, 5))
    simple, notes = check_same(net.graph(net.linear(net.flatten(net.batch_norm(net.add("relu", "x"))), 4)))
    assert ops(simple) == ["relu", "reshape", "linear"]
    assert notes == ()


def test_a_pad_that_is_folded_later_does_not_let_batch_norm_through():
    """The zeros come after batch-norm: folding padding first and batch-norm then would not see that."""
    net = Net((3, 6, 6))
    x = net.batch_norm(net.add("relu", "x"))
    x = net.add("pad", x, pads=((0, 0), (1, 1), (1, 1)), value=0.0)
    simple, _ = check_same(net.graph(net.conv(x, 2)))
    assert ops(simple) == ["relu", "batch_norm", "conv"]


def test_two_batch_norms_in_a_row_are_both_folded():
    net = Net((3, 6, 6))
    simple, _ = check_same(net.graph(net.batch_norm(net.batch_norm(net.conv("x", 2)))))
    assert ops(simple) == ["conv"]


def test_a_tensor_that_others_read_is_not_changed():
    net = Net((3, 6, 6))
    a = net.conv("x", 3, pad=1)
    simple, _ = check_same(net.graph(net.add("add", a, net.batch_norm(a))))
    assert ops(simple) == ["conv", "batch_norm", "add"]


def test_an_output_of_the_network_is_not_changed():
    net = Net((3, 6, 6))
    a = net.conv("x", 3)
    simple, _ = check_same(net.graph(a, net.batch_norm(a)))
    assert ops(simple) == ["conv", "batch_norm"]
    net = Net((3, 6, 6))
    b = net.batch_norm(net.add("relu", "x"))
    simple, _ = check_same(net.graph(b, net.conv(b, 2)))
    assert ops(simple) == ["relu", "batch_norm", "conv"]


def test_shared_weights_keep_serving_the_other_layer():
    net = Net((3, 6, 6))
    a = net.conv("x", 3, pad=1, name="first")
    node = net.nodes[0]
    b = net.add("conv", net.batch_norm(a), name="second", params=dict(node.params), **node.attrs)
    assert net.nodes[-1].params == node.params
    simple, _ = check_same(net.graph(b))
    assert ops(simple) == ["conv", "conv"]
    assert simple.nodes[0].params != simple.nodes[1].params == node.params


def test_zero_padding_becomes_the_convolutions_own():
    net = Net((2, 5, 6))
    x = net.add("pad", "x", pads=((0, 0), (1, 2), (0, 3)), value=0.0)
    simple, _ = check_same(net.graph(net.conv(x, 3, pad=1)))
    assert ops(simple) == ["conv"]
    assert simple.nodes[0].attrs["padding"] == ((2, 3), (1, 4))


def test_zero_padding_is_folded_into_all_of_its_readers_or_none():
    net = Net((2, 5, 5))
    x = net.add("pad", "x", pads=((0, 0), (1, 1), (1, 1)), value=0.0)
    simple, _ = check_same(net.graph(net.conv(x, 3), net.conv(x, 2, kernel=2)))
    assert ops(simple) == ["conv", "conv"]
    net = Net((2, 6, 6))
    x = net.add("pad", "x", pads=((0, 0), (1, 1), (1, 1)), value=0.0)
    simple, _ = check_same(net.graph(net.conv(x, 3), net.pool(x)))
    assert ops(simple) == ["pad", "conv", "max_pool"]


@pytest.mark.parametrize("pads, value", [(((0, 0), (1, 1), (1, 1)), 0.5), (((1, 0), (0, 0), (0, 0)), 0.0)])
def test_other_padding_stays(pads, value):
    net = Net((2, 5, 5))
    simple, _ = check_same(net.graph(net.conv(net.add("pad", "x", pads=pads, value=value), 3)))
    assert ops(simple) == ["pad", "conv"]


@pytest.mark.parametrize("op", ["softmax", "log_softmax"])
def test_a_final_softmax_is_dropped_and_said(op):
    net = Net((6,))
    scores = net.linear("x", 4)
    graph = net.graph(net.add(op, scores, dim=0, name="last"))
    simple, notes = simplify(graph)
    assert ops(simple) == ["linear"]
    assert simple.outputs == (scores,)
    assert len(notes) == 1 and "'last'" in notes[0] and "dropped" in notes[0]
    data = samples(graph, 20)
    before, after = run_float(graph, data)[graph.outputs[0]], run_float(simple, data)[scores]
    np.testing.assert_array_equal(before.argmax(1), after.argmax(1))


def test_a_softmax_before_a_dropout_or_reshape_to_its_own_shape_is_still_the_last():
    net = Net((6,))
    x = net.add("softmax", net.linear("x", 4), dim=0)
    simple, notes = simplify(net.graph(net.add("reshape", net.add("dropout", x, p=0.5), shape=(4,))))
    assert ops(simple) == ["linear"]
    assert len(notes) == 1


@pytest.mark.parametrize("op", ["softmax", "log_softmax"])
def test_a_softmax_in_the_middle_is_refused_by_name_and_line(op):
    net = Net((6,))
    x = net.add(op, net.linear("x", 4), dim=0, name="middle")
    with pytest.raises(ConversionError, match=r"'middle' \(net.py:2\).*not the last") as refusal:
        simplify(net.graph(net.linear(x, 2)))
    assert "final softmax" in refusal.value.hint


def test_dropout_and_reshapes_that_change_nothing_vanish():
    net = Net((2, 4, 4))
    x = net.add("dropout", net.add("reshape", "x", shape=(2, 4, 4)), p=0.3)
    simple, notes = check_same(net.graph(net.add("dropout", net.conv(x, 2), p=0.5)))
    assert ops(simple) == ["conv"]
    assert notes == ()


def test_no_pass_changes_the_graph_that_it_was_given():
    net = Net((3, 6, 6))
    graph = net.graph(net.batch_norm(net.conv("x", 3), gain=[1.0, 2.0, 3.0]))
    kept = {key: value.copy() for key, value in graph.params.items()}
    simplify(graph)
    assert ops(graph) == ["conv", "batch_norm"]
    assert all((graph.params[key] == value).all() for key, value in kept.items())

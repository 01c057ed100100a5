"""Layer separation leaves every answer as it is, and takes a pooling into its layer only where that is exact."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import Net, chain, program, samples

from sparsecomp.reference import run, to_wire


def answers(lowered, graph):
    """The integer answers to random inputs."""
    wires = [to_wire(port, port.wire, x) for port, x in zip(lowered.inputs, samples(graph, 5, seed=3), strict=True)]
    return run(lowered, wires).values


def kernels(lowered):
    return [step.kernel for step in lowered.steps]


def pooled(kernel, stride, padding=(0, 0), dilation=(1, 1), side=9, **more):
    net = Net((2, side, side), seed=4)
    x = net.conv("x", 3, **more)
    x = net.add("max_pool", net.add("relu", x), kernel=kernel, stride=stride, dilation=dilation,
                padding=tuple((p, p) for p in padding), ceil_mode=False)  # fmt: skip
    return net.graph(x)


@pytest.mark.parametrize(
    "kernel, stride, fused",
    [((2, 2), (2, 2), True), ((3, 2), (3, 4), True), ((1, 2), (1, 2), True), ((2, 2), (3, 3), True),
     ((3, 3), (2, 2), False), ((2, 2), (1, 1), False), ((2, 3), (2, 2), False)],
)  # fmt: skip
@pytest.mark.parametrize("numeric", ["int8", "float32"])
def test_windows_that_do_not_overlap_are_fused(kernel, stride, fused, numeric):
    graph = pooled(kernel, stride)
    apart, together = program(graph, separate=False, numeric=numeric), program(graph, numeric=numeric)
    assert ("max_pool" in kernels(together)) is not fused
    assert "max_pool" in kernels(apart)
    for a, b in zip(answers(apart, graph), answers(together, graph), strict=True):
        np.testing.assert_array_equal(a, b)


def test_padding_and_dilation_are_not():
    assert "max_pool" in kernels(program(pooled((2, 2), (2, 2), padding=(1, 1))))
    assert "max_pool" in kernels(program(pooled((2, 2), (2, 2), dilation=(2, 2))))


def test_a_map_that_others_read_or_that_leaves_the_network_stays():
    net = Net((2, 8, 8))
    x = net.add("relu", net.conv("x", 4, pad=1))
    assert "max_pool" in kernels(program(net.graph(x, net.pool(x))))
    net = Net((2, 8, 8))
    x = net.add("relu", net.conv("x", 4, pad=1))
    both = net.add("concat", net.pool(x), net.conv(x, 4, kernel=2, stride=(2, 2)), dim=0)
    assert "max_pool" in kernels(program(net.graph(both)))


def test_the_map_in_between_is_gone_and_the_products_are_those_that_are_computed():
    apart, together = program(chain(), separate=False), program(chain())
    assert len(together.tensors) == len(apart.tensors) - 1
    assert sum(s.macs for s in together.steps) == sum(s.macs for s in apart.steps)
    odd = pooled((2, 2), (2, 2))  # a row and a column of the map are in no window
    whole, used = (program(odd, separate=s).steps for s in (False, True))
    assert 0 < sum(s.macs for s in used) < sum(s.macs for s in whole)


def test_a_halo_comes_behind_what_it_surrounds():
    net = Net((2, 8, 8))
    x = net.pool(net.add("relu", net.conv("x", 4, pad=1)))
    steps = program(net.graph(net.conv(x, 3, pad=1))).steps
    for index, step in enumerate(steps):
        if step.kernel == "fill" and step.output != "x":
            assert steps[index - 1].output == step.output


@given(st.integers(0, 10**6), st.sampled_from([(1, 1), (2, 2), (3, 1), (2, 3)]), st.integers(0, 1), st.booleans())
def test_random_layers_answer_alike(seed, kernel, pad, grouped):
    net = Net((4, 9, 10), seed=seed)
    x = net.conv("x", 4, pad=pad, groups=4 if grouped else 1)
    x = net.add("clip", x, min=-0.5, max=0.7) if seed % 3 == 0 else net.add("relu", x)
    x = net.add("max_pool", x, kernel=kernel, stride=kernel, dilation=(1, 1), padding=((0, 0), (0, 0)),
                ceil_mode=bool(seed % 2))  # fmt: skip
    graph = net.graph(net.conv(x, 2, kernel=2, pad=pad))
    apart, together = program(graph, separate=False), program(graph)
    np.testing.assert_array_equal(answers(apart, graph)[0], answers(together, graph)[0])

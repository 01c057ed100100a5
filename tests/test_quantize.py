"""From floats to integers: the overflow proof, the scales, the narrow bias, the exponents."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small import Net, loaded, program, samples

from sparsecomp.errors import InputError
from sparsecomp.filters import INT32_MAX, overflow, quantize_filters
from sparsecomp.prepare import Request, prepare
from sparsecomp.quantize import calibrate

INT32_MIN = -(2**31)


def filters(weight, bias=None, bits=8, low=-32768, high=32767, fraction_in=12, fraction_out=10):
    weight = np.asarray(weight, np.float32)
    bias = None if bias is None else np.asarray(bias, np.float32)
    return quantize_filters(
        weight, bias, bits=bits, low=low, high=high, fraction_in=fraction_in, fraction_out=fraction_out, name="layer"
    )


def steps(result, fraction_in=12):
    """What one unit of each filter's weights stands for."""
    multiplier = np.broadcast_to(result.multiplier, len(result.matrix))
    return multiplier * 2.0 ** (fraction_in - result.fraction - result.shift)


def worst_sums(result, low, high):
    """The most extreme partial sums in exact integers: the bias, then only the taps that push one way."""
    for i, row in enumerate(result.matrix.tolist()):
        start = 0 if result.bias is None else int(result.bias[i]) << result.bias_shift
        for choose in (max, min):
            total = start
            for weight in row:
                total += choose(weight * x for x in (low, high, 0))  # 0: a cell of the halo
            yield total


@st.composite
def layers(draw):
    """Weights of any size and spread, a bias or none, bounds of the input."""
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    rows, taps = draw(st.integers(1, 4)), draw(st.sampled_from([1, 3, 40, 600, 5000]))
    weight = rng.normal(size=(rows, taps)) * 10.0 ** draw(st.integers(-4, 4))
    if draw(st.booleans()):
        weight = np.abs(weight)
    weight *= 10.0 ** rng.uniform(-3, 0, (rows, 1))
    bias = rng.normal(size=rows) * 10.0 ** draw(st.integers(-5, 5)) if draw(st.booleans()) else None
    low, high = draw(st.sampled_from([(-32768, 32767), (0, 32767), (0, 6 << 12), (-5, 3), (100, 200), (-300, -20)]))
    return weight, bias, low, high, draw(st.sampled_from([8, 16])), draw(st.integers(0, 20)), draw(st.integers(0, 20))


@given(layers())
@settings(max_examples=150)
def test_no_input_and_no_order_of_summing_leaves_int32(layer):
    weight, bias, low, high, bits, fraction_in, fraction_out = layer
    result = filters(weight, bias, bits, low, high, fraction_in, fraction_out)
    assert all(INT32_MIN <= total <= INT32_MAX for total in worst_sums(result, low, high))
    assert 0 < result.multiplier.min() and result.multiplier.max() < 2**15
    assert np.abs(result.matrix.astype(int)).max() < 2 ** (bits - 1)
    assert result.fraction <= fraction_out


@given(layers())
@settings(max_examples=60)
def test_the_bias_is_kept_to_a_fraction_of_an_output_step(layer):
    weight, bias, low, high, bits, fraction_in, fraction_out = layer
    result = filters(weight, bias, bits, low, high, fraction_in, fraction_out)
    if bias is None:
        assert result.bias is None
        return
    stored = 0 if result.bias is None else result.bias.astype(np.float64) * 2.0**result.bias_shift
    unit = steps(result, fraction_in) * 2.0**-fraction_in
    error = np.abs(stored * unit - bias.astype(np.float32))
    # Half a unit of the accumulator, and an eighth of an output step (8 bits) or 2^-15 of the largest bias (16 bits).
    largest = 0.0 if result.bias is None else np.abs(stored).max() * unit
    assert (error <= 0.5 * unit + np.maximum(0.126 * 2.0**-result.fraction, 2.0**-15 * largest) + 1e-9).all()


def test_int8_that_would_overflow_at_its_ideal_scale_becomes_coarser_and_says_so():
    weight = np.full((1, 1000), 0.5)
    assert 127 * 1000 * 32768 > 2**31  # what the ideal scale would lead to
    result = filters(weight)
    assert 1 <= result.matrix.max() < 127
    assert overflow(result.matrix, np.zeros(1), -32768, 32767).max() <= 1
    assert any("coarser" in note and "layer" in note for note in result.notes)
    assert np.abs(result.matrix * steps(result)[:, None] - weight).max() < 0.01


def test_inputs_known_to_be_small_need_no_coarser_weights():
    result = filters(np.full((1, 1000), 0.5), low=0, high=2000)
    assert result.matrix.max() >= 120
    assert result.notes == ()


def test_a_whole_network_reports_the_coarser_layer_by_its_name():
    net = Net((1000,))
    graph = net.graph(net.linear("x", 2, weight=np.full((2, 1000), 0.5), name="head"))
    notes = program(graph).notes
    assert any("coarser" in note and "head" in note for note in notes)
    quiet = Net((100,))
    assert program(quiet.graph(quiet.linear("x", 2, weight=np.full((2, 100), 0.5)))).notes == ()


def test_an_exponent_that_the_multiplier_cannot_reach_is_lowered_once_and_said():
    result = filters(np.full((1, 4), 300.0), fraction_in=0, fraction_out=20)
    assert result.fraction < 20
    assert [n for n in result.notes if "exponent" in n] == [
        f"layer: output exponent lowered to {result.fraction} to keep the multiplier below 2^15"
    ]


def test_small_biases_take_a_byte_large_ones_two_and_zeros_nothing():
    weight = np.random.default_rng(0).normal(size=(4, 16))
    assert filters(weight, np.array([0.01, -0.002, 0.005, 0.0])).bias.dtype == np.int8  # ten output steps
    assert filters(weight, np.array([30.0, -0.2, 7.0001, 0.01])).bias.dtype == np.int16
    assert filters(weight, np.zeros(4)).bias is None


def test_a_bias_too_large_for_its_weights_widens_the_scale():
    result = filters(np.full((1, 2), 1e-6), np.array([7.0]), fraction_in=14, fraction_out=12)
    stored = int(result.bias[0]) << result.bias_shift
    assert abs(stored * steps(result, 14)[0] * 2.0**-14 - 7.0) < 2.0**-12
    assert abs(stored) <= 2**30


def test_filters_of_one_size_share_a_multiplier_and_others_get_their_own():
    rng = np.random.default_rng(1)
    even = rng.uniform(-1, 1, (8, 50))
    assert filters(even).multiplier.size == 1
    uneven = even * np.geomspace(1, 2000, 8)[:, None]
    apart = filters(uneven, fraction_out=4)
    assert apart.multiplier.size == 8
    error = ((apart.matrix * steps(apart)[:, None] - uneven) ** 2).sum(axis=1)
    assert (10 * np.log10((uneven**2).sum(axis=1) / error) > 30).all()


def test_a_layer_without_any_weight_stays_exact():
    result = filters(np.zeros((2, 5)), np.array([1.0, -2.0]))
    assert not result.matrix.any()
    stored = result.bias.astype(np.float64) * 2.0**result.bias_shift
    np.testing.assert_allclose(stored * steps(result) * 2.0**-12, [1.0, -2.0], atol=2e-4)


def exponent(values: np.ndarray) -> int:
    net = Net((values.size,))
    return calibrate(net.graph(net.add("relu", "x")), [values.reshape(1, -1).astype(np.float32)])["x"]


def test_the_exponent_just_holds_the_largest_value():
    assert exponent(np.linspace(-1.9, 1.9, 1000)) == 14
    assert exponent(np.linspace(-2.1, 2.1, 1000)) == 13


def test_a_value_barely_outside_is_saturated_but_a_far_one_is_not():
    values = np.append(np.random.default_rng(0).uniform(-1, 1, 5000), 1.00001)
    assert exponent(values) == 15  # 32767 * 2^-15 is less than the largest by 0.00004
    assert exponent(np.append(values, 60.0)) == 9


def test_calibration_refuses_values_that_are_no_numbers_and_no_values():
    net = Net((4,))
    graph = net.graph(net.linear("x", 2))
    bad = np.ones((3, 4), np.float32)
    bad[1, 2] = np.nan
    with pytest.raises(InputError, match="NaN"):
        calibrate(graph, [bad])
    with pytest.raises(InputError, match="empty"):
        calibrate(graph, [np.zeros((0, 4), np.float32)])


def test_calibration_refuses_a_network_whose_values_leave_float32():
    net = Net((2,))
    y = net.linear("x", 2, weight=np.full((2, 2), 1e30), bias=False)
    graph = net.graph(net.linear(y, 2, weight=np.full((2, 2), 1e30), bias=False, name="second"))
    with np.errstate(all="ignore"), pytest.raises(InputError, match="second"):
        calibrate(graph, [np.ones((2, 2), np.float32)])


def needing_16_bits():
    """One large weight on an input that is always 0 hides the small ones from an 8-bit scale."""
    net = Net((9,))
    weight = np.random.default_rng(2).normal(size=(3, 9))
    weight[:, 0] = 1000
    data = samples(net.graph(net.linear("x", 3, weight=weight)))
    data[0][:, 0] = 0
    return loaded(net.graph(net.nodes[-1].output), data)


def test_auto_takes_16_bit_weights_where_8_bits_lose_the_outputs():
    model = needing_16_bits()
    chosen = prepare(model, Request())
    assert chosen.program.steps[-1].attrs["matrix"].dtype == np.int16
    assert any("16-bit" in note for note in chosen.program.notes)
    narrow = prepare(model, Request(weights="int8"))
    assert narrow.program.steps[-1].attrs["matrix"].dtype == np.int8
    assert not any("16-bit" in note for note in narrow.program.notes)


def test_auto_keeps_8_bits_where_they_are_good_enough():
    net = Net((9,))
    model = loaded(net.graph(net.linear("x", 3)))
    assert prepare(model, Request()).program.steps[-1].attrs["matrix"].dtype == np.int8
    assert prepare(model, Request(weights="int16")).program.steps[-1].attrs["matrix"].dtype == np.int16

"""Weight encodings: round trips, scipy's CSR, and the bytes that the linker really places."""

import subprocess

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from small import Net, chain, loaded, program, residual
from toolchain import require_msp430

from sparsecomp.boards import load_board
from sparsecomp.encodings import CHOICES, ENCODERS, bitmap, csr, dense, encode
from sparsecomp.errors import DoesNotFitError, InputError
from sparsecomp.kernels.mac import walk_cycles
from sparsecomp.pipeline import convert
from sparsecomp.plan.planner import make_plan
from sparsecomp.plan.sizes import constant_bytes


@st.composite
def matrices(draw):
    """A filter matrix of any density, with the positions of its taps: a line, or a window with long row steps."""
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    rows, taps = draw(st.integers(1, 5)), draw(st.sampled_from([1, 2, 8, 30, 300, 1500]))
    dtype, limit = draw(st.sampled_from([(np.int8, 127), (np.int16, 32767), (np.float32, 1)]))
    matrix = rng.uniform(-limit, limit, (rows, taps)) * (
        rng.random((rows, taps)) < draw(st.sampled_from([0, 0.003, 0.1, 0.5, 1]))
    )
    steps = np.where(rng.random(taps) < 0.2, draw(st.sampled_from([1, 127, 128, 255, 700])), 1)
    offsets = np.cumsum(steps) - steps[0]
    if offsets.max() > csr.LARGEST_INDEX:
        offsets = np.arange(taps)
    return matrix.astype(dtype), offsets


@given(matrices())
def test_every_encoding_gives_the_matrix_back(case):
    matrix, offsets = case
    modules = {"dense": dense, "delta8": csr, "index16": csr, "bitmap": bitmap}
    assert set(modules) == set(ENCODERS)
    for kind, module in modules.items():
        encoded = ENCODERS[kind](matrix, offsets)
        found = module.decode(encoded, len(matrix), offsets)
        assert encoded.kind == kind
        assert found.dtype == matrix.dtype
        np.testing.assert_array_equal(found, matrix)


@given(matrices())
def test_bytes_are_those_of_the_arrays_and_auto_takes_the_smallest(case):
    matrix, offsets = case
    sizes = {}
    for encoded in (
        dense.encode(matrix, offsets),
        csr.encode_delta8(matrix, offsets),
        csr.encode_index16(matrix, offsets),
        bitmap.encode(matrix, offsets),
    ):
        arrays = [a for a in (encoded.values, encoded.offsets, encoded.rows) if a is not None]
        assert encoded.nbytes == sum(len(a.tobytes()) for a in arrays)
        sizes[encoded.kind] = encoded.nbytes
    assert encode(matrix, offsets, "auto").nbytes == min(sizes.values())
    assert encode(matrix, offsets, "csr").nbytes == min(sizes["delta8"], sizes["index16"])
    assert encode(matrix, offsets, "dense").nbytes == sizes["dense"] == matrix.nbytes
    assert encode(matrix, offsets, "bitmap").nbytes == sizes["bitmap"]


@given(st.integers(0, 2**31), st.sampled_from([0.02, 0.2, 0.9]))
def test_a_linear_layer_in_index16_is_scipys_csr(seed, density):
    rng = np.random.default_rng(seed)
    matrix = (rng.integers(-127, 128, (6, 90)) * (rng.random((6, 90)) < density)).astype(np.int8)
    wanted = csr_matrix(matrix)
    encoded = csr.encode_index16(matrix, np.arange(90))
    np.testing.assert_array_equal(encoded.rows, np.diff(wanted.indptr))
    np.testing.assert_array_equal(encoded.offsets[: wanted.nnz], 2 * wanted.indices)  # bytes of 16-bit elements
    np.testing.assert_array_equal(encoded.values[: wanted.nnz], wanted.data)
    steps = csr.encode_delta8(matrix, np.arange(90))
    np.testing.assert_array_equal(steps.rows, np.diff(wanted.indptr))


@pytest.mark.parametrize("gap, bridges", [(0, 0), (126, 0), (127, 0), (128, 1), (254, 1), (255, 2), (2000, 15)])
def test_long_steps_are_bridged_by_zeros(gap, bridges):
    matrix = np.zeros((1, 2001), np.int8)
    matrix[0, [0, gap]] = 5
    encoded = csr.encode_delta8(matrix, np.arange(2001))
    weights = 1 if gap == 0 else 2
    assert encoded.rows.tolist() == [weights + bridges]
    assert np.count_nonzero(encoded.values) == weights
    assert encoded.offsets.astype(int).sum() == 2 * gap
    assert (encoded.offsets[encoded.values == 0] == 254).all()


def test_a_first_weight_far_from_the_start_is_bridged_too():
    matrix = np.zeros((2, 700), np.int8)
    matrix[:, 300] = -3
    encoded = csr.encode_delta8(matrix, np.arange(700))
    assert encoded.offsets.tolist() == [254, 254, 92] * 2
    assert encoded.values.tolist() == [0, 0, -3] * 2


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.float32])
def test_a_layer_without_weights_has_arrays_that_c_can_hold(dtype):
    matrix = np.zeros((3, 40), dtype)
    for encoded in (csr.encode_delta8(matrix, np.arange(40)), csr.encode_index16(matrix, np.arange(40))):
        assert encoded.rows.tolist() == [0, 0, 0]
        assert encoded.values.size == encoded.offsets.size == 1
        assert not csr.decode(encoded, 3, np.arange(40)).any()


@pytest.mark.parametrize("longest, dtype", [(0, np.uint8), (255, np.uint8), (256, np.uint16), (1000, np.uint16)])
def test_row_sizes_are_bytes_where_every_row_fits_one(longest, dtype):
    matrix = np.zeros((3, 1000), np.int8)
    matrix[0, :5] = matrix[1, :longest] = 1
    for encoded in (csr.encode_delta8(matrix, np.arange(1000)), csr.encode_index16(matrix, np.arange(1000))):
        assert encoded.rows.dtype == dtype
        assert encoded.rows.tolist() == [5, longest, 0]


def test_entries_beyond_16_bits_are_refused_or_stored_dense():
    matrix = np.ones((70, 1000), np.int8)
    with pytest.raises(DoesNotFitError, match="70000 stored entries.*65535") as refusal:
        encode(matrix, np.arange(1000), "csr")
    assert "auto" in refusal.value.hint
    assert encode(matrix, np.arange(1000), "auto").kind == "dense"
    most = np.zeros((66, 1000), np.int8)
    most.reshape(-1)[:65535] = 1
    assert encode(most, np.arange(1000), "csr").rows.sum() == 65535
    most.reshape(-1)[65535] = 1
    with pytest.raises(DoesNotFitError, match="65536"):
        encode(most, np.arange(1000), "csr")


def test_bridges_alone_can_overflow_the_entries_and_then_positions_are_taken():
    matrix = np.zeros((1000, 30000), np.int8)
    matrix[:, -1] = 1
    assert encode(matrix, np.arange(30000), "csr").kind == "index16"
    with pytest.raises(DoesNotFitError):
        csr.encode_delta8(matrix, np.arange(30000))


def test_positions_beyond_16_bits_are_refused():
    matrix = np.ones((1, 2), np.int8)
    assert csr.encode_index16(matrix, np.array([0, 32767])).offsets.tolist() == [0, 65534]
    with pytest.raises(DoesNotFitError, match="32768"):
        csr.encode_index16(matrix, np.array([0, 32768]))


def test_an_unknown_encoding_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="pair") as refusal:
        encode(np.ones((1, 1), np.int8), np.arange(1), "pair")
    assert all(name in refusal.value.hint for name in CHOICES)


@given(matrices())
def test_a_bitmap_takes_a_byte_for_eight_taps_and_one_count_a_filter(case):
    matrix, offsets = case
    encoded = bitmap.encode(matrix, offsets)
    filters, taps = matrix.shape
    counts = np.count_nonzero(matrix, axis=1)
    count_bytes = 1 if counts.max() <= 255 else 2
    stored = max(1, int(counts.sum()))  # C has no empty arrays
    assert encoded.nbytes == stored * matrix.itemsize + filters * -(-taps // 8) + filters * count_bytes
    np.testing.assert_array_equal(encoded.rows, counts)
    np.testing.assert_array_equal(encoded.values[: counts.sum()], csr_matrix(matrix).data)


@given(matrices())
def test_a_mask_read_as_one_number_has_the_bit_of_every_weight(case):
    matrix, offsets = case
    encoded = bitmap.encode(matrix, offsets)
    wide = -(-matrix.shape[1] // 8)
    for f, row in enumerate(matrix):
        mask = int.from_bytes(encoded.offsets[f * wide : (f + 1) * wide].tobytes(), "little")
        assert mask == sum(1 << int(tap) for tap in csr_matrix(row.reshape(1, -1)).indices)


@pytest.mark.parametrize("taps", [1, 7, 8, 9, 16, 17])
def test_every_filters_mask_begins_with_a_new_byte(taps):
    matrix = np.zeros((4, taps), np.int8)
    matrix[0, 0] = matrix[1, -1] = matrix[3, 0] = 7  # the third is empty
    encoded = bitmap.encode(matrix, np.arange(taps))
    masks = encoded.offsets.reshape(4, -1)
    assert masks.shape[1] == (taps + 7) // 8
    assert masks[:, 0].tolist() == [1, 1 << taps - 1 if taps <= 8 else 0, 0, 1]
    assert masks[1, -1] == 1 << (taps - 1) % 8
    np.testing.assert_array_equal(bitmap.decode(encoded, 4, np.arange(taps)), matrix)


@pytest.mark.parametrize("longest, dtype", [(0, np.uint8), (255, np.uint8), (256, np.uint16), (1000, np.uint16)])
def test_counts_are_bytes_where_every_one_fits(longest, dtype):
    matrix = np.zeros((3, 1000), np.int8)
    matrix[0, :5] = matrix[1, :longest] = 1
    encoded = bitmap.encode(matrix, np.arange(1000))
    assert encoded.rows.dtype == dtype
    assert encoded.rows.tolist() == [5, longest, 0]
    np.testing.assert_array_equal(bitmap.decode(encoded, 3, np.arange(1000)), matrix)


def test_a_filter_with_more_weights_than_16_bits_count_is_refused_or_stored_dense():
    matrix = np.ones((1, 65536), np.int8)
    with pytest.raises(DoesNotFitError, match="65536"):
        encode(matrix, np.arange(65536), "bitmap")
    assert encode(matrix, np.arange(65536), "auto").kind == "dense"
    assert bitmap.encode(matrix[:, 1:], np.arange(65535)).rows.tolist() == [65535]


@pytest.mark.parametrize(
    "percent, kind", [(5, "delta8"), (20, "bitmap"), (60, "bitmap"), (80, "bitmap"), (95, "dense")]
)
def test_auto_takes_masks_at_middle_densities(percent, kind):
    matrix = np.zeros((4, 400), np.int8)
    matrix[:, np.random.default_rng(1).permutation(400)[: 4 * percent]] = 3
    assert encode(matrix, np.arange(400), "auto").kind == kind


def sparse_network():
    """Layers in which auto takes several encodings, biases of each width, a per-channel scale, tables and averages."""
    net = Net((2, 9, 9))
    rng = np.random.default_rng(5)
    x = net.add("sigmoid", net.conv("x", 4, pad=1))
    x = net.add("leaky_relu", net.conv(x, 6, weight=rng.normal(size=(6, 4, 3, 3)) * (rng.random((6, 4, 3, 3)) < 0.1)),
                negative_slope=0.1)  # fmt: skip
    x = net.conv(x, 6, pad=1, weight=rng.normal(size=(6, 6, 3, 3)) * (rng.random((6, 6, 3, 3)) < 0.5))
    x = net.add("avg_pool", x, kernel=(3, 3), stride=(2, 2), padding=((1, 1), (1, 1)), ceil_mode=False,
                count_include_pad=False, divisor=None)  # fmt: skip
    weight = np.zeros((5, 96))
    weight[np.arange(5), [90, 91, 92, 93, 94]] = [1, 2, 4, 8, 900]
    return net.graph(net.linear(net.flatten(x), 5, weight=weight, bias=np.array([0.01, 0, 0, 30, 0])))


def symbol_bytes(path, step: str) -> int:
    """Bytes of a layer's constant arrays in an object file."""
    with open(path, "rb") as file:
        symbols = ELFFile(file).get_section_by_name(".symtab").iter_symbols()
        return sum(
            s["st_size"] for s in symbols if s.name.startswith(f"{step}_") and s["st_info"]["type"] == "STT_OBJECT"
        )


def check_linked(folder, graph, compiler, **request):
    board = load_board("host")
    convert(loaded(graph), folder, **request)
    target = folder / "model.o"
    includes = [f"-I{folder / part}" for part in (".", "headers", "include", "port")]
    subprocess.run([*compiler, *includes, "-std=c99", "-c", "-o", target, folder / "model.c"], check=True)
    lowered = program(graph, encoding=request.get("encoding", "auto"), numeric=request.get("numeric", "int8"))
    plan = make_plan(lowered, board)
    assert plan.weight_bytes == constant_bytes(lowered)
    found = {step.name: symbol_bytes(target, step.name) for step in lowered.steps}
    assert found == {step.name: n for step, n in zip(lowered.steps, plan.weight_bytes, strict=True)}
    assert sum(found.values()) > 0


@pytest.mark.parametrize("optimize", ["-O0", "-O2"])
@pytest.mark.parametrize("encoding", ["auto", "csr", "bitmap", "dense"])
@pytest.mark.parametrize("numeric", ["int8", "float32"])
def test_planned_bytes_are_those_in_the_object_file(tmp_path, optimize, encoding, numeric):
    check_linked(tmp_path / "p", sparse_network(), ["gcc", optimize], encoding=encoding, numeric=numeric)


@pytest.mark.parametrize("graph", [chain(), residual()])
def test_planned_bytes_of_other_networks(tmp_path, graph):
    check_linked(tmp_path / "p", graph, ["gcc", "-O2"])


@pytest.mark.parametrize("memory", ["-mlarge", "-msmall"])
def test_planned_bytes_are_those_on_the_target(tmp_path, memory):
    require_msp430()
    check_linked(tmp_path / "p", sparse_network(), ["msp430-elf-gcc", "-O2", "-mcpu=msp430xv2", memory])


def test_the_kinds_differ_from_layer_to_layer():
    kinds = [s.attrs["encoded"].kind for s in program(sparse_network()).steps if s.kernel == "mac"]
    assert kinds == ["dense", "delta8", "bitmap", "delta8"]


def test_fast_takes_the_fewest_cycles_and_auto_the_fewest_bytes():
    found = {}
    for choice in ("auto", "fast"):
        steps = [s for s in program(sparse_network(), encoding=choice).steps if s.kernel == "mac"]
        cycles = sum(s.items * walk_cycles(s, program(sparse_network()).tensors[s.output]) for s in steps)
        found[choice] = cycles, sum(s.attrs["encoded"].nbytes for s in steps)
    assert found["fast"][0] < found["auto"][0] and found["fast"][1] > found["auto"][1]

"""Multiply-accumulate layers: convolution, linear and the per-channel affine map (mac_dense.c, mac_csr.c,
mac_bitmap.c).

attrs: ``encoded`` (Encoded), ``matrix`` (filters, taps), ``offsets`` (taps,) positions of the taps from the window's
first element, ``runs`` (``mac_dense_t``'s tap_rows, tap_columns, run_length, tap_row_step, tap_column_step), ``start``
(stored element of the first window), ``row_step``, ``column_step``, ``group_step`` (elements from a window to the next
one below, beside it, of the next group), ``group_size`` (filters of a group), ``bias`` (stored values or None),
``bias_shift``, ``multiplier`` (one, or one a filter), ``shift``, bounds; ``pool`` where an output is the largest of
several windows' sums: (rows, columns, elements from a window to the one below, to the one beside it); ``lea`` where
the low-energy accelerator computes the sums (mac_lea.Commands).
"""

from __future__ import annotations

import functools
from dataclasses import asdict

import numpy as np

from sparsecomp.arithmetic import requantize
from sparsecomp.encodings.encoded import Encoded
from sparsecomp.kernels import Array, Memory, Names, Rendered, bounds, mac_cycles, mac_lea, surface
from sparsecomp.program import Step, Stored

STARTS_APART = 32  # filters: MAC_STARTS_APART of kernels.h
LARGEST_START = 65535
COUNT_CYCLES = 15  # of adding up one filter's entries, in C; the assembly takes 6
BATCH_CELLS = 1 << 22  # gathered taps at a time; bounds the reference's memory


def full_bias(step: Step) -> np.ndarray:
    """Bias of every filter in accumulator units."""
    bias, filters = step.attrs["bias"], len(step.attrs["matrix"])
    return np.zeros(filters) if bias is None else bias.astype(np.float64) * (1 << step.attrs["bias_shift"])


def window_starts(step: Step, out: Stored) -> np.ndarray:
    """(height, width) stored elements at which the windows of the outputs begin."""
    a = step.attrs
    return a["start"] + np.arange(out.height)[:, None] * a["row_step"] + np.arange(out.width) * a["column_step"]


def pool(step: Step) -> tuple[int, int, int, int]:
    """The windows of an output: rows, columns, and the elements between them."""
    return step.attrs.get("pool", (1, 1, 0, 0))


def accumulate(step: Step, memory: Memory) -> np.ndarray:
    """Integer accumulators (batch, height, width, filters), each the largest of its pool: exact, proved to stay within
    32 bits by the converter.
    """
    rows, columns, down, beside = pool(step)
    sums = (_sums(step, memory, y * down + x * beside) for y in range(rows) for x in range(columns))
    return functools.reduce(np.maximum, sums)


def _sums(step: Step, memory: Memory, further: int) -> np.ndarray:
    """The sums over windows ``further`` elements behind the first of each pool."""
    a = step.attrs
    out = memory.program.tensors[step.output]
    cells = memory.stored(step.inputs[0])
    windows = window_starts(step, out).reshape(-1) + further
    matrix = a["matrix"].astype(np.float64)  # float64 holds these integers exactly, and has fast matrix products
    result = np.empty((memory.batch, windows.size, out.channels))
    chunk = max(1, BATCH_CELLS // (windows.size * len(a["offsets"])))
    for group in range(out.channels // a["group_size"]):
        index = windows[:, None] + a["offsets"][None, :] + group * a["group_step"]
        rows = slice(group * a["group_size"], (group + 1) * a["group_size"])
        for i in range(0, memory.batch, chunk):
            taps = cells[i : i + chunk][:, index].astype(np.float64)
            result[i : i + chunk, :, rows] = taps @ matrix[rows].T
    return (result + full_bias(step)).astype(np.int64).reshape(memory.batch, *out.shape)


def accumulate_float(step: Step, memory: Memory) -> np.ndarray:
    """Float sums tap by tap, bias first, as the C kernels add them, so that even the rounding is the same."""
    rows, columns, down, beside = pool(step)
    sums = (_float_sums(step, memory, y * down + x * beside) for y in range(rows) for x in range(columns))
    return functools.reduce(np.maximum, sums)


def _float_sums(step: Step, memory: Memory, further: int) -> np.ndarray:
    a = step.attrs
    out = memory.program.tensors[step.output]
    cells = memory.stored(step.inputs[0])
    windows = window_starts(step, out) + further
    groups = np.arange(out.channels) // a["group_size"] * a["group_step"]
    bias = np.zeros(out.channels, np.float32) if a["bias"] is None else a["bias"]
    acc = np.broadcast_to(bias, (memory.batch, *out.shape)).copy()
    for tap, offset in enumerate(a["offsets"]):
        acc += cells[:, windows[..., None] + groups + offset] * a["matrix"][:, tap]
    return acc


def reference(step: Step, memory: Memory) -> None:
    """Writes the layer's output; (batch, height, width, filters) int16 or float32."""
    if memory.is_float:
        acc = accumulate_float(step, memory)
    else:
        acc = requantize(accumulate(step, memory), step.attrs["multiplier"], step.attrs["shift"])
    memory.inside(step.output)[...] = np.clip(acc, step.attrs["low"], step.attrs["high"])


def nnz(step: Step) -> int:
    """Weights that are not zero."""
    return int(np.count_nonzero(step.attrs["matrix"]))


def cycles(step: Step) -> float:
    """Portable C on the MSP430: 41 to 48 cycles a stored weight and 300 around them, for each window of the pool, and
    about 750 for the requantized output. A mask costs 6 more a tap, and 53 a run.
    """
    windows = pool(step)[0] * pool(step)[1]
    encoded = step.attrs["encoded"]
    filters, taps = step.attrs["matrix"].shape
    weights = len(encoded.values) / filters
    if encoded.kind == "bitmap":
        rows, columns = step.attrs["runs"][:2]
        return 750 + windows * (395 + 48 * weights + 6 * taps + 53 * rows * columns)
    return 750 + windows * (300 + (41 if encoded.kind == "dense" else 45) * weights)


def call_cycles(step: Step) -> int:
    """Of one call besides its items: sparse kernels add up the counts of up to 31 filters before the first one, and
    the accelerator's RAM is filled.
    """
    if step.attrs.get("lea"):
        return mac_lea.call_cycles(step)
    encoded = step.attrs["encoded"]
    if encoded.rows is None:
        return 0
    return COUNT_CYCLES * (STARTS_APART if starts(encoded).size else len(encoded.rows))


def starts(encoded: Encoded) -> np.ndarray:
    """How many entries lie before every 32nd filter of a sparse layer but the first, uint16; none where there are more
    than 16 bits count, which only a mask allows.
    """
    before = np.cumsum(encoded.rows[:-1], dtype=np.int64)[STARTS_APART - 1 :: STARTS_APART]
    return before[: 0 if before.max(initial=0) > LARGEST_START else None].astype(np.uint16)


def walk_cycles(step: Step, out: Stored, positions: bool = False) -> float:
    """The assembly on the MSP430; ``positions``: those of a mask were written down before."""
    if step.attrs.get("lea"):
        return mac_lea.item_cycles(step, out)
    return mac_cycles.item_cycles(step.attrs, out, positions)


def position_bytes(step: Step) -> int:
    """Bytes that the positions of a mask's weights take; 0 where they would not fit 16 bits, or are known."""
    encoded = step.attrs["encoded"]
    reach = encoded.kind == "bitmap" and 2 * int(step.attrs["offsets"].max(initial=0)) < 65536
    return 2 * int(encoded.rows.sum(dtype=np.int64)) if reach else 0


FUNCTIONS = {
    "dense": "mac_dense",
    "delta8": "mac_csr_delta8",
    "index16": "mac_csr_index16",
    "bitmap": "mac_bitmap",
}
WIDE = {
    "dense": "mac_dense16",
    "delta8": "mac_csr_delta8_w16",
    "index16": "mac_csr_index16_w16",
    "bitmap": "mac_bitmap_w16",
}
POOL = ("pool_rows", "pool_columns", "pool_row_step", "pool_column_step")
CTYPES = {"int8": "int8_t", "int16": "int16_t", "uint8": "uint8_t", "uint16": "uint16_t", "float32": "float"}


def render(step: Step, names: Names) -> Rendered:
    """The fields of ``mac_dense_t``, ``mac_csr_t`` or ``mac_bitmap_t``. Arrays have the published names:
    <layer>_w_data, _w_offset, _w_sizes and _b; a mask is <layer>_w_mask, and a sparse layer of many filters has
    <layer>_w_starts.
    """
    a, encoded = step.attrs, step.attrs["encoded"]
    is_float = encoded.values.dtype == np.float32
    name, arrays = step.name, []

    def array(suffix: str, values: np.ndarray, comment: str) -> str:
        arrays.append(Array(CTYPES[str(values.dtype)], f"{name}_{suffix}", values, comment))
        return f"{name}_{suffix}"

    def known_starts() -> str:
        known = starts(encoded)
        return array("w_starts", known, f"entries before every {STARTS_APART}nd filter") if known.size else "NULL"

    filters, taps = a["matrix"].shape
    shape = f"{filters} filters of {taps} taps, {nnz(step)} non-zero"
    weights = array("w_data", encoded.values, f"{shape}, {encoded.kind}")
    bias = "NULL" if a["bias"] is None else array("b", a["bias"], f"bias, accumulator units >> {a['bias_shift']}")
    multiplier = array("m", a["multiplier"].astype(np.uint16), f"scale to the output, >> {a['shift']}")
    mac = {
        "input": names.at(step.inputs[0], a["start"]),
        "output": surface(names, names.tensor(step.output)),
        **{key: f"{a[key]}U" for key in ("row_step", "column_step", "group_step", "group_size")},
        "bias": bias,
        "multiplier": multiplier,
        "per_channel": "1U" if a["multiplier"].size > 1 else "0U",
        "shift": f"{a['shift']}U",
        "bias_bytes": "0U" if a["bias"] is None else f"{a['bias'].dtype.itemsize}U",
        "bias_shift": f"{a['bias_shift']}U",
        **bounds(step, is_float),
        **dict(zip(POOL, (f"{n}U" for n in pool(step)), strict=True)),
    }
    fields = {"mac": "{" + ", ".join(f".{k} = {v}" for k, v in mac.items()) + "}", "weights": weights}
    function = (WIDE if encoded.values.dtype == np.int16 else FUNCTIONS)[encoded.kind]
    if encoded.kind in ("dense", "bitmap"):
        keys = ("tap_rows", "tap_columns", "run_length", "tap_row_step", "tap_column_step")
        fields |= {key: f"{value}U" for key, value in zip(keys, a["runs"], strict=True)}
    if a.get("lea"):
        return Rendered(function, "mac_lea_t", _for_lea(a["lea"], fields), tuple(arrays), mac_lea.WALK)
    if encoded.kind == "dense":
        return Rendered(function, "mac_dense_t", fields, tuple(arrays))
    if encoded.kind == "bitmap":
        fields["mask"] = array("w_mask", encoded.offsets, "a bit for each tap of each filter")
        fields["counts"] = array("w_sizes", encoded.rows, "weights of each filter")
        fields["count_bytes"] = f"{encoded.rows.dtype.itemsize}U"
        fields["position_bytes"] = f"{names.positions(step)}U"
        fields["starts"] = known_starts()
        return Rendered(function, "mac_bitmap_t", fields, tuple(arrays))
    fields["offsets"] = array("w_offset", encoded.offsets, "steps" if encoded.kind == "delta8" else "positions")
    fields["rows"] = array("w_sizes", encoded.rows, "entries of each filter")
    fields["count_bytes"] = f"{encoded.rows.dtype.itemsize}U"
    fields["starts"] = known_starts()
    return Rendered(function, "mac_csr_t", fields, tuple(arrays))


def _for_lea(lea: mac_lea.Commands, fields: dict[str, str]) -> dict[str, str]:
    """The fields of ``mac_lea_t``."""
    dense = "{" + ", ".join(f".{k} = {v}" for k, v in fields.items()) + "}"
    return {"dense": dense} | {key: f"{value}U" for key, value in asdict(lea).items()}

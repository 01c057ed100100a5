"""Wire types: validation, conversion, JSON."""

import json

import numpy as np
import pytest

from sparsecomp.errors import InputError
from sparsecomp.wire import Wire


def test_affine_conversion_of_every_type():
    raw = np.array([[0, 1], [2, 127]])
    for dtype in ("u8", "i8", "i16"):
        wire = Wire(dtype, scale=0.5, offset=-1.0)
        values = wire.to_float(raw.astype(wire.numpy_dtype))
        assert values.dtype == np.float32
        assert values.tolist() == [[-1.0, -0.5], [0.0, 62.5]]
    assert Wire().to_float(np.array([1.5], np.float32)).tolist() == [1.5]


def test_table_is_indexed_by_the_byte():
    table = tuple(float(i * i) for i in range(256))
    assert Wire("u8", table=table).to_float(np.array([0, 3, 255], np.uint8)).tolist() == [0, 9, 65025]
    # A signed byte keeps its bits: -1 is byte 255.
    assert Wire("i8", table=table).to_float(np.array([-1, 2], np.int8)).tolist() == [65025, 4]


def test_json_round_trip():
    for wire in (Wire(), Wire("u8", 1 / 255, -0.5), Wire("i8", table=tuple(np.linspace(-1, 1, 256)))):
        assert Wire.from_json(json.loads(json.dumps(wire.to_json()))) == wire


@pytest.mark.parametrize(
    "arguments",
    [
        {"dtype": "u16"},
        {"dtype": ["u8"]},
        {"scale": 0},
        {"scale": float("nan")},
        {"offset": float("inf")},
        {"offset": "1"},
        {"scale": True},
        {"dtype": "i16", "table": (0.0,) * 256},
        {"dtype": "f32", "table": (0.0,) * 256},
        {"dtype": "u8", "table": (0.0,) * 255},
        {"dtype": "u8", "table": (float("nan"),) * 256},
        {"dtype": "u8", "scale": 2.0, "table": (0.0,) * 256},
    ],
)
def test_unusable_wires_are_refused(arguments):
    with pytest.raises(InputError) as error:
        Wire(**arguments)
    assert error.value.hint


def test_raw_data_of_another_type_is_refused():
    with pytest.raises(InputError, match="wire of type u8"):
        Wire("u8").to_float(np.zeros(3, np.float32))


@pytest.mark.parametrize(
    "table", [None, [], {"dtype": "u8"}, {**Wire().to_json(), "x": 1}, {**Wire().to_json(), "table": "no"}]
)
def test_damaged_json_is_refused(table):
    with pytest.raises(InputError):
        Wire.from_json(table)

"""Random damage to a good archive, and to the JSON in it: a clear refusal or success, never another exception."""

import json
import random
import zipfile

import pytest

import sparsecomp
from sparsecomp.errors import SparseCompError
from sparsecomp.frontend.aten import TABLE


def attempt(path):
    """True where the file is loaded; any exception but SparseCompError fails the test."""
    try:
        loaded = sparsecomp.load(path)
    except SparseCompError as error:
        assert "\n" not in str(error) and len(str(error)) < 1500
        return False
    assert loaded.graph.nodes
    return True


@pytest.mark.parametrize("seed", range(100))
def test_damaged_bytes(model, tmp_path, seed):
    rng = random.Random(seed)
    data = bytearray(model.read_bytes())
    if seed % 4 == 0:
        data = data[: rng.randrange(len(data))]
    # The calibration data fill most of the file, the directory its end: aim at all parts.
    begin = rng.choice([0, len(data) // 2, max(0, len(data) - 3000)])
    for _ in range(rng.choice([1, 2, 20])):
        if len(data) > begin:
            data[rng.randrange(begin, len(data))] = rng.randrange(256)
    path = tmp_path / "m.pt"
    path.write_bytes(data)
    attempt(path)


ARGUMENTS = [
    {"as_tensor": {"name": "input"}},
    {"as_tensor": {"name": "conv2d"}},
    {"as_tensor": {"name": "p_0_weight"}},
    {"as_tensor": {"name": "p_4_bias"}},
    {"as_tensors": []},
    {"as_tensors": [{"name": "input"}, {"name": "p_0_bias"}]},
    {"as_none": True},
    {"as_bool": True},
    {"as_bool": False},
    {"as_int": 0},
    {"as_int": -1},
    {"as_int": 3},
    {"as_int": 1 << 40},
    {"as_ints": []},
    {"as_ints": [0]},
    {"as_ints": [2, 2]},
    {"as_ints": [0, -1]},
    {"as_ints": [1, 0, 2, 3]},
    {"as_float": "NaN"},
    {"as_float": "-Infinity"},
    {"as_float": 1e308},
    {"as_string": "same"},
    {"as_string": "x"},
    {"as_scalar_type": 7},
    {"as_scalar_type": 5},
    {"as_strings": ["a"]},
    {"as_bools": [True]},
    {"as_floats": [0.5]},
    {"as_optional_tensor": {"as_none": True}},
    {"as_optional_tensors": []},
    {"as_sym_int": {"as_name": "s"}},
]
ODD = [
    None,
    True,
    -1,
    0,
    1,
    2,
    1 << 63,
    10**400,
    1.5,
    -0.0,
    1e308,
    "",
    "x",
    "Infinity",
    "NaN",
    "../x",
    [],
    [1],
    [[]],
    {},
]
ODD += ARGUMENTS


def places(value, path=()):
    """Every path in a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def mutate(table, rng):
    path = rng.choice([path for path in places(table) if path])
    parent = table
    for key in path[:-1]:
        parent = parent[key]
    kind = rng.randrange(5)
    if kind == 0:
        del parent[path[-1]]
    elif kind == 1 and isinstance(parent, list):
        parent.insert(rng.randrange(len(parent) + 1), parent[path[-1]])
    elif kind == 2 and isinstance(parent, dict):
        parent[rng.choice(["x", "name", "as_int", "as_tensor", "training"])] = parent.pop(path[-1])
    else:
        parent[path[-1]] = rng.choice(ODD)


@pytest.mark.parametrize(
    "member", ["models/model.json", "data/weights/model_weights_config.json", "extra/sparsecomp.json"]
)
@pytest.mark.parametrize("seed", range(50))
def test_damaged_json(model, doctor, member, seed):
    rng = random.Random(f"{member}{seed}")
    text = zipfile.ZipFile(model).read(f"model/{member}")
    for _ in range(6):
        table = json.loads(text)
        for _ in range(rng.choice([1, 1, 2, 5])):
            if isinstance(table, dict) and table:
                mutate(table, rng)
        attempt(doctor({member: json.dumps(table).encode()}))


def reshuffle(graph, rng):
    """A change after which the JSON is still well formed: another operator, argument, shape or order."""
    node = rng.choice(graph["nodes"])
    kind = rng.randrange(5)
    if kind == 0:
        node["target"] = rng.choice(sorted(TABLE))
    elif kind == 1:
        rng.choice(node["inputs"])["arg"] = rng.choice(ARGUMENTS)
    elif kind == 2:
        rng.choice(node["inputs"])["name"] = rng.choice(["self", "input", "dim", "padding", "size", "value", "train"])
    elif kind == 3:
        sizes = rng.choice(list(graph["tensor_values"].values()))["sizes"]
        rng.choice(sizes or [{}])["as_int"] = rng.choice([0, 1, 2, 3, 1 << 20, -1])
    else:
        rng.shuffle(graph["nodes"])


@pytest.mark.parametrize("seed", range(60))
def test_well_formed_nonsense(doctor, seed):
    """Damage where it matters most: the operator calls and the shapes of the tensors."""
    rng = random.Random(seed)
    for _ in range(6):

        def edit(table):
            for _ in range(rng.choice([1, 1, 2])):
                reshuffle(table["graph_module"]["graph"], rng)

        attempt(doctor(edit=edit))


def test_endless_nesting(doctor):
    for text in (b"[" * 100_000, b'{"a":' * 100_000, b"[" * 500 + b"]" * 500, b"\xff\xfe", b"1" * 10_000, b"NaN"):
        for member in ("models/model.json", "data/weights/model_weights_config.json", "extra/sparsecomp.json"):
            assert not attempt(doctor({member: text}))


def test_the_undamaged_archive_loads(doctor):
    assert attempt(doctor())

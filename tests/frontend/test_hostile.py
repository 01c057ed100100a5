"""Doctored files. Each would leave a marker file if anything in it ran; none does, and all but none are refused."""

import io
import json
import pickle
import zipfile

import numpy as np
import pytest

import sparsecomp
from sparsecomp.errors import InputError, SparseCompError
from sparsecomp.frontend.capture import pack


class Bomb:
    """Touches a marker file when unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return eval, (f"open({str(self.marker)!r}, 'w').close()",)


@pytest.fixture
def marker(tmp_path):
    path = tmp_path / "marker"
    yield path
    assert not path.exists()


def torch_zip(value, **members):
    """What torch.save(value) writes, made by hand so that no torch is needed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(value, protocol=2))
        for name, data in {"byteorder": "little", "version": "3", **members}.items():
            file.writestr(f"archive/{name}", data)
    return buffer.getvalue()


def refused(path, reason, **options):
    with pytest.raises(InputError) as error:
        sparsecomp.load(path, **options)
    assert reason in error.value.message, error.value.message
    assert error.value.hint and "\n" not in str(error.value) and str(error.value).isascii()
    return error.value


def code_of(marker):
    return f"open({str(marker)!r}, 'w').close()"


def test_the_bomb_works(tmp_path):
    marker = tmp_path / "armed"
    pickle.loads(pickle.dumps(Bomb(marker)))
    assert marker.exists()


def test_pickled_sample_inputs(doctor, marker):
    path = doctor({"data/sample_inputs/model.pt": torch_zip(Bomb(marker))})
    refused(path, "__builtin__.eval")


def test_sample_inputs_that_are_no_archive(doctor, marker):
    refused(doctor({"data/sample_inputs/model.pt": pickle.dumps(Bomb(marker))}), "sample input")


def test_weight_marked_as_pickle(doctor, marker, model):
    from zipfile import ZipFile

    member = "data/weights/model_weights_config.json"
    config = json.loads(ZipFile(model).read(f"model/{member}"))
    entry = config["config"]["0.weight"]
    entry["use_pickle"] = True
    path = doctor({member: json.dumps(config).encode(), f"data/weights/{entry['path_name']}": torch_zip(Bomb(marker))})
    refused(path, "stored as a pickle")


@pytest.mark.parametrize(
    "member",
    ["data/weights/model.pt", "weights/model.pt", "data/constants/model.pt", "data/constants/custom_obj_0",
     "data/constants/opaque_obj_0", "data/aotinductor/model/model.so", "models/other.json", "data.pkl", "code/model.py"],
)  # fmt: skip
def test_members_outside_the_allow_list(doctor, marker, member):
    refused(doctor({member: torch_zip(Bomb(marker))}), member)


def test_symbolic_shape_text(doctor, marker):
    def edit(table):
        sizes = table["graph_module"]["graph"]["tensor_values"]["input"]["sizes"]
        sizes[2] = {"as_expr": {"expr_str": code_of(marker), "hint": {"as_int": 8}}}

    refused(doctor(edit=edit), "dynamic shape")


def test_symbolic_value_text(doctor, marker):
    def edit(table):
        table["graph_module"]["graph"]["sym_int_values"] = {"s0": {"as_expr": {"expr_str": code_of(marker)}}}

    refused(doctor(edit=edit), "dynamic shapes")


def test_symbolic_shape_in_a_weight(doctor, marker, model):
    member = "data/weights/model_weights_config.json"
    config = json.loads(zipfile.ZipFile(model).read(f"model/{member}"))
    config["config"]["0.weight"]["tensor_meta"]["sizes"][0] = {"as_expr": {"expr_str": code_of(marker)}}
    refused(doctor({member: json.dumps(config).encode()}), "disagrees")


def test_range_constraints(doctor):
    refused(
        doctor(edit=lambda t: t.update(range_constraints={"s0": {"min_val": 0, "max_val": None}})), "dynamic shapes"
    )


def test_guards_code(doctor, marker):
    refused(doctor(edit=lambda t: t.update(guards_code=[code_of(marker)])), "guards_code")


def test_texts_that_torch_would_interpret_stay_texts(doctor, marker):
    """in_spec and the stack trace are parsed by torch; here they are ignored, or shown as harmless text."""

    def edit(table):
        signature = table["graph_module"]["module_call_graph"][0]["signature"]
        signature["in_spec"] = signature["out_spec"] = code_of(marker)
        node = table["graph_module"]["graph"]["nodes"][0]
        node["metadata"]["stack_trace"] = 'File "/a/*/ #include <x>\x1b[31m/n*/e.py", line 3, in forward'
        node["metadata"]["nn_module_stack"] = "a,0*/;x,__import__('os'),torch.nn.modules.conv.Conv2d"

    node = sparsecomp.load(doctor(edit=edit)).graph.nodes[0]
    assert node.where == "e.py:3"
    assert node.name.isidentifier() and "*/" not in node.where


@pytest.mark.parametrize(
    "target", ["os.system", "torch.ops.aten.__import__", "_operator.getitem", "torch.ops.evil.run", ""]
)
def test_call_targets_outside_the_table(doctor, target):
    def edit(table):
        table["graph_module"]["graph"]["nodes"][0]["target"] = target

    with pytest.raises(SparseCompError, match="not supported") as error:
        sparsecomp.load(doctor(edit=edit))
    assert "supported: Conv1d/2d" in error.value.hint


def at(table, path):
    for key in path:
        table = table[key]
    return table


@pytest.mark.parametrize(
    "path",
    [(), ("graph_module",), ("graph_module", "graph"), ("graph_module", "graph", "nodes", 0), ("schema_version",),
     ("graph_module", "graph", "tensor_values", "input"), ("graph_module", "signature", "input_specs", 0)],
)  # fmt: skip
def test_unknown_fields(doctor, path):
    refused(doctor(edit=lambda t: at(t, path).update(surprise=1)), "")


def test_unknown_schema(doctor):
    error = refused(doctor(edit=lambda t: t["schema_version"].update(major=9)), "schema 9")
    assert "sparsecomp.save" in error.hint
    refused(doctor(edit=lambda t: t.pop("schema_version")), "schema")


def test_unknown_argument(doctor):
    def edit(table):
        node = table["graph_module"]["graph"]["nodes"][0]
        node["inputs"].append({"name": "run", "arg": {"as_string": "x"}, "kind": 2})

    with pytest.raises(SparseCompError, match="does not know"):
        sparsecomp.load(doctor(edit=edit))


def test_subgraphs_and_custom_objects(doctor):
    def graph(table):
        table["graph_module"]["graph"]["nodes"][0]["inputs"][0]["arg"] = {"as_graph": {"name": "g", "graph": {}}}

    def custom(table):
        table["graph_module"]["graph"]["custom_obj_values"] = {"x": {"name": "x", "class_fqn": "os.system"}}

    refused(doctor(edit=graph), "sub-graph")
    refused(doctor(edit=custom), "custom object")


def test_a_key_twice_in_the_json(doctor, model):
    text = zipfile.ZipFile(model).read("model/models/model.json").decode()
    path = doctor(
        {"models/model.json": text.replace('"guards_code": []', '"guards_code": [], "guards_code": []').encode()}
    )
    refused(path, "twice")


def raw_zip(path, entries, compression=zipfile.ZIP_STORED):
    with (
        pytest.warns(UserWarning)
        if len({n for n, _ in entries}) < len(entries)
        else __import__("contextlib").nullcontext()
    ):
        with zipfile.ZipFile(path, "w", compression) as file:
            for name, data in entries:
                file.writestr(name, data)
    return path


def entries_of(model):
    with zipfile.ZipFile(model) as file:
        return [(name, file.read(name)) for name in file.namelist()]


@pytest.mark.parametrize("twin", ["model/models/model.json", "model/Models/Model.json", "model/MODELS/model.json"])
def test_a_member_twice_in_any_case(model, tmp_path, twin):
    refused(raw_zip(tmp_path / "m.pt", [*entries_of(model), (twin, b"{}")]), "twice")


@pytest.mark.parametrize(
    "name",
    ["other/x", "model/../x", "/model/x", "model/a\\b", "model", "model//x", "model/extra/\u202egnp", "model/x/"],
)
def test_strange_member_names(model, tmp_path, name):
    refused(raw_zip(tmp_path / "m.pt", [*entries_of(model), (name, b"")]), "")


def test_zip_bombs(model, tmp_path, monkeypatch):
    good = entries_of(model)
    bomb = ("model/extra/zeros", bytes(10 << 20))
    refused(raw_zip(tmp_path / "ratio.pt", [*good, bomb], zipfile.ZIP_DEFLATED), "zip bomb")
    refused(raw_zip(tmp_path / "many.pt", [*good, *((f"model/extra/{i}", b"") for i in range(10_001))]), "members")
    monkeypatch.setattr("sparsecomp.frontend.container.MAX_TOTAL", 1 << 20)
    refused(raw_zip(tmp_path / "total.pt", [*good, bomb]), "unpacks to more")
    monkeypatch.setattr("sparsecomp.frontend.loading.MAX_FILE", 1 << 20)
    refused(tmp_path / "total.pt", "larger than")


def test_a_size_that_lies(model, tmp_path):
    """The directory promises another size than the member has."""
    data = bytearray(model.read_bytes())
    start = data.rfind(b"PK\x01\x02")
    name = data[start + 46 : start + 60]
    data[start + 24 : start + 28] = (1 << 20).to_bytes(4, "little")
    path = tmp_path / "m.pt"
    path.write_bytes(data)
    assert name
    with pytest.raises(InputError):
        sparsecomp.load(path)


def test_overlapping_and_huge_tensors_take_no_memory(doctor, model):
    member = "data/weights/model_weights_config.json"
    text = zipfile.ZipFile(model).read(f"model/{member}")

    def config(**changes):
        table = json.loads(text)
        table["config"]["4.weight"]["tensor_meta"].update(changes)
        return {member: json.dumps(table).encode()}

    sizes = [{"as_int": 1 << 30}, {"as_int": 1 << 30}]

    def edit(table):
        table["graph_module"]["graph"]["tensor_values"]["p_4_weight"]["sizes"] = sizes

    refused(doctor(config(sizes=sizes, strides=[{"as_int": 0}, {"as_int": 0}]), edit=edit), "impossible shape")
    refused(doctor(config(storage_offset={"as_int": 50})), "beyond")
    refused(doctor(config(storage_offset={"as_int": -4})), "impossible geometry")
    refused(doctor(config(layout=1)), "not a dense tensor")
    refused(doctor(config(dtype=5)), "disagrees")


def test_extra_data_that_lies(doctor, model):
    member = "extra/sparsecomp.json"
    table = json.loads(zipfile.ZipFile(model).read(f"model/{member}"))

    def extra(**changes):
        return {member: json.dumps({**table, **changes}).encode()}

    good = table["calibration"][0]
    for changes in (
        {"version": 2},
        {"more": 1},
        {"wires": []},
        {"wires": [{"dtype": "u8"}]},
        {"calibration": [{**good, "shape": [1 << 30, 1 << 30]}]},
        {"calibration": [{**good, "base64": "@@@"}]},
        {"calibration": [{**good, "dtype": "object"}]},
        {"calibration": [{**good, "dtype": ["f32"]}]},
        {"calibration": good},
        {"momentum": {"x": "y"}},
        {"labels": {**table["labels"], "shape": [6, 2]}},
        {"samples": None},
    ):
        refused(doctor(extra(**changes)), "")


def test_pickles_are_not_run(marker, tmp_path):
    path = tmp_path / "model.pt"
    for data in (torch_zip(Bomb(marker)), torch_zip({"state_dict": Bomb(marker)}), torch_zip([1, Bomb(marker)])):
        path.write_bytes(data)
        error = refused(path, "__builtin__.eval", arch="net.py:Net", input_shape=(1, 2))
        assert "sparsecomp.save(model, 'model.pt', example_input)" in error.hint and "--trust-pickle" in error.hint
    path.write_bytes(pickle.dumps(Bomb(marker)))
    refused(path, "bare pickle")
    # A name that is put together while unpickling is as good as unknown.
    path.write_bytes(torch_zip(None).replace(pickle.dumps(None, 2), b"\x80\x04\x8c\x02os\x8c\x06system\x93."))
    refused(path, "")


def test_protocol_four_names_are_unknown(marker, tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(Bomb(marker), protocol=4))
    path = tmp_path / "model.pt"
    path.write_bytes(buffer.getvalue())
    refused(path, "<computed>")


def test_hooked_module_runs_nothing(marker, tmp_path):
    """A pickle of allowed layers only, with hooks and attributes planted in them."""
    torch = pytest.importorskip("torch")
    from torch import nn

    def attempt(change, reason):
        network = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Dropout(0.5))
        change(network)
        torch.save(network, tmp_path / "model.pt")
        refused(tmp_path / "model.pt", reason, input_shape=(4,))

    attempt(lambda n: n[0].register_forward_hook(Touch(marker)), "Touch")
    # Hooks made of allowed classes: the restricted unpickler itself lets them through.
    attempt(lambda n: n[0]._forward_hooks.update({0: nn.ReLU}), "hooks")
    attempt(lambda n: n[1]._forward_pre_hooks.update({0: nn.Linear}), "hooks")
    attempt(lambda n: n._forward_hooks.update({0: nn.Linear}), "hooks")
    attempt(lambda n: setattr(n[1], "forward", nn.Linear), "unknown attribute 'forward'")
    attempt(lambda n: n[1].__dict__.update({"__call__": nn.Linear}), "unknown attribute '__call__'")
    attempt(lambda n: n[1].add_module("inner", nn.ReLU()), "layers of its own")
    attempt(lambda n: setattr(n[2], "p", nn.Linear(1, 1)), "unknown attribute")
    attempt(lambda n: n[2].__dict__.update(p=[0.5] * 9), "strange 'p'")
    attempt(lambda n: n[0].__dict__.update(in_features=1 << 40), "does not fit")
    attempt(lambda n: n[0].register_buffer("more", torch.zeros(1)), "tensors of its kind")
    attempt(lambda n: n.register_buffer("more", torch.zeros(1)), "tensors of its own")


class Touch:
    """A forward hook that leaves a marker."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __call__(self, *_):
        open(self.marker, "w").close()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x00" * 100, "neither"),
        (b"hello", "neither"),
        (b"\x80", "neither"),
        (b"PK\x03\x04", "damaged or truncated"),
        (b"\x89HDF\r\n\x1a\n", "Keras"),
        (b"    TFL3    ", "TensorFlow Lite"),
        (b"", "empty"),
        ((40).to_bytes(8, "little") + b'{"x": 1', "neither"),
    ],
)
def test_other_files(data, reason, tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(data)
    refused(path, reason)


def test_other_zips(tmp_path):
    path = tmp_path / "model.pt"
    np.savez(path.open("wb"), x=np.zeros(3))
    refused(path, "")
    path.write_bytes(pack({"hello.txt": b"x"}))
    refused(path, "not one of PyTorch's")
    path.write_bytes(pack({"serialized_exported_program.json": b"{}"}))
    refused(path, "older torch")
    path.write_bytes(pack({"code/x.py": b"", "data.pkl": b"", "constants.pkl": b""}))
    refused(path, "TorchScript")
    refused(tmp_path / "nowhere.pt", "no file 'nowhere.pt'")
    refused(tmp_path, "cannot read")

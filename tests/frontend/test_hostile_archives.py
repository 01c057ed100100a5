"""Doctored export archives. What would leave a marker file if anything in it ran is refused, and leaves none."""

import json
import pickle
import zipfile

import pytest

import sparsecomp
from sparsecomp.errors import SparseCompError


def code_of(marker):
    return f"open({str(marker)!r}, 'w').close()"


def test_the_bomb_works(tmp_path, bomb):
    marker = tmp_path / "armed"
    pickle.loads(pickle.dumps(bomb(marker)))
    assert marker.exists()


def test_pickled_sample_inputs(doctor, marker, refused, bomb, torch_zip):
    path = doctor({"data/sample_inputs/model.pt": torch_zip(bomb(marker))})
    refused(path, "__builtin__.eval")


def test_sample_inputs_that_are_no_archive(doctor, marker, refused, bomb):
    refused(doctor({"data/sample_inputs/model.pt": pickle.dumps(bomb(marker))}), "sample input")


def test_weight_marked_as_pickle(doctor, marker, model, refused, bomb, torch_zip):
    member = "data/weights/model_weights_config.json"
    config = json.loads(zipfile.ZipFile(model).read(f"model/{member}"))
    entry = config["config"]["0.weight"]
    entry["use_pickle"] = True
    path = doctor({member: json.dumps(config).encode(), f"data/weights/{entry['path_name']}": torch_zip(bomb(marker))})
    refused(path, "stored as a pickle")


@pytest.mark.parametrize(
    "member",
    ["data/weights/model.pt", "weights/model.pt", "data/constants/model.pt", "data/constants/custom_obj_0",
     "data/constants/opaque_obj_0", "data/aotinductor/model/model.so", "models/other.json", "data.pkl", "code/m.py"],
)  # fmt: skip
def test_members_outside_the_allow_list(doctor, marker, member, refused, bomb, torch_zip):
    refused(doctor({member: torch_zip(bomb(marker))}), member)


def test_symbolic_shape_text(doctor, marker, refused):
    def edit(table):
        sizes = table["graph_module"]["graph"]["tensor_values"]["input"]["sizes"]
        sizes[2] = {"as_expr": {"expr_str": code_of(marker), "hint": {"as_int": 8}}}

    refused(doctor(edit=edit), "dynamic shape")


def test_symbolic_value_text(doctor, marker, refused):
    def edit(table):
        table["graph_module"]["graph"]["sym_int_values"] = {"s0": {"as_expr": {"expr_str": code_of(marker)}}}

    refused(doctor(edit=edit), "dynamic shapes")


def test_symbolic_shape_in_a_weight(doctor, marker, model, refused):
    member = "data/weights/model_weights_config.json"
    config = json.loads(zipfile.ZipFile(model).read(f"model/{member}"))
    config["config"]["0.weight"]["tensor_meta"]["sizes"][0] = {"as_expr": {"expr_str": code_of(marker)}}
    refused(doctor({member: json.dumps(config).encode()}), "disagrees")


def test_range_constraints(doctor, refused):
    refused(
        doctor(edit=lambda t: t.update(range_constraints={"s0": {"min_val": 0, "max_val": None}})), "dynamic shapes"
    )


def test_guards_code(doctor, marker, refused):
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
def test_unknown_fields(doctor, path, refused):
    refused(doctor(edit=lambda t: at(t, path).update(surprise=1)), "")


def test_unknown_schema(doctor, refused):
    error = refused(doctor(edit=lambda t: t["schema_version"].update(major=9)), "schema 9")
    assert "sparsecomp.save" in error.hint
    refused(doctor(edit=lambda t: t.pop("schema_version")), "schema")


def test_unknown_argument(doctor):
    def edit(table):
        node = table["graph_module"]["graph"]["nodes"][0]
        node["inputs"].append({"name": "run", "arg": {"as_string": "x"}, "kind": 2})

    with pytest.raises(SparseCompError, match="does not know"):
        sparsecomp.load(doctor(edit=edit))


def test_subgraphs_and_custom_objects(doctor, refused):
    def graph(table):
        table["graph_module"]["graph"]["nodes"][0]["inputs"][0]["arg"] = {"as_graph": {"name": "g", "graph": {}}}

    def custom(table):
        table["graph_module"]["graph"]["custom_obj_values"] = {"x": {"name": "x", "class_fqn": "os.system"}}

    refused(doctor(edit=graph), "sub-graph")
    refused(doctor(edit=custom), "custom object")


def test_a_key_twice_in_the_json(doctor, model, refused):
    text = zipfile.ZipFile(model).read("model/models/model.json").decode()
    path = doctor(
        {"models/model.json": text.replace('"guards_code": []', '"guards_code": [], "guards_code": []').encode()}
    )
    refused(path, "twice")


def test_overlapping_and_huge_tensors_take_no_memory(doctor, model, refused):
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


def test_extra_data_that_lies(doctor, model, refused):
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

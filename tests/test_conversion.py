"""The published call: its layout, its array names, and every argument doing what it says."""

import os
import re
import subprocess
import warnings

import numpy as np
import pytest
import torch
from torch import nn  # noqa: E402

import sparsecomp  # noqa: E402
from sparsecomp.errors import DoesNotFitError, InputError  # noqa: E402
from sparsecomp.results import Conversion  # noqa: E402

RNG = np.random.default_rng(0)


def sparse(layer, density=0.15):
    with torch.no_grad():
        layer.weight.mul_(torch.from_numpy(RNG.random(tuple(layer.weight.shape)) < density))
    return layer


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return nn.Sequential(
        sparse(nn.Conv2d(3, 4, 3)), nn.ReLU(), nn.MaxPool2d(2), sparse(nn.Conv2d(4, 6, 2, bias=False)), nn.Flatten(),
        nn.Dropout(0.4), sparse(nn.Linear(24, 16)), nn.ReLU(), nn.Linear(16, 3), nn.LogSoftmax(1),
    ).eval()  # fmt: skip


@pytest.fixture(scope="module")
def images():
    return torch.from_numpy(RNG.normal(size=(20, 3, 8, 8)).astype(np.float32))


def save(network, *args, **kwargs) -> Conversion:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return sparsecomp.save_compressed_model(network, *args, **kwargs)


def make(directory):
    return subprocess.run(["make", "-C", str(directory)], capture_output=True, text=True, env=os.environ)


def array(text: str, name: str) -> tuple[str, list[float]]:
    """C type and values of an array."""
    found = re.search(rf"static const (\w+) {name}\[(\d+)\] = {{\n(.*?)\n}};", text, re.DOTALL)
    values = [float(v.rstrip("UF").replace("INT16_MIN", "-32768")) for v in re.findall(r"[^,\s]+", found[3])]
    assert len(values) == int(found[2])
    return found[1], values


def everything(directory) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def test_the_published_layout(network, images, tmp_path):
    result = save(network, "csr", example_data=images, directory=tmp_path / "out")
    found = set(everything(tmp_path / "out"))
    assert {"model.c", "model.h", "headers/headers.h", "headers/input.h", "Makefile", "main.c", "plan.json"} <= found
    assert {f"headers/{name}.h" for name in ("conv1", "conv2", "fc1", "fc2")} <= found
    assert not any(name.endswith((".py", ".pt", ".o")) for name in found)
    assert result.files == len(found)
    headers = (tmp_path / "out/headers/headers.h").read_text()
    assert re.findall(r'#include "(\w+)\.h"', headers) == ["conv1", "conv2", "fc1", "fc2"]


@pytest.mark.parametrize("layer, index", [("conv1", 0), ("conv2", 3), ("fc1", 6)])
def test_the_published_array_names_hold_the_layers_non_zeros(network, images, tmp_path, layer, index):
    save(network, "csr", example_data=images, directory=tmp_path / "out")
    text = (tmp_path / f"out/headers/{layer}.h").read_text()
    ctype, values = array(text, f"{layer}_w_data")
    _, offsets = array(text, f"{layer}_w_offset")
    sizes_type, sizes = array(text, f"{layer}_w_sizes")
    weight = network[index].weight.detach().numpy()
    assert (ctype, sizes_type) == ("int8_t", "uint8_t")
    assert int(re.search(rf"#define {layer.upper()}_NNZ_LEN (\d+)U", text)[1]) == np.count_nonzero(values)
    assert np.count_nonzero(values) <= np.count_nonzero(weight)
    assert sum(sizes) == len(values) == len(offsets) and len(sizes) == len(weight)
    ends = np.cumsum(sizes).astype(int)
    kept = [np.count_nonzero(row) for row in np.split(values, ends[:-1])]
    assert all(k <= np.count_nonzero(w) for k, w in zip(kept, weight, strict=True))
    assert (f"{layer}_b[" in text) == (network[index].bias is not None)


def test_with_example_data_the_model_is_int8_and_passes_its_self_test(network, images, tmp_path):
    result = save(network, "csr", example_data=images, directory=tmp_path / "out")
    assert result.plan.program.numeric == "int8"
    done = make(tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "pass" in done.stdout.lower()


def test_with_one_sample_only_it_is_float32_with_a_hint_and_passes_its_self_test(network, images, tmp_path):
    with pytest.warns(UserWarning, match="float32; give example_data") as caught:
        result = sparsecomp.save_compressed_model(network, "csr", input_data=images[:1], directory=tmp_path / "out")
    assert len([w for w in caught if "float32" in str(w.message)]) == 1
    assert caught[0].filename == __file__
    assert result.plan.program.numeric == "float32"
    ctype, values = array((tmp_path / "out/headers/conv1.h").read_text(), "conv1_w_data")
    weight = network[0].weight.detach().numpy()
    assert ctype == "float"
    assert sorted(v for v in values if v) == sorted(float(w) for w in weight[weight != 0])
    done = make(tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "pass" in done.stdout.lower()


def test_the_float_self_test_expects_what_torch_computes(network, images, tmp_path):
    save(network, "csr", images[:1], directory=tmp_path / "out", numeric="float32")
    text = (tmp_path / "out/headers/input.h").read_text()
    found = np.array(array(text, "selftest_expected")[1], np.int16).view(np.float32)
    with torch.no_grad():
        wanted = network[:-1](images[:1])[0].numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_self_test_with_another_answer_fails(network, images, tmp_path):
    save(network, "csr", example_data=images, directory=tmp_path / "out")
    path = tmp_path / "out/headers/input.h"
    text = path.read_text()
    head, numbers = text.split("selftest_expected[3] = {\n")
    first = re.search(r"-?\d+", numbers)[0]
    path.write_text(f"{head}selftest_expected[3] = {{\n{numbers.replace(first, str(int(first) ^ 1), 1)}")
    done = make(tmp_path / "out")
    assert done.returncode != 0
    assert "pass" not in done.stdout.lower()


def test_a_sample_may_come_without_its_batch(network, images, tmp_path):
    save(network, "csr", images[0], directory=tmp_path / "a", numeric="float32")
    save(network, "csr", images[:1], directory=tmp_path / "b", numeric="float32")
    assert everything(tmp_path / "a") == everything(tmp_path / "b")


def test_arrays_serve_as_well_as_tensors(network, images, tmp_path):
    save(network, "csr", images[:1].numpy(), images.numpy().astype(np.float64), directory=tmp_path / "a")
    save(network, "csr", images[:1], images, directory=tmp_path / "b")
    assert everything(tmp_path / "a") == everything(tmp_path / "b")


def test_csc_is_stored_by_rows_as_csr_is(network, images, tmp_path):
    save(network, "csr", example_data=images, directory=tmp_path / "csr")
    save(network, "csc", example_data=images, directory=tmp_path / "csc")
    assert everything(tmp_path / "csr") == everything(tmp_path / "csc")


def test_csr_stores_every_layer_sparse_auto_the_smaller_and_dense_none(network, images, tmp_path):
    kinds = {}
    for representation in ("csr", "auto", "dense"):
        result = save(network, representation, example_data=images, directory=tmp_path / representation)
        kinds[representation] = [row.encoding for row in result.rows if row.encoding]
    assert "dense" not in kinds["csr"]
    assert kinds["auto"][-1] == "dense" and "delta8" in kinds["auto"]
    assert set(kinds["dense"]) == {"dense"}
    with pytest.raises(InputError, match="'pair'"):
        save(network, "pair", example_data=images, directory=tmp_path / "pair")
    assert not (tmp_path / "pair").exists()


def test_flit_is_fixed_point_and_so_needs_calibration(network, images, tmp_path):
    with pytest.raises(InputError, match="calibration data"):
        save(network, "csr", images[:1], flit=True, directory=tmp_path / "out")
    with pytest.raises(InputError, match="fixed point"):
        save(network, "csr", images[:1], images, flit=True, numeric="float32", directory=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    for given in ({"example_data": images}, {"calibration": images}):
        result = save(network, "csr", images[:1], flit=True, directory=tmp_path / "out", **given)
        assert result.plan.program.numeric == "int8"


def test_example_targets_give_the_class_of_the_self_test(network, images, tmp_path):
    targets = [2, *[0] * 19]
    save(network, "csr", None, images, targets, tmp_path / "out")
    assert "class: 2" in (tmp_path / "out/headers/input.h").read_text()
    save(network, "csr", None, images, directory=tmp_path / "out")
    assert "class" not in (tmp_path / "out/headers/input.h").read_text()
    with pytest.raises(InputError, match="sample"):
        save(network, "csr", None, images, targets[:5], tmp_path / "out")
    with pytest.raises(InputError, match="label 3 is out of range"):
        save(network, "csr", None, images, [3] * 20, tmp_path / "out")
    assert "class" not in (tmp_path / "out/headers/input.h").read_text()


def test_the_first_example_is_the_self_test(network, images, tmp_path):
    result = save(network, "csr", images[5:6], images, directory=tmp_path / "out")
    values = array((tmp_path / "out/headers/input.h").read_text(), "selftest_input")[1]
    fraction = result.plan.program.tensors[result.plan.program.inputs[0].tensor].fraction
    wanted = images[0].numpy().transpose(1, 2, 0).reshape(-1)
    np.testing.assert_allclose(np.array(values) * 2.0**-fraction, wanted, atol=2.0**-fraction)


def test_calibration_is_what_the_exponents_come_from(network, images, tmp_path):
    near = save(network, "csr", images[:1], images, directory=tmp_path / "out")
    far = save(network, "csr", images[:1], images, calibration=100 * images, directory=tmp_path / "out")

    def fraction(result):
        return result.plan.program.tensors[result.plan.program.inputs[0].tensor].fraction

    assert fraction(far) <= fraction(near) - 6


def test_the_default_directory_is_my_model(network, images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = save(network, "csr", example_data=images)
    assert (tmp_path / "my_model/model.c").is_file()
    assert str(result.directory) == "my_model"


def test_verbose_prints_the_table_and_otherwise_nothing_is_printed(network, images, tmp_path, capsys):
    save(network, "csr", example_data=images, directory=tmp_path / "out")
    assert capsys.readouterr().out == ""
    save(network, "csr", example_data=images, directory=tmp_path / "out", verbose=True)
    out = capsys.readouterr().out
    assert "FITS host" in out and "conv1" in out and "final log_softmax" in out


def test_board_says_for_which_memory_and_compiler(network, images, tmp_path):
    result = save(network, "csr", example_data=images, directory=tmp_path / "out", board="msp430fr5969")
    assert result.plan.board.name == "msp430fr5969"
    assert "msp430-elf-" in (tmp_path / "out/Makefile").read_text()
    large = nn.Sequential(nn.Flatten(), nn.Linear(192, 600), nn.Linear(600, 3))
    with pytest.raises(DoesNotFitError, match="msp430fr5969"):
        save(large, "dense", example_data=images, directory=tmp_path / "large", board="msp430fr5969")
    assert not (tmp_path / "large").exists()


def test_a_call_without_any_sample_says_what_to_give(network, images):
    with pytest.raises(InputError) as refusal:
        save(network, "csr")
    assert "input_data" in refusal.value.hint
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, torch.arange(20) % 3), 5)
    with pytest.raises(InputError, match="DataLoader") as refusal:
        save(network, "csr", example_data=loader)
    assert "input_data" in refusal.value.hint


def test_a_loader_with_a_sample_beside_it_gives_the_classes_as_well(network, images, tmp_path):
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, 1 + torch.arange(20) % 2), 5)
    save(network, "csr", images[:1], loader, directory=tmp_path / "out")
    assert "class: 1" in (tmp_path / "out/headers/input.h").read_text()


def test_the_network_is_left_as_it_was(network, images, tmp_path):
    network.train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    save(network, "csr", example_data=images, directory=tmp_path / "out")
    assert network.training
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    network.eval()

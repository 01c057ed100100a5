"""Helpers of the front end's tests: write archives, change their members, compare with torch."""

import io
import json
import pickle
import zipfile

import numpy as np
import pytest

import sparsecomp
from sparsecomp.errors import InputError
from sparsecomp.frontend.capture import pack


def members_of(path):
    """The members of an archive as a table, without the root folder."""
    with zipfile.ZipFile(path) as file:
        return {info.filename.split("/", 1)[1]: file.read(info) for info in file.infolist()}


@pytest.fixture
def doctor(model, tmp_path):
    """A function that copies the good archive with changed members, and the parsed model.json changed by ``edit``."""

    def write(changes=None, edit=None, drop=(), name="doctored.pt"):
        members = {key: value for key, value in members_of(model).items() if key not in drop}
        if edit is not None:
            table = json.loads(members["models/model.json"])
            edit(table)
            members["models/model.json"] = json.dumps(table).encode()
        members.update(changes or {})
        path = tmp_path / name
        path.write_bytes(pack(members))
        return path

    return write


@pytest.fixture
def plain_archive(tmp_path):
    """A function that writes what a user's own ``torch.export.save`` writes."""

    def write(network, arguments, decompose=False, strict=False, dynamic_shapes=None, eval_mode=True):
        import torch

        network = network.eval() if eval_mode else network.train()
        program = torch.export.export(network, arguments, strict=strict, dynamic_shapes=dynamic_shapes)
        program = program.run_decompositions() if decompose else program
        buffer = io.BytesIO()
        torch.export.save(program, buffer)
        path = tmp_path / "plain.pt2"
        path.write_bytes(buffer.getvalue())
        return path

    return write


@pytest.fixture
def same_as_torch():
    """A function that holds a Graph against the network that it comes from, on random batches of one."""

    def compare(graph, network, inputs, tolerance=1e-5):
        import torch

        from sparsecomp.ops import run_float

        with torch.no_grad():
            wanted = network.eval()(*(torch.from_numpy(x) for x in inputs))
        wanted = [wanted] if isinstance(wanted, torch.Tensor) else list(wanted)
        values = run_float(graph, inputs)
        assert len(wanted) == len(graph.outputs)
        for name, tensor in zip(graph.outputs, wanted, strict=True):
            assert values[name].shape == tuple(tensor.shape)
            np.testing.assert_allclose(values[name], tensor.numpy(), rtol=tolerance, atol=tolerance)

    return compare


class Bomb:
    """Touches a marker file when unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return eval, (f"open({str(self.marker)!r}, 'w').close()",)


@pytest.fixture
def bomb():
    """Makes objects that touch a marker file when they are unpickled."""
    return Bomb


@pytest.fixture
def marker(tmp_path):
    """The path of a marker file that must not exist when the test ends."""
    path = tmp_path / "marker"
    yield path
    assert not path.exists()


@pytest.fixture
def torch_zip():
    """A function that gives what torch.save(value) writes, made by hand so that no torch is needed."""

    def write(value, **members):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as file:
            file.writestr("archive/data.pkl", pickle.dumps(value, protocol=2))
            for name, data in {"byteorder": "little", "version": "3", **members}.items():
                file.writestr(f"archive/{name}", data)
        return buffer.getvalue()

    return write


@pytest.fixture
def refused():
    """A function that holds a refusal to the rules (one line, a hint, plain text) and returns it."""

    def check(path, reason, **options):
        with pytest.raises(InputError) as error:
            sparsecomp.load(path, **options)
        assert reason in error.value.message, error.value.message
        assert error.value.hint and "\n" not in str(error.value) and str(error.value).isascii()
        return error.value

    return check

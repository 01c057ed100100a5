"""Data files: the shipped set, .npz, torchvision folders, and what is refused."""

import gzip
import io
import pickle
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsecomp import datasets
from sparsecomp.datasets import load_arrays, load_calibration, load_data, load_fashion
from sparsecomp.datasets.idx import read_idx
from sparsecomp.errors import InputError

X = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
Y = np.array([1, 0], dtype=np.uint8)


def idx(array: np.ndarray, code: int = 8) -> bytes:
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def test_fashion_mnist_is_shipped_whole():
    x_train, y_train, x_test, y_test = load_fashion()
    assert x_train.shape == (5000, 28, 28) and x_test.shape == (1000, 28, 28) and x_train.dtype == np.uint8
    assert np.bincount(y_train).tolist() == [500] * 10 and np.bincount(y_test).tolist() == [100] * 10


@pytest.mark.parametrize("names", [("x", "y"), ("x_test", "y_test"), ("x_train", "y_train")])
def test_npz(tmp_path, names):
    path = tmp_path / "data.npz"
    np.savez(path, **dict(zip(names, (X, Y), strict=True)))
    x, y = load_data(path)
    assert np.array_equal(x, X) and y.tolist() == [1, 0] and y.dtype == np.int64
    assert np.array_equal(load_calibration(path), X)


def test_training_samples_calibrate_and_test_samples_test(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, x_train=X + 1, y_train=Y, x_test=X, y_test=Y)
    assert np.array_equal(load_data(path)[0], X)
    assert np.array_equal(load_data(path, train=True)[0], X + 1)
    assert np.array_equal(load_calibration(path), X + 1)
    np.savez(path, x=X)
    assert np.array_equal(load_calibration(path), X)


def test_several_inputs(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, x0=X, x1=X + 1, y=Y)
    (first, second), labels = load_arrays(path)
    assert np.array_equal(first, X) and np.array_equal(second, X + 1) and labels.tolist() == [1, 0]
    with pytest.raises(InputError, match="holds 2 inputs, one is wanted"):
        load_data(path)
    np.savez(path, x0=X, x1=X[:1])
    with pytest.raises(InputError, match="holds 2 of x0 but 1 of x1"):
        load_arrays(path)
    np.savez(path, x0=X, x2=X)
    assert len(load_arrays(path)[0]) == 1 and load_arrays(path)[1] is None


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("inside", [".", "raw", "MNIST/raw"])
def test_torchvision_folder(tmp_path, packed, inside):
    folder = tmp_path / inside
    folder.mkdir(parents=True, exist_ok=True)
    for part, shift in (("train", 1), ("t10k", 0)):
        for name, array in ((f"{part}-images-idx3-ubyte", X + shift), (f"{part}-labels-idx1-ubyte", Y)):
            data = idx(array)
            (folder / (name + ".gz" * packed)).write_bytes(gzip.compress(data) if packed else data)
    x, y = load_data(tmp_path)
    assert np.array_equal(x, X) and y.tolist() == [1, 0]
    assert np.array_equal(load_calibration(tmp_path), X + 1)


def test_two_data_sets_in_one_folder_are_not_guessed_at(tmp_path):
    for name in ("MNIST", "FashionMNIST"):
        (tmp_path / name / "raw").mkdir(parents=True)
        (tmp_path / name / "raw" / "t10k-images-idx3-ubyte").write_bytes(idx(X))
        (tmp_path / name / "raw" / "t10k-labels-idx1-ubyte").write_bytes(idx(Y))
    with pytest.raises(InputError, match="several data sets: FashionMNIST, MNIST"):
        load_data(tmp_path)
    assert np.array_equal(load_data(tmp_path / "MNIST")[0], X)


@pytest.mark.parametrize(("code", "kind"), [(9, "i1"), (11, "i2"), (12, "i4"), (13, "f4"), (14, "f8")])
def test_every_idx_type(tmp_path, code, kind):
    values = np.array([[-1, 2], [3, -128]], dtype=kind)
    (tmp_path / "values").write_bytes(idx(values, code))
    read = read_idx(tmp_path / "values")
    assert read.dtype == np.dtype(kind) and np.array_equal(read, values)


class Planted:
    def __reduce__(self):
        return (exec, ("raise SystemExit('code of a data file has run')",))


def archive(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in members.items():
            file.writestr(f"{name}.npy", data)
    return out.getvalue()


def npz(write=np.savez, **arrays) -> bytes:
    out = io.BytesIO()
    write(out, **arrays)
    return out.getvalue()


def npy(array) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x,y\n1,2\n", "is not an .npz file"),
        (b"", "is not an .npz file"),
        (npy(X), "is not an .npz file"),
        (pickle.dumps(Planted()), "is not an .npz file"),
        (npz(images=X, labels=Y), "holds no array x or x_test (it holds: images, labels)"),
        (npz(x=X), "holds no labels"),
        (npz(x=X, y=np.array([1, 2, 3])), "holds 2 samples but 3 labels"),
        (npz(x=X, y=np.array([0, -1])), "are not class numbers"),
        (npz(x=X, y=np.array([0, 0.5])), "are not class numbers"),
        (npz(x=X, y=np.array([0, np.nan])), "are not class numbers"),
        (npz(x=X, y=np.array(["a", "b"])), "are not class numbers"),
        (npz(x=X, y=np.eye(2)), "the labels in data.npz have the shape (2, 2)"),
        (npz(x=np.zeros(5), y=np.zeros(5)), "array 'x' in data.npz has the shape (5,)"),
        (npz(x=np.zeros((0, 3)), y=np.zeros(0)), "array 'x' in data.npz has the shape (0, 3)"),
        (npz(x=np.array([[1.0, np.inf], [0, 0]]), y=Y), "1 value(s) that are NaN or infinite"),
        (npz(x=np.array([["a"], ["b"]]), y=Y), "not numbers"),
        (archive(x=npy(np.array([[Planted()], [1]], dtype=object)), y=npy(Y)), "pickled Python objects"),
        (archive(x=npy(X)[:-3], y=npy(Y)), "is damaged"),
        (archive(x=b"no array", y=npy(Y)), "a member is no array"),
    ],
)
def test_what_is_refused(tmp_path, content, message):
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_data(path)
    assert "data.npz" in caught.value.message and message in caught.value.message
    assert caught.value.hint and "\n" not in caught.value.message + caught.value.hint


def test_labels_may_be_whole_floats_or_a_column(tmp_path):
    np.savez(tmp_path / "data.npz", x=X, y=np.array([[3.0], [1.0]]))
    assert load_data(tmp_path / "data.npz")[1].tolist() == [3, 1]


def test_an_archive_that_claims_to_be_huge_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.files, "MAX_BYTES", 100)
    np.savez_compressed(tmp_path / "data.npz", x=np.zeros((10, 100)), y=np.zeros(10))
    with pytest.raises(InputError, match="claims 8128 bytes"):
        load_data(tmp_path / "data.npz")


def test_folders_that_hold_something_else(tmp_path):
    with pytest.raises(InputError, match="there is no data file"):
        load_data(tmp_path / "gone.npz")
    with pytest.raises(InputError, match="holds no t10k-images-idx3-ubyte"):
        load_data(tmp_path)
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.png").write_bytes(b"")
    with pytest.raises(InputError, match="looks like an image folder") as caught:
        load_data(tmp_path)
    assert "npz" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PNG", "is not an IDX file"),
        (b"\0\0\x08\x03\0\0", "ends within its header"),
        (idx(X)[:-1], "ends early"),
        (idx(X) + b"\0", "is longer than its header says"),
        (b"\0\0\x08\x02" + b"\xff" * 8, "claims the shape"),
        (b"\0\0\x08\x00", "is not an IDX file"),
    ],
)
def test_damaged_idx_files(tmp_path, content, message):
    (tmp_path / "data").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_idx(tmp_path / "data")
    (tmp_path / "data.gz").write_bytes(gzip.compress(idx(X))[:-12])
    with pytest.raises(InputError, match="damaged"):
        read_idx(tmp_path / "data.gz")


@settings(max_examples=400)
@given(
    st.sampled_from([npz(x=X, y=Y), npz(np.savez_compressed, x=X, y=Y)]),
    st.integers(0, 10_000),
    st.binary(min_size=1, max_size=4),
)
def test_a_damaged_npz_is_an_input_error_or_data(tmp_path_factory, whole, at, noise):
    content = bytearray(whole)
    at %= len(content)
    content[at : at + len(noise)] = noise
    path = tmp_path_factory.getbasetemp() / "data.npz"
    path.write_bytes(content)
    try:
        x, y = load_data(path)
    except InputError as error:
        assert "data.npz" in error.message
    else:
        assert len(x) == len(y)


def test_samples_are_brought_to_the_models_shape():
    assert datasets.match_shape(X, (1, 3, 4), "data.npz").shape == (2, 1, 3, 4)
    assert datasets.match_shape(X[:, None], (3, 4), "data.npz").shape == (2, 3, 4)
    with pytest.raises(InputError, match=r"have the shape \(3, 4\), the model takes \(4, 3\)"):
        datasets.match_shape(X, (4, 3), "data.npz")
    with pytest.raises(InputError) as caught:
        datasets.match_shape(np.zeros((2, 8, 6, 3)), (3, 8, 6), "data.npz")
    assert "transpose(0, 3, 1, 2)" in caught.value.hint


def test_labels_beyond_the_models_classes():
    datasets.check_classes(np.array([0, 9]), 10, "data.npz")
    with pytest.raises(InputError, match="go up to 10, but the model knows the classes 0 to 9"):
        datasets.check_classes(np.array([0, 10]), 10, "data.npz")

"""The benchmark arrays: read and checked, made again from synthetic sources, and the maps of spoken words."""

import struct
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.io import wavfile

from sparsecomp.datasets import load_fashion
from sparsecomp.datasets.idx import read_idx_folder
from sparsecomp.errors import InputError, ToolError
from sparsecomp_tools.benchmarks import data, sources

SHARED = Path(__file__).parents[3] / "shared" / "data"
RANDOM = np.random.default_rng(5)


@pytest.fixture
def known(monkeypatch):
    """Puts the hashes of synthetic arrays on record in place of the real ones."""

    def record(name, arrays):
        monkeypatch.setitem(data.HASHES, name, {key: data.digest(array) for key, array in arrays.items()})
        return arrays

    return record


@pytest.fixture
def torchvision(monkeypatch):
    """A stand-in for torchvision that reads, like it, the IDX files in <root>/<name>/raw, and cannot download."""

    class Dataset:
        def __init__(self, root, train, download):
            if not (Path(root) / type(self).__name__ / "raw").is_dir():
                raise RuntimeError("Error downloading train-images-idx3-ubyte.gz")
            assert download
            self.data, self.targets = read_idx_folder(Path(root) / type(self).__name__, train)

    module = types.ModuleType("torchvision.datasets")
    module.MNIST, module.FashionMNIST = type("MNIST", (Dataset,), {}), type("FashionMNIST", (Dataset,), {})
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.datasets", module)


def write_idx(path, array):
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(head + array.tobytes())


def image_files(root, name, count):
    """IDX files of random images (4, 4) of ten classes, as many of each as come up; returns the arrays."""
    (root / name / "raw").mkdir(parents=True)
    arrays = {}
    for part, stem in (("train", "train"), ("test", "t10k")):
        arrays[f"x_{part}"] = RANDOM.integers(0, 256, (count, 4, 4)).astype(np.uint8)
        arrays[f"y_{part}"] = RANDOM.integers(0, 10, count).astype(np.uint8)
        write_idx(root / name / "raw" / f"{stem}-images-idx3-ubyte", arrays[f"x_{part}"])
        write_idx(root / name / "raw" / f"{stem}-labels-idx1-ubyte", arrays[f"y_{part}"])
    return arrays


def test_the_hashes_on_record_are_those_of_the_shipped_set():
    shipped = data.load("fashion_mnist_6k")
    assert all(np.array_equal(a, b) for a, b in zip(shipped.values(), load_fashion(), strict=True))
    assert set(data.SETS) == {"mnist_full", "mnist_12k", "fashion_mnist_6k", "har_watch_int16", "fsdd_wav_int16"}
    assert all(len(value) == 64 for arrays in data.HASHES.values() for value in arrays.values())


def test_a_digest_is_of_type_shape_and_values_in_any_byte_order():
    array = np.arange(6, dtype=np.int16).reshape(2, 3)
    assert data.digest(array) == data.digest(array.astype(">i2")) == data.digest(np.asfortranarray(array))
    others = [array.T, array.reshape(6), array.astype(np.int32), array.astype(np.uint16), array + 1]
    assert len({data.digest(other) for other in [array, *others]}) == 6


def test_a_file_is_read_and_checked(tmp_path, known):
    arrays = known("mnist_12k", {"x_train": np.eye(3), "y_train": np.arange(3)})
    np.savez(tmp_path / "mnist_12k.npz", **arrays)
    read = data.load("mnist_12k", tmp_path)
    assert list(read) == ["x_train", "y_train"] and np.array_equal(read["x_train"], np.eye(3))
    assert list(data.load("mnist_12k", tmp_path, ["y_train"])) == ["y_train"]
    np.savez(tmp_path / "mnist_12k.npz", x_train=np.eye(3), y_train=np.arange(3) + 1)
    with pytest.raises(InputError, match="array 'y_train' of mnist_12k int64\\(3,\\) is not the one on record"):
        data.load("mnist_12k", tmp_path)
    np.savez(tmp_path / "mnist_12k.npz", x_train=np.eye(3))
    with pytest.raises(InputError, match="holds no array 'y_train'"):
        data.load("mnist_12k", tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK\3\4 no zip", None])
def test_damaged_and_pickled_files_are_refused(tmp_path, content, known):
    known("mnist_12k", {"x_train": np.eye(3)})
    if content is None:
        np.savez(tmp_path / "mnist_12k.npz", x_train=np.array([{}], dtype=object))
    else:
        (tmp_path / "mnist_12k.npz").write_bytes(content)
    with pytest.raises(InputError, match="mnist_12k.npz is damaged or no .npz of plain arrays"):
        data.load("mnist_12k", tmp_path)


def test_what_is_not_there(tmp_path):
    with pytest.raises(InputError, match="there is no mnist_12k.npz"):
        data.load("mnist_12k", tmp_path)
    with pytest.raises(InputError, match="does not come with the package"):
        data.load("mnist_12k")
    with pytest.raises(InputError, match="there is no data set 'cifar'"):
        data.load("cifar", tmp_path)


def test_the_first_of_each_class_stay_in_their_order():
    y = np.array([1, 0, 0, 1, 1, 0])
    x, labels = sources.first_of_each_class(np.arange(6), y, 2)
    assert x.tolist() == [0, 1, 2, 3] and labels.tolist() == [1, 0, 0, 1]
    with pytest.raises(InputError, match="class 0 has 3 samples, 4 are wanted"):
        sources.first_of_each_class(np.arange(6), y, 4)


def test_images_from_synthetic_idx_files(tmp_path, torchvision, known, monkeypatch):
    whole = known("mnist_full", image_files(tmp_path / "sources", "MNIST", 300))
    data.make("mnist_full", tmp_path)
    assert all(np.array_equal(array, whole[key]) for key, array in data.load("mnist_full", tmp_path).items())
    with pytest.raises(InputError, match="class . has .* samples, 1000 are wanted"):
        sources.mnist_12k(tmp_path / "sources")
    image_files(tmp_path / "sources", "FashionMNIST", 7000)
    few = known("fashion_mnist_6k", sources.fashion_6k(tmp_path / "sources"))
    assert np.bincount(few["y_train"]).tolist() == [500] * 10 and np.bincount(few["y_test"]).tolist() == [100] * 10
    data.make("fashion_mnist_6k", tmp_path)
    assert np.array_equal(data.load("fashion_mnist_6k", tmp_path)["x_test"], few["x_test"])
    # A source that has changed is noticed before anything is written.
    monkeypatch.setitem(data.HASHES["mnist_full"], "y_test", "0" * 64)
    (tmp_path / "mnist_full.npz").unlink()
    with pytest.raises(InputError, match="array 'y_test'"):
        data.make("mnist_full", tmp_path)
    assert not list(tmp_path.glob("mnist_full*"))


def test_real_torchvision_reads_the_same_files(tmp_path):
    pytest.importorskip("torchvision", exc_type=ImportError)
    whole = image_files(tmp_path, "MNIST", 50)
    assert all(np.array_equal(array, whole[key]) for key, array in sources.mnist(tmp_path).items())


def test_sources_that_are_missing(tmp_path, torchvision, monkeypatch):
    with pytest.raises(ToolError, match="torchvision cannot get MNIST: Error downloading"):
        sources.mnist(tmp_path)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(InputError, match="torchvision"):
        sources.mnist(tmp_path)
    monkeypatch.setitem(sys.modules, "seglearn.datasets", None)
    with pytest.raises(InputError, match="seglearn") as caught:
        sources.rebuild("har_watch_int16", tmp_path, None)
    assert "pip install seglearn pandas" in caught.value.hint
    with pytest.raises(InputError) as caught:
        sources.rebuild("fsdd_wav_int16", tmp_path, None)
    assert "--fsdd DIR" in caught.value.hint


def test_watch_recordings_from_a_stand_in_for_seglearn(monkeypatch):
    recordings = [RANDOM.normal(size=(length, 6)) for length in (4, 3)]
    module = types.ModuleType("seglearn.datasets")
    module.load_watch = lambda: {
        "X": recordings,
        "y": np.array([6, 2]),
        "side": np.array([1.0, 0.0]),
        "subject": np.array([10, 1]),
        "X_labels": ["ax", "ay", "az", "wx", "wy", "wz"],
        "y_labels": ["PEN", "ABD", "FEL", "IR", "ER", "TRAP", "ROW"],
    }
    monkeypatch.setitem(sys.modules, "seglearn", types.ModuleType("seglearn"))
    monkeypatch.setitem(sys.modules, "seglearn.datasets", module)
    arrays = sources.rebuild("har_watch_int16", Path(), None)
    assert arrays["x"].dtype == np.int16 and arrays["lengths"].tolist() == [4, 3]
    assert np.abs(arrays["x"] / arrays["scale"] - np.concatenate(recordings)).max() <= 0.5 / 1024
    assert arrays["label"].tolist() == [6, 2] and arrays["side"].tolist() == [1, 0]
    recordings[0] *= 1e5
    with pytest.raises(InputError, match="leaves int16"):
        sources.watch()


def test_spoken_digits_from_synthetic_wav_files(tmp_path):
    (tmp_path / "recordings").mkdir()
    takes = {"0_theo_10": 30, "0_theo_2": 20, "1_anna_0": 50}
    for name, count in takes.items():
        wavfile.write(tmp_path / "recordings" / f"{name}.wav", 8000, np.full(count, count, np.int16))
    arrays = sources.spoken_digits(tmp_path)
    assert arrays["take"].tolist() == [10, 2, 0] and arrays["offsets"].tolist() == [0, 30, 50, 100]
    assert arrays["speakers"].tolist() == ["anna", "theo"] and arrays["speaker"].tolist() == [1, 1, 0]
    assert arrays["label"].tolist() == [0, 0, 1] and arrays["samples"].tolist() == [30] * 30 + [20] * 20 + [50] * 50
    wavfile.write(tmp_path / "recordings" / "2_anna_0.wav", 16000, np.zeros(9, np.int16))
    with pytest.raises(InputError, match="2_anna_0.wav is not 8 kHz, 16 bit, mono"):
        sources.spoken_digits(tmp_path)
    (tmp_path / "recordings" / "2_anna_0.wav").write_bytes(b"RIFF")
    with pytest.raises(InputError, match="2_anna_0.wav is not a wav file"):
        sources.spoken_digits(tmp_path)
    with pytest.raises(InputError, match="holds no recordings"):
        sources.spoken_digits(tmp_path / "recordings")
    (tmp_path / "recordings" / "2_anna_0.wav").rename(tmp_path / "recordings" / "noise.wav")
    wavfile.write(tmp_path / "recordings" / "noise.wav", 8000, np.zeros(9, np.int16))
    with pytest.raises(InputError, match="is not named"):
        sources.spoken_digits(tmp_path)


def test_the_command_line(tmp_path, known):
    arrays = known("har_watch_int16", {"x": np.arange(3)})
    np.savez(tmp_path / "har_watch_int16.npz", **arrays)
    run = CliRunner().invoke
    good = run(data.main, ["--data", str(tmp_path), "--set", "har_watch_int16"])
    assert good.exit_code == 0 and "SHA-256 as on record" in good.stdout and "int64" in good.stdout
    # What is there is not made again, and one missing set does not hide the others.
    out = run(data.main, ["--out", str(tmp_path), "--set", "fsdd_wav_int16", "--set", "har_watch_int16"])
    assert out.exit_code == 2 and "har_watch_int16: 1 arrays" in out.stdout and "--fsdd DIR" in out.stderr
    assert run(data.main, []).exit_code == 2 and run(data.main, ["--data", ".", "--out", "."]).exit_code == 2


@pytest.mark.skipif(not (SHARED / "mnist_full.npz").is_file(), reason="no real arrays beside the checkout")
def test_the_real_arrays_and_the_rule_that_chose_the_small_set():
    few, full = data.load("mnist_12k", SHARED), data.load("mnist_full", SHARED)
    for part, count in (("train", 1000), ("test", 200)):
        x, y = sources.first_of_each_class(full[f"x_{part}"], full[f"y_{part}"], count)
        assert np.array_equal(x, few[f"x_{part}"]) and np.array_equal(y, few[f"y_{part}"])
    words = data.load("fsdd_wav_int16", SHARED)
    numbers = zip(words["label"], words["speaker"], words["take"], strict=True)
    names = [f"{digit}_{words['speakers'][speaker]}_{take}.wav" for digit, speaker, take in numbers]
    assert names == sorted(names)
    data.load("har_watch_int16", SHARED)

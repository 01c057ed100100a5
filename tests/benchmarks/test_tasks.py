"""The four benchmark tasks: their parts share nothing, their networks have the stated sizes, their training learns."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from sparsecomp.errors import InputError
from sparsecomp_tools.benchmarks import augment, mfcc, speech, splits
from sparsecomp_tools.benchmarks.tasks import TASKS, Digits, Fashion, Har, Mnist
from sparsecomp_tools.benchmarks.training import Schedule, accuracy, fit

RANDOM = np.random.default_rng(7)
SHARED = Path(__file__).parents[3] / "shared" / "data"


def numbered(count, *shape):
    """Samples of which each holds its own number everywhere, so that a copy is recognized."""
    return np.broadcast_to(np.arange(count, dtype=np.float32).reshape(-1, *[1] * len(shape)), (count, *shape)).copy()


@pytest.fixture(scope="module")
def fashion():
    return Fashion.read(None)


@pytest.fixture(scope="module")
def tasks(fashion):
    """Fashion as it is; the others with synthetic samples of the real shapes, classes and groups."""
    mnist = Mnist(numbered(500, 1, 28, 28), np.arange(500) % 10, np.r_[:400, :100], 400)
    har = Har(numbered(280, 6, 128), np.arange(280) % 7, np.arange(280) // 7 % 10 + 1)
    digit, speaker, take = (part.ravel() for part in np.mgrid[:10, :6, :50])
    x = numbered(3000, 13, 64)
    digits = Digits(x, digit, speaker, take, np.stack([x + 0.25, x + 0.5]))
    return {task.name: task for task in (mnist, fashion, har, digits)}


@pytest.mark.parametrize("name", TASKS)
def test_no_sample_is_in_two_parts(tasks, name):
    task = tasks[name]
    tested = []
    for fold in range(task.folds):
        parts = task.split(fold)
        assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(task.y)))
        assert all(np.array_equal(a, b) for a, b in zip(parts, task.split(fold), strict=True))
        data = task.fold(fold)
        assert data.x_train.dtype == data.x_val.dtype == data.x_test.dtype == np.float32
        for x, y in ((data.x_train, data.y_train), (data.x_val, data.y_val), (data.x_test, data.y_test)):
            assert len(x) == len(y) and y.dtype == np.int64 and set(y) == set(task.y)
        assert len(data.cluster) == len(data.y_test)
        tested.append(parts[2])
    if name == "mnist":
        assert all(np.array_equal(part, tested[0]) for part in tested)
        assert len({tuple(task.split(fold)[1]) for fold in range(3)}) == 3
    else:
        assert np.array_equal(np.sort(np.concatenate(tested)), np.arange(len(task.y)))
    with pytest.raises(InputError, match=f"{name} has no fold"):
        task.fold(task.folds)


def test_images_validate_with_a_tenth_of_every_class(tasks):
    for name in ("mnist", "fashion"):
        train, val, test = (tasks[name].y[part] for part in tasks[name].split(1))
        assert np.array_equal(np.bincount(train), 9 * np.bincount(val)) and len(set(np.bincount(test))) == 1
    assert np.array_equal(tasks["mnist"].fold(0).cluster, np.arange(100))


def test_no_image_of_fashion_is_there_twice(fashion):
    pixels = fashion.x.reshape(len(fashion.x), -1)
    assert len(np.unique(pixels, axis=0)) == 6000 and fashion.x.min() == 0 and fashion.x.max() == 1


def test_no_subject_and_no_speaker_is_heard_before_the_test(tasks):
    for fold in range(5):
        train, val, test = (set(tasks["har"].group[part]) for part in tasks["har"].split(fold))
        assert len(test) == 2 and len(val) == 1 and len(train) == 7 and len(train | val | test) == 10
        assert set(tasks["har"].fold(fold).cluster) == test
    digits = tasks["digits"]
    for fold in range(6):
        train, val, test = digits.split(fold)
        assert set(digits.group[test]) == {fold} and fold not in set(digits.group[np.r_[train, val]])
        assert set(digits.take[val]) == set(range(5)) and not set(digits.take[train]) & set(range(5))


def test_changed_recordings_are_those_of_the_training_part(tasks):
    digits = tasks["digits"]
    data = digits.fold(2)
    numbers = np.floor(data.x_train[:, 0, 0]).astype(int)
    train = digits.split(2)[0]
    assert np.array_equal(numbers, np.tile(train, 3)) and np.array_equal(data.y_train, digits.y[numbers])
    assert np.array_equal(data.x_val[:, 0, 0], digits.split(2)[1])


@pytest.mark.parametrize(
    ("name", "parameters"), [("mnist", 80_202), ("fashion", 80_202), ("har", 60_935), ("digits", 40_314)]
)
def test_networks(tasks, name, parameters):
    task = tasks[name]
    network = task.network()
    assert sum(value.numel() for value in network.parameters()) == parameters
    assert type(network) is nn.Sequential and all(type(layer).__module__.startswith("torch.nn") for layer in network)
    x = torch.from_numpy(task.x[:3])
    assert network(x).shape == (3, len(set(task.y)))
    assert task.augment(x).shape == x.shape and task.augment(x).dtype == x.dtype


def test_every_network_is_one_that_can_be_converted(tasks, tmp_path):
    import sparsecomp

    for name, task in tasks.items():
        sparsecomp.save(task.network().eval(), tmp_path / f"{name}.pt", torch.from_numpy(task.x[:1]))
        assert sparsecomp.analyze(tmp_path / f"{name}.pt", board="msp430fr5994")


def test_training_learns_and_is_repeatable(fashion):
    few = fashion.split(0)[0][:600]
    x, y = fashion.x[few], fashion.y[few]

    def trained():
        torch.manual_seed(3)
        return fit(fashion.network(), x, y, fashion.augment, Schedule(epochs=4, average=0.9))

    first, second = trained(), trained()
    assert not first.training and accuracy(first, x, y) > 0.6
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_train_float_leaves_the_callers_random_numbers_alone(tasks, monkeypatch):
    monkeypatch.setattr(Har, "schedule", Schedule(epochs=1))
    threads = torch.get_num_threads()
    torch.manual_seed(1)
    wanted = torch.rand(3)
    torch.manual_seed(1)
    networks = [tasks["har"].train_float(0, seed) for seed in (5, 5, 6)]
    assert torch.equal(torch.rand(3), wanted) and torch.get_num_threads() == threads
    weights = [network[0].weight for network in networks]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_parts_by_class_and_windows():
    part = splits.by_class(np.repeat([0, 1], [10, 25]), 5, seed=1)
    assert np.bincount(part[:10]).tolist() == [2] * 5 and np.bincount(part[10:]).tolist() == [5] * 5
    starts, recording = splits.stretches(np.array([5, 3, 2]), 3, 2)
    assert starts.tolist() == [0, 2, 5] and recording.tolist() == [0, 0, 1]


def test_augmentations_do_nothing_at_strength_zero():
    x = torch.rand(4, 1, 9, 9)
    assert torch.equal(augment.moved(x, 0), x)
    assert torch.allclose(augment.distorted(x, degrees=0, scale=0, shear=0, pixels=0), x, atol=1e-5)
    series = torch.rand(4, 6, 20)
    assert torch.allclose(augment.stretched(series, most=0), series) and torch.equal(augment.scaled(series, 0), series)
    assert torch.allclose(augment.rotated(series, 0), series, atol=1e-6)
    # A rotation keeps lengths; acceleration and rotation turn together.
    both = torch.cat([series[:, :3], series[:, :3]], 1)
    turned = augment.rotated(both, 40)
    assert torch.allclose(turned[:, :3].norm(dim=1), series[:, :3].norm(dim=1), atol=1e-5)
    assert torch.equal(turned[:, :3], turned[:, 3:]) and not torch.allclose(turned, both, atol=0.01)


def test_what_comes_in_from_outside_a_series():
    x = torch.ones(50, 2, 10)
    moved = augment.stretched(x, most=0, steps=30, outside=torch.tensor([5.0, 7.0]))
    assert moved[:, 0].max() == 5 and moved[:, 1].max() == 7
    assert torch.equal(augment.stretched(x, most=0.3, steps=30), x)


def test_maps_of_words():
    time = np.arange(4000) / 8000
    tone = (8000 * np.sin(2 * np.pi * 440 * time) * np.hanning(4000)).astype(np.int16)
    word = mfcc.mfcc(tone)
    assert word.shape == (13, 64) and word.dtype == np.int16
    # 0.5 s are 39 frames of 64: what is left is the pause.
    pause = np.rint(mfcc.PAUSE * mfcc.SCALE)
    assert np.array_equal(word[:, 0], pause) and np.array_equal(word[:, -1], pause)
    assert np.abs(word[:, 12:51].mean(1)).max() < 1
    # Loudness and a filter's gain say nothing; another tone says something.
    assert np.abs(mfcc.mfcc(tone // 4).astype(int) - word).max() < 0.1 * mfcc.SCALE
    other = (8000 * np.sin(2 * np.pi * 1500 * time) * np.hanning(4000)).astype(np.int16)
    assert np.abs(mfcc.mfcc(other).astype(int) - word).max() > 0.3 * mfcc.SCALE
    for samples in (np.zeros(50, np.int16), np.zeros(20_000, np.int16), RANDOM.normal(size=20_000) * 9000):
        assert mfcc.mfcc(samples).shape == (13, 64)


def test_the_strongest_filter_of_a_tone_is_the_one_it_lies_in():
    tone = np.sin(2 * np.pi * 1000 * np.arange(4000) / 8000)
    strongest = mfcc.log_mel(tone).mean(0).argmax()
    assert mfcc.mel_filters()[strongest, 25] == mfcc.mel_filters()[:, 25].max()
    assert mfcc.mel_filters().max(1).min() > 0.4


def test_changed_recordings_differ_in_length_and_noise_and_repeat():
    tone = (8000 * np.sin(np.arange(4000) / 3)).astype(np.int16)
    changed = [speech.varied(tone, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert np.array_equal(changed[0], changed[1]) and len(changed[0]) != len(changed[2])
    assert all(0.83 < len(wave) / 4000 < 1.17 for wave in changed)


@pytest.mark.skipif(
    not (SHARED / "har_watch_int16.npz").is_file(), reason="the real arrays are not beside the checkout"
)
def test_real_windows_and_images():
    har = Har.read(SHARED)
    assert har.x.shape == (3605, 6, 128) and set(har.group) == set(range(1, 11)) and set(har.y) == set(range(7))
    mnist = Mnist.read(SHARED)
    pixels = mnist.x.reshape(20_000, -1)
    assert mnist.x.shape == (20_000, 1, 28, 28) and len(np.unique(pixels, axis=0)) == 20_000

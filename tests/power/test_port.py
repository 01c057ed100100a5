"""The host port keeps its promises: files, faults, protocol."""

import numpy as np
import pytest

from sparsecomp_tools.power import tiny
from sparsecomp_tools.power.bench import bench_for
from sparsecomp_tools.power.trials import TRIALS


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.write_tiny(tmp_path_factory.mktemp("tiny") / "model")


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.__name__)
def test_keeps_its_promises(model, tmp_path, trial):
    assert trial(bench_for(model, *tiny.stream(3), tmp_path, writes=300))


def test_dumps_what_each_layer_gives(model, tmp_path):
    inputs, expected = tiny.stream(2)
    bench = bench_for(model, inputs, expected, tmp_path, writes=200)
    assert bench.run("fram", "answers", "--dump", str(tmp_path / "dump")).returncode == 0
    words = np.fromfile(tmp_path / "dump", dtype=np.int16)
    for number, value in enumerate(inputs):
        assert words[:2].tolist() == [0, 0]  # the halo has no view
        words = words[2:]
        for layer, right in enumerate(tiny.layer_outputs(value), start=1):
            assert words[:2].tolist() == [layer, len(right)], number
            assert np.array_equal(words[2 : 2 + len(right)], right)
            words = words[2 + len(right) :]
    assert len(words) == 0


def test_a_model_without_views_cannot_be_dumped(model, tmp_path):
    plain = tiny.write_tiny(tmp_path / "plain")
    text = (plain / "model.c").read_text()
    (plain / "model.c").write_text(text[: text.index("const output_t model_layer_views")])
    done = bench_for(plain, *tiny.stream(2), tmp_path, writes=200).run("fram", "out", "--dump", str(tmp_path / "d"))
    assert done.returncode == 2 and "without layer views" in done.stderr


def test_fram_of_another_model_is_refused(model, tmp_path):
    bench = bench_for(model, *tiny.stream(2), tmp_path, writes=200)
    assert bench.run("fram", "answers").returncode == 0
    other = tiny.write_tiny(tmp_path / "other", model_hash=2)
    (tmp_path / "second").mkdir()
    again = bench_for(other, *tiny.stream(2), tmp_path / "second", writes=200)
    done = again.run("../fram", "answers")
    assert done.returncode == 2 and "is not the FRAM of this model" in done.stderr

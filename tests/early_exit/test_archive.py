"""An archive keeps the names and temperatures of a network's exits, and takes nothing else for them."""

import json
import zipfile

import numpy as np
import pytest
import torch
from nets import conv2d, images, with_exits

import sparsecomp
from sparsecomp.errors import InputError
from sparsecomp.frontend import Exit
from sparsecomp.frontend.extra import dump_extra, load_extra

EXAMPLE = torch.zeros(1, 1, 12, 12)


def test_exits_come_back_as_they_were_saved(tmp_path):
    network = with_exits()
    network.temperatures = (1.5, 0.75, 2.0)
    x, y = images(8)
    path = tmp_path / "model.pt"
    sparsecomp.save(network, path, EXAMPLE, calibration=x, samples=x, labels=y)
    loaded = sparsecomp.load(path)
    assert loaded.exits == (Exit("3", 1.5), Exit("6", 0.75), Exit("full", 2.0))
    assert len(loaded.graph.outputs) == 3
    np.testing.assert_array_equal(loaded.labels, y)
    with zipfile.ZipFile(path) as file:
        text = json.loads(file.read("model/extra/sparsecomp.json"))
    assert text["exits"][0] == {"name": "3", "temperature": 1.5}


def test_a_network_without_exits_has_none_and_no_word_of_them(tmp_path):
    path = tmp_path / "model.pt"
    sparsecomp.save(conv2d(), path, EXAMPLE)
    assert sparsecomp.load(path).exits == ()
    with zipfile.ZipFile(path) as file:
        assert b"exits" not in file.read("model/extra/sparsecomp.json")


def test_exits_can_be_named_for_any_network_of_several_answers(tmp_path):
    class Two(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body = conv2d()

        def forward(self, x):
            y = self.body(x)
            return y, torch.relu(y)

    sparsecomp.save(Two(), tmp_path / "model.pt", EXAMPLE, exits=[Exit("a"), Exit("b", 3)])
    assert [e.name for e in sparsecomp.load(tmp_path / "model.pt").exits] == ["a", "b"]
    with pytest.raises(InputError, match="1 exit"):
        sparsecomp.save(Two(), tmp_path / "other.pt", EXAMPLE, exits=[Exit("a")])
    with pytest.raises(InputError, match="one name"):
        sparsecomp.save(Two(), tmp_path / "other.pt", EXAMPLE, exits=[Exit("a"), Exit("a")])
    with pytest.raises(InputError, match="not of the class Exit"):
        sparsecomp.save(Two(), tmp_path / "other.pt", EXAMPLE, exits=["a", "b"])
    assert not (tmp_path / "other.pt").exists()


def test_labels_are_held_against_the_classes_of_the_exits(tmp_path):
    x, y = images(4)
    with pytest.raises(InputError, match="label 4 is out of range"):
        sparsecomp.save(with_exits(), tmp_path / "model.pt", EXAMPLE, samples=x, labels=y + 1)


def test_answers_of_other_shapes_are_no_exits(tmp_path):
    class Map(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body = conv2d()

        def forward(self, x):
            return x, self.body(x)

    with pytest.raises(InputError, match="same classes"):
        sparsecomp.save(Map(), tmp_path / "model.pt", EXAMPLE, exits=[Exit("a"), Exit("b")])


@pytest.mark.parametrize(
    "exits",
    [
        {"3": 1.0},
        [["3", 1.0]],
        [{"name": "3"}],
        [{"name": "3", "temperature": 1.0, "threshold": 2}],
        [{"name": "", "temperature": 1.0}],
        [{"name": 3, "temperature": 1.0}],
        [{"name": "a\nb", "temperature": 1.0}],
        [{"name": "x" * 300, "temperature": 1.0}],
        [{"name": "3", "temperature": 0}],
        [{"name": "3", "temperature": -1.0}],
        [{"name": "3", "temperature": True}],
        [{"name": "3", "temperature": "1"}],
        [{"name": "3", "temperature": None}],
        [{"name": "3", "temperature": 1e999}],
    ],
)
def test_damaged_exits_are_refused(exits, tmp_path):
    sparsecomp.save(with_exits(), tmp_path / "model.pt", EXAMPLE)
    with zipfile.ZipFile(tmp_path / "model.pt") as file:
        whole = file.read("model/extra/sparsecomp.json")
    good = load_extra(whole)
    assert load_extra(dump_extra(good)) == good
    table = json.loads(whole) | {"exits": exits}
    with pytest.raises(InputError, match=r"exit|number"):
        load_extra(json.dumps(table).replace("Infinity", "1e999").encode())

"""A compression that is killed goes on from its last step to the result that it would have had."""

import os
import pickle
import random
import signal

import killed
import numpy as np
import pytest
import torch
from killed import CASES, METHOD, Server
from watching import TRAIN, VAL, Nested, fresh, same

import sparsecomp
from sparsecomp.compression import Method
from sparsecomp.errors import DoesNotFitError, InputError

KILLS = 3


@pytest.fixture(scope="module")
def server():
    with Server() as running:
        yield running


def outcome(path):
    return torch.load(path, weights_only=True)


def assert_equal(found, expected):
    assert found["result"] == expected["result"]
    assert list(found["state"]) == list(expected["state"])
    for name, value in expected["state"].items():
        assert torch.equal(found["state"][name], value), name


@pytest.mark.parametrize("case", CASES)
def test_killed_at_random_moments_it_ends_with_the_same_result(case, server, tmp_path):
    other = tmp_path / "other"
    assert server("run", case=case, out=tmp_path / "whole", last=None, checkpoint=other) == 0
    expected = outcome(tmp_path / "whole")
    rng, kills = random.Random(case), 0
    for attempt in range(KILLS + 1):
        moment = max(rng.random(), rng.random())  # rather late, when there is something to go on from
        last = 1 + int(moment * expected["calls"]) if attempt < KILLS else None
        options = {"out": tmp_path / "out", "checkpoint": tmp_path / "kept", "resume": attempt > 0}
        code = server("run", case=case, last=last, **options)
        assert code in (0, -signal.SIGKILL)
        kills += code != 0
        if code == 0:
            break
    assert kills >= 1 and (tmp_path / "kept" / "checkpoint.pt").is_file()
    assert_equal(outcome(tmp_path / "out"), expected)


def test_a_checkpoint_changes_nothing_and_a_run_that_ended_can_be_resumed(tmp_path):
    model, _, options = CASES["plain"]()
    plain = sparsecomp.compress(model, TRAIN, VAL, method=METHOD, **options)
    for resume in (False, True, True):
        other = fresh()
        kept = sparsecomp.compress(
            other, TRAIN, VAL, method=METHOD, checkpoint=tmp_path / "kept", resume=resume, **options
        )
        assert same(other, model) and kept.to_json() == plain.to_json()


def test_a_checkpoint_is_whole_wherever_its_writing_is_killed(server, tmp_path):
    assert server("write_and_die", name=tmp_path / "kept", out=tmp_path / "found", places=25) == 0
    found = torch.load(tmp_path / "found", weights_only=True)
    assert len(found) > 50 and [was_killed for was_killed, _ in found].count(False) == 1
    for _, state in found:
        assert bool((state["weights"] == state["step"]).all()) and state["more"] == [state["step"], "b", None]
    assert {state["step"] for was_killed, state in found if was_killed} == {1, 2}


@pytest.fixture(scope="module")
def kept(server, tmp_path_factory):
    """The checkpoint of a run of the plain case that was killed near its end."""
    folder = tmp_path_factory.mktemp("checkpoint")
    assert server("run", case="plain", out=folder / "whole", last=None) == 0
    last = int(0.95 * outcome(folder / "whole")["calls"])
    options = {"out": folder / "out", "checkpoint": folder / "kept"}
    assert server("run", case="plain", last=last, **options) == -signal.SIGKILL
    return (folder / "kept" / "checkpoint.pt").read_bytes()


def resume(folder, content, model=None, **options):
    """Goes on from a checkpoint file with ``content``."""
    folder.mkdir(exist_ok=True)
    (folder / "checkpoint.pt").write_bytes(content)
    model = fresh() if model is None else model
    before = {name: value.clone() for name, value in model.state_dict().items()}
    options = {"target": 0.4, "method": METHOD} | options
    try:
        return sparsecomp.compress(model, TRAIN, VAL, checkpoint=folder, resume=True, **options)
    except InputError:
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
        raise


def other_weights():
    model = fresh()
    with torch.no_grad():
        model[0].weight[0, 0, 0, 0] += 0.01
    return model


@pytest.mark.parametrize(
    "other",
    [
        {"model": other_weights}, {"model": lambda: fresh(Nested)}, {"target": 0.41}, {"target": None, "sparsity": 0.5},
        {"target": None, "board": "msp430fr5994"}, {"size_model": "origin"}, {"encoding": "csr"}, {"seed": 1},
        {"method": Method(steps=2, epochs=1, finetune=3)}, {"method": Method(steps=2, finetune=2, bias=False)},
        {"max_drop": 0.1}, {"fast": True},
    ],
)  # fmt: skip
def test_a_checkpoint_of_another_run_is_refused(other, kept, tmp_path):
    model = other["model"]() if "model" in other else None
    with pytest.raises(InputError, match="checkpoint"):
        resume(tmp_path / "kept", kept, **(other | {"model": model}))


def test_without_resume_a_checkpoint_of_another_run_is_replaced(kept, tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(kept)
    result = sparsecomp.compress(fresh(), TRAIN, VAL, target=0.3, method=METHOD, checkpoint=tmp_path)
    assert result.nbytes <= 300
    again = sparsecomp.compress(fresh(), TRAIN, VAL, target=0.3, method=METHOD, checkpoint=tmp_path, resume=True)
    assert again.to_json() == result.to_json()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_checkpoint_is_refused(share, kept, tmp_path):
    with pytest.raises(InputError, match="checkpoint"):
        resume(tmp_path / "kept", kept[: int(share * len(kept))])


def test_a_flipped_byte_is_found_or_changes_nothing(kept, tmp_path):
    expected = resume(tmp_path / "whole", kept).to_json()
    rng = random.Random(3)
    for number in range(8):
        content = bytearray(kept)
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        try:
            assert resume(tmp_path / str(number), bytes(content)).to_json() == expected
        except InputError:
            pass


class Hostile:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("kind", ["pickle", "archive", "inside", "legacy"])
def test_a_hostile_checkpoint_is_refused_and_runs_nothing(kind, kept, tmp_path):
    bomb = Hostile(tmp_path / "ran")
    path = tmp_path / "bomb"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(bomb, 2))
    elif kind == "inside":
        (tmp_path / "good").write_bytes(kept)
        torch.save(torch.load(tmp_path / "good", weights_only=True) | {"more": bomb}, path)
    else:
        torch.save({"bomb": bomb}, path, _use_new_zipfile_serialization=kind == "archive")
    with pytest.raises(InputError, match="checkpoint"):
        resume(tmp_path / "kept", path.read_bytes())
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"hello", pickle.dumps({"step": 1}, 2)])
def test_what_is_no_checkpoint_is_refused(content, tmp_path):
    with pytest.raises(InputError, match="checkpoint"):
        resume(tmp_path / "kept", content)


def test_a_checkpoint_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    model = fresh()
    with pytest.raises(sparsecomp.errors.SparseCompError):
        sparsecomp.compress(model, TRAIN, VAL, target=0.4, method=METHOD, checkpoint=tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"
    assert same(model, fresh())


def test_the_seed_decides_the_result():
    def result(seed):
        model = fresh()
        return model, sparsecomp.compress(model, TRAIN, VAL, target=0.4, method=METHOD, seed=seed).to_json()

    (first, document), (again, same_document), (other, _) = result(3), result(3), result(4)
    assert same(first, again) and document == same_document
    assert not same(first, other)


def states():
    return torch.get_rng_state(), np.random.get_state(), random.getstate()


def unchanged(before):
    after = states()
    return (
        torch.equal(before[0], after[0])
        and before[1][0] == after[1][0]
        and np.array_equal(before[1][1], after[1][1])
        and before[1][2:] == after[1][2:]
        and before[2] == after[2]
    )


def test_random_numbers_of_the_caller_go_on_as_before():
    torch.manual_seed(5), np.random.seed(6), random.seed(7)
    before, data = states(), killed.augmented()
    first = fresh()
    sparsecomp.compress(first, data, VAL, target=0.4, method=METHOD)
    assert unchanged(before)
    with pytest.raises(DoesNotFitError):
        sparsecomp.compress(fresh(), TRAIN, VAL, target=0.001, method=METHOD)
    assert unchanged(before)
    torch.manual_seed(8), np.random.seed(9), random.seed(10)
    second = fresh()
    sparsecomp.compress(second, killed.augmented(), VAL, target=0.4, method=METHOD)
    assert same(first, second)

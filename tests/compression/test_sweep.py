"""A sweep: the front, the trials that workers share, and that nothing is lost when one is killed."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import optuna  # noqa: E402
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState  # noqa: E402
from torch import nn

import sparsecomp
from sparsecomp.cli import main
from sparsecomp.compression import sweep_folder, sweep_study, sweep_trial  # noqa: E402
from sparsecomp.compression.result import StepRecord
from sparsecomp.compression.sweep_front import Point, dominates, front, plot_front
from sparsecomp.compression.sweep_study import AGAIN, ERROR, attempts, decisive  # noqa: E402
from sparsecomp.compression.sweep_trial import Rival, Watch  # noqa: E402
from sparsecomp.compression.sweeping import sweep
from sparsecomp.early_exit import add_exits
from sparsecomp.errors import InputError, ToolError
from sparsecomp.frontend import load, to_module
from sparsecomp.plan.sizes import constant_bytes
from sparsecomp.prepare import Request, prepare

# A worker, which says what it ran; it stands still in its trial number ``hang``. It draws no picture, which takes long.
WORKER = """
import sys, time, torch
torch.set_num_threads(1)
from sparsecomp.compression import sweep_folder, sweep_study, sweep_trial
from sparsecomp.compression.sweeping import sweep
folder, trials, sweep_study.SILENCE, hang = sys.argv[1], *map(int, sys.argv[2:])
sweep_study.HEARTBEAT = 1
sweep_folder.plot_front = lambda result, path: True
run, count = sweep_trial.Task.run, 0
def watched(task, trial, rivals):
    global count
    count += 1
    if count == hang:
        task.draw(trial)
        print("hangs", trial.number, flush=True)
        time.sleep(600)
    outcome = run(task, trial, rivals)
    print("ran", trial.number, flush=True)
    return outcome
sweep_trial.Task.run = watched
sweep(f"{folder}/model.pt", f"{folder}/data.npz", f"{folder}/out", trials=trials, epochs=1, min_kb=0.1, max_kb=0.3)
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with model.pt, of 300 weights, and data.npz, of 120 images in three classes."""
    folder = tmp_path_factory.mktemp("sweep")
    torch.manual_seed(1)
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 120)
    x = rng.normal(size=(120, 1, 8, 8)).astype(np.float32)
    for image, label in zip(x, y, strict=True):
        image[0, 2 * label : 2 * label + 3] += 2
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 6), nn.Linear(6, 3))
    sparsecomp.save(net, folder / "model.pt", torch.zeros(1, 1, 8, 8), calibration=x[:16])
    np.savez(folder / "data.npz", x=x, y=y)
    return folder


@pytest.fixture
def quick(monkeypatch):
    """Trials that compress nothing, each better than the one before; what is put here by number is called within."""
    hooks = {}
    monkeypatch.setattr(sweep_folder, "plot_front", lambda result, path: True)

    def run(task, trial, rivals):
        kb, _ = task.draw(trial)
        if trial.number in hooks:
            hooks.pop(trial.number)(trial)
        share = 0.5 + trial.number / 100
        result = SimpleNamespace(
            model=to_module(task.loaded.graph), validation=share, nbytes=100, validation_before=0.9,
            float_bytes=2000,
        )  # fmt: skip
        return SimpleNamespace(result=result, cycles=10, values=(share, 100.0, 10.0), steps=[(100.0, share)])

    monkeypatch.setattr(sweep_trial.Task, "run", run)
    return hooks


def rows(path, name="model"):
    return optuna.load_study(study_name=name, storage=f"sqlite:///{path}").get_trials()


def worker(folder, trials, silence=60, hang=0):
    command = [sys.executable, "-c", WORKER, *(str(word) for word in (folder, trials, silence, hang))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})


def fresh(files, folder):
    for name in ("model.pt", "data.npz"):
        (folder / name).write_bytes((files / name).read_bytes())
    return folder


# --- the front --------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 5), st.integers(1, 5)), max_size=25))
def test_nothing_on_the_front_is_dominated_and_everything_else_is(values):
    points = [Point(i, a / 4, b, c, {}) for i, (a, b, c) in enumerate(values)]
    best = front(points)
    assert bool(best) == bool(points) and [p.nbytes for p in best] == sorted(p.nbytes for p in best)
    for p in points:
        better = [
            q for q in points
            if (q.validation >= p.validation and q.nbytes <= p.nbytes and q.cycles <= p.cycles)
            and (q.validation, q.nbytes, q.cycles) != (p.validation, p.nbytes, p.cycles)
        ]  # fmt: skip
        assert (p in best) == (not better)
        assert not dominates(p, p)
    assert front(best) == best


# --- which trials are left --------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(TrialState), st.integers(0, 5), st.booleans()), max_size=12))
def test_a_trial_is_decided_by_the_first_row_that_did_not_fail(drawn):
    made = []
    for number, (state, of, error) in enumerate(drawn):
        attributes = {AGAIN: of} if of < number and not (made and AGAIN in made[of].user_attrs) else {}
        attributes |= {ERROR: "broken"} if error and state == TrialState.FAIL else {}
        made.append(SimpleNamespace(number=number, state=state, user_attrs=attributes))
    trials = attempts(made[::-1])
    assert sorted(row.number for trial in trials for row in trial) == list(range(len(made)))
    assert [trial[0].number for trial in trials] == [row.number for row in made if AGAIN not in row.user_attrs]
    for trial in trials:
        row = decisive(trial)
        before = trial if row is None else trial[: trial.index(row)]
        assert all(other.state == TrialState.FAIL and ERROR not in other.user_attrs for other in before)


# --- stopping early ---------------------------------------------------------------------------------------------------


def told(watch, size, metric, rolled_back=False):
    watch(StepRecord(2, size, size, metric, 0.1, {}, rolled_back, ("first",)))


def test_a_trial_stops_only_when_another_no_larger_was_clearly_better_at_its_size():
    rival = Rival(800, [(3000, 0.99), (2000, 0.9), (900, 0.8)])
    watch = Watch(1000, [rival])
    told(watch, 12_345, 0.95)
    told(watch, 2500, 0.86)
    told(watch, 2500, 0.1, rolled_back=True)
    with pytest.raises(optuna.TrialPruned):
        told(watch, 2500, 0.84)
    told(watch, 500, 0.1)  # smaller than the other ever was
    assert watch.steps == [(12_345, 0.95), (2500, 0.86), (2500, 0.84), (500, 0.1)]
    told(Watch(700, [rival]), 2500, 0.1)  # will end smaller


# --- one worker -------------------------------------------------------------------------------------------------------


def test_only_the_front_keeps_its_networks_and_the_folder_says_so(files, tmp_path, quick):
    result = sweep(files / "model.pt", files / "data.npz", tmp_path, trials=5)
    assert [p.trial for p in result.front] == [4] and result.finished == len(result.points) == 5
    assert [path.name for path in tmp_path.glob("*.pt")] == ["trial-0004.pt"]
    assert load(tmp_path / "trial-0004.pt").calibration is not None
    document = json.loads((tmp_path / "front.json").read_text())
    assert (document["report"], document["version"], document["finished"]) == ("sweep", 1, 5)
    assert [p["file"] for p in document["front"]] == ["trial-0004.pt"] and len(document["dominated"]) == 4
    assert "5 of 5 trials" in result.lines()[0] and "trial-0004.pt" in "\n".join(result.lines())
    assert plot_front(result, tmp_path / "front.png")
    assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG")

    before = {row.number: (row.values, row.params) for row in rows(tmp_path / "sweep.db")}
    result = sweep(files / "model.pt", files / "data.npz", tmp_path, trials=7)
    after = {row.number: (row.values, row.params) for row in rows(tmp_path / "sweep.db")}
    assert result.finished == 7 and sorted(after) == list(range(7))
    assert {number: after[number] for number in before} == before
    assert sweep(files / "model.pt", files / "data.npz", tmp_path, trials=3).finished == 7


def test_a_network_with_exits_keeps_them(files, tmp_path):
    x, y = (np.load(files / "data.npz")[name] for name in "xy")
    base = to_module(load(files / "model.pt").graph)
    result = add_exits(base, (x, y), exits=("max_pool1",), kind="heads", head_bytes=200, hidden=0, pooled=2)
    sparsecomp.save(result.network, tmp_path / "exits.pt", torch.zeros(1, 1, 8, 8), calibration=x[:16])
    found = sweep(tmp_path / "exits.pt", files / "data.npz", tmp_path / "out", trials=1, epochs=2, max_kb=0.4)
    (path,) = (tmp_path / "out").glob("*.pt")
    assert [e.name for e in load(path).exits] == ["max_pool1", "full"]
    assert found.front[0].nbytes == sum(constant_bytes(prepare(path, Request()).program))


def test_what_is_interrupted_runs_again_at_once_with_the_same_choices(files, tmp_path, quick):
    def interrupt(trial):
        raise KeyboardInterrupt

    quick[1] = interrupt
    with pytest.raises(KeyboardInterrupt):
        sweep(files / "model.pt", files / "data.npz", tmp_path, trials=3)
    assert sweep(files / "model.pt", files / "data.npz", tmp_path, trials=3).finished == 3
    done = rows(tmp_path / "sweep.db")
    assert [row.state.name for row in done] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert done[2].params == done[1].params and done[2].user_attrs[AGAIN] == 1


def test_an_error_ends_one_trial_unless_it_is_there_from_the_start(files, tmp_path, quick):
    def fail(trial):
        raise ValueError("broken")

    quick[0] = fail
    with pytest.raises(ValueError):
        sweep(files / "model.pt", files / "data.npz", tmp_path, trials=4)
    quick[2] = fail
    result = sweep(files / "model.pt", files / "data.npz", tmp_path, trials=4)
    assert (result.finished, result.failed) == (4, 1)
    assert "1 stopped or failed: ValueError: broken" in result.notes


def test_a_trial_that_another_worker_was_given_does_not_count_twice(files, tmp_path, quick):
    def taken(trial):
        trial.study.tell(trial.number, state=TrialState.FAIL)

    quick[1] = taken
    said = []
    result = sweep(files / "model.pt", files / "data.npz", tmp_path, trials=3, log=said.append)
    assert result.finished == 3 and any("too late" in line for line in said)
    assert [row.number for row in rows(tmp_path / "sweep.db") if row.values] == [0, 2, 3]
    assert not (tmp_path / "trial-0001.pt").exists()


# --- several workers --------------------------------------------------------------------------------------------------


def test_two_processes_share_the_trials(files, tmp_path):
    folder = fresh(files, tmp_path)
    workers = [worker(folder, 4), worker(folder, 4)]
    outputs = [process.communicate(timeout=300)[0] for process in workers]
    assert [process.returncode for process in workers] == [0, 0]
    ran = sorted(int(line.split()[1]) for text in outputs for line in text.splitlines())
    done = rows(folder / "out" / "sweep.db")
    finished = [row.number for row in done if row.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    assert finished == list(range(4))
    assert len(ran) == len(set(ran)) and set(ran) == {row.number for row in done if row.values}
    document = json.loads((folder / "out" / "front.json").read_text())
    assert document["finished"] == 4
    names = {p["file"] for p in document["front"]}
    assert names == {path.name for path in (folder / "out").glob("trial-*.pt")}


def test_a_killed_worker_loses_nothing(files, tmp_path):
    folder = fresh(files, tmp_path)
    first = worker(folder, 2, hang=2)
    assert first.stdout.readline().split() == ["ran", "0"]
    assert first.stdout.readline().split() == ["hangs", "1"]
    first.send_signal(signal.SIGKILL)
    first.wait()
    left = rows(folder / "out" / "sweep.db")
    assert [row.state.name for row in left] == ["COMPLETE", "RUNNING"]

    second = worker(folder, 2, silence=3)
    assert "ran 0" not in second.communicate(timeout=300)[0].splitlines() and second.returncode == 0
    done = rows(folder / "out" / "sweep.db")
    assert done[0].values == left[0].values and done[1].state == TrialState.FAIL
    finished = [row for row in done if row.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    assert len(finished) == 2
    again = next(row for row in done if row.user_attrs.get(AGAIN) == 1)
    assert again in finished and again.params == left[1].params


# --- what is refused --------------------------------------------------------------------------------------------------


def refused(capsys, code, *words):
    """Runs the command line; asserts its exit code, one line of error and one of hint. Returns them."""
    with pytest.raises(SystemExit) as ended:
        main(["sweep", *(str(word) for word in words)], prog_name="sparsecomp")
    lines = capsys.readouterr().err.strip().splitlines()
    assert ended.value.code == code, lines
    assert lines[-2].startswith("error: ") and lines[-1].startswith("hint: ") and len(lines) == 2
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--trials", "0"], 2, "--trials"),
        (["--min-kb", "2", "--max-kb", "1"], 2, "not below"),
        (["--min-kb", "-1"], 2, "no size"),
        (["--min-kb", "50"], 2, "--max-kb"),
        (["--board", "nothing"], 2, "unknown board"),
        (["--storage", "nonsense"], 2, "not the URL"),
        (["--storage", "sqlite://"], 2, "memory"),
        (["--storage", "sqlite:////nowhere/at/all.db"], 4, "no such file"),
        (["--data", "gone.npz"], 2, "gone.npz"),
    ],
)
def test_wrong_options_are_refused_and_leave_nothing(files, tmp_path, capsys, options, code, said):
    out = tmp_path / "out"
    assert said in refused(capsys, code, files / "model.pt", "--data", files / "data.npz", "-o", out, *options)
    assert not out.exists()


def test_wrong_files_are_refused(files, tmp_path, capsys, monkeypatch):
    base = (files / "model.pt", "--data", files / "data.npz", "-o")
    assert "gone.pt" in refused(capsys, 2, "gone.pt", "--data", files / "data.npz", "-o", tmp_path / "out")
    np.savez(tmp_path / "real.npz", x=np.zeros((9, 1, 8, 8), np.float32), y=np.zeros((9, 3), np.float32))
    assert "no classes" in refused(capsys, 2, files / "model.pt", "--data", tmp_path / "real.npz", "-o", tmp_path / "o")
    (tmp_path / "file").write_text("")
    assert "not a folder" in refused(capsys, 2, *base, tmp_path / "file")
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "sweep.db").write_bytes(b"SQLite format 3\0" + bytes(5000))
    assert "cannot be used" in refused(capsys, 4, *base, damaged)
    other = tmp_path / "other"
    other.mkdir()
    optuna.create_study(storage=f"sqlite:///{other}/sweep.db", study_name="model")
    assert "not one of sparsecomp" in refused(capsys, 2, *base, other)
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "sparsecomp[sweep]" in refused(capsys, 2, *base, tmp_path / "out")


def test_another_study_or_seed_is_refused(files, tmp_path, quick):
    sweep(files / "model.pt", files / "data.npz", tmp_path, trials=1)
    with pytest.raises(InputError, match="another seed"):
        sweep(files / "model.pt", files / "data.npz", tmp_path, trials=2, seed=1)
    with pytest.raises(InputError, match="front of the study 'model'"):
        sweep(files / "model.pt", files / "data.npz", tmp_path, trials=2, study="other")


def test_a_database_that_breaks_in_the_middle_is_an_error_of_the_tools(files, tmp_path, quick, monkeypatch):
    def break_it(trial):
        with sqlite3.connect(tmp_path / "sweep.db") as database:
            database.execute("drop table trial_values")

    monkeypatch.setattr(sweep_study, "ATTEMPTS", 2)
    quick[1] = break_it
    with pytest.raises(ToolError, match="cannot be used"):
        sweep(files / "model.pt", files / "data.npz", tmp_path, trials=3)

"""A firmware with early exits on the virtual board: every exit's answer, its policy over serial, the best so far."""

import os
import signal
import struct
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from exit_models import Made, fixed, halved, halves, made, two_convolutions, with_policy
from toolchain import require_msp430

sys.path.insert(0, str(Path(__file__).parents[1] / "serial"))
from mlperf_board import started

from sparsecomp.build import built
from sparsecomp.errors import ToolError
from sparsecomp.exits import NEVER, Policy
from sparsecomp.on_board import model_hash
from sparsecomp.reference import exit_elements, run
from sparsecomp.validate import check_layers
from sparsecomp_tools.accuracy import Difference, Job, Log, Port, run_accuracy, running
from sparsecomp_tools.link import Device, open_line
from sparsecomp_tools.link.device import OK, POLICY, REFUSED
from sparsecomp_tools.virtual_board import VirtualBoard

BOARD = "msp430fr5994"
MALFORMED = 2
PATIENCE = 60.0  # seconds of this computer
WRONG = "e-[There is no such exit, or the value is none of 0 to 65535]"
NOTHING = "e-[No exit was reached yet]"


@dataclass(frozen=True)
class Firmware:
    """A project under ``halves``, its ELF file, and all scores of the reference."""

    made: Made
    elf: Path
    hash: str
    scores: tuple[np.ndarray, ...]

    @property
    def classes(self) -> int:
        return self.scores[0].shape[1]

    def layer_behind(self, exit_number: int) -> int:
        """The number of the first layer behind an exit's decision."""
        steps = self.made.plan.program.steps
        return next(i for i, s in enumerate(steps) if s.kernel == "exit" and s.attrs["number"] == exit_number) + 1


@pytest.fixture(scope="module")
def firmware(tmp_path_factory):
    require_msp430()
    folder = tmp_path_factory.mktemp("firmware")
    result = made(halved(two_convolutions()), folder / "project", board=BOARD)
    with built(result.directory, result.plan.board) as copy:
        (folder / "firmware.elf").write_bytes((copy / "build/firmware.elf").read_bytes())
    scores = exit_elements(result.prepared.program, result.data.wire)
    return Firmware(result, folder / "firmware.elf", model_hash(result.directory), scores)


@contextmanager
def connected(firmware, elf=True, **options):
    with (
        VirtualBoard(BOARD, firmware.elf if elf else None, await_host=True, **options) as board,
        open_line(board.port) as line,
    ):
        yield Device(line, patience=PATIENCE, tries=2)


@pytest.fixture
def device(firmware):
    with connected(firmware) as found:
        yield found


@pytest.fixture
def client(firmware):
    with started(firmware) as (_, found):
        yield found


def words(policy):
    return policy.limit, policy.margins, policy.levels


def infer(firmware, device, sample):
    """(scores, exit) of one inference."""
    data = device.infer(sample, firmware.made.words[sample], [firmware.classes, 1])
    found = np.frombuffer(data, "<i2")
    return found[:-1], int(found[-1])


def test_the_flashed_policys_answers_are_the_references(firmware, device):
    assert set(firmware.made.exits) == {0, 1, 2}
    for sample in range(len(firmware.made.words)):
        expected = b"".join(part.tobytes() for part in firmware.made.answers[sample])
        assert device.infer(sample, firmware.made.words[sample], [firmware.classes, 1]) == expected


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_fixed_exit_answers_and_its_layers_are_there_up_to_it(firmware, device, number):
    program = firmware.made.plan.program
    device.set_policy(*words(fixed(firmware.made.prepared, number)))
    for sample in (0, 5):
        scores, taken = infer(firmware, device, sample)
        assert taken == number and np.array_equal(scores, firmware.scores[number][sample])
    device.deliver(7, firmware.made.words[7])
    sizes = [program.tensors[step.output].stored for step in program.steps]
    layers = device.layers(7, sizes, leaves=True)
    assert firmware.layer_behind(number) - 1 <= len(layers) <= firmware.layer_behind(number)
    assert check_layers(program, [w[7:8] for w in firmware.made.data.wire], layers, "the virtual board") > 20


def test_a_level_that_no_supply_reaches_ends_at_the_first_exit_and_a_low_one_never(firmware, device):
    for level, taken in ((NEVER, 0), (1, 2), (0, 2)):
        device.set_policy(2, (NEVER, NEVER), (level, level))
        assert infer(firmware, device, 3)[1] == taken
    device.set_policy(2, (NEVER, NEVER), (0, NEVER))  # the second exit alone looks
    assert infer(firmware, device, 3)[1] == 1


def test_an_accuracy_run_has_its_own_policy_and_leaves_the_firmwares(firmware, device, tmp_path):
    device.set_policy(2, (NEVER, 5), (3, NEVER), 4000)
    prepared = with_policy(firmware.made.prepared, fixed(firmware.made.prepared, 1))
    found = run(prepared.program, firmware.made.data.wire)
    expected = [b"".join(part.tobytes() for part in found.words(i)) for i in range(6)]
    job = Job(
        firmware.made.words[:6],
        (firmware.classes, 1),
        expected,
        firmware.hash,
        PATIENCE,
        policy=prepared.program.policy,
    )

    @contextmanager
    def port():
        yield device

    records = run_accuracy([Port("here", port)], job, Log(None, firmware.hash, "", 6))
    assert [bytes.fromhex(r.answer) for r in records] == expected
    assert device.policy(2) == Policy(2, (NEVER, 5), (3, NEVER), plenty=4000)


def test_a_wrong_answer_leaves_the_firmwares_policy_as_well(firmware, device):
    before = device.policy(2)
    assert before.words == firmware.made.prepared.program.policy.words
    policy = fixed(firmware.made.prepared, 0)
    wrong = [bytes(2 * firmware.classes + 2)]
    job = Job(firmware.made.words[:1], (firmware.classes, 1), wrong, firmware.hash, PATIENCE, 900, policy)

    @contextmanager
    def port():
        yield device

    with pytest.raises(Difference):
        run_accuracy([Port("here", port)], job, Log(None, firmware.hash, "", 1))
    assert device.policy(2) == before
    restarts = device.restarts
    infer(firmware, device, 1)
    assert device.restarts == restarts  # the failures ended with it


def test_two_boards_that_are_interrupted_keep_their_policies(firmware):
    policy = fixed(firmware.made.prepared, 1)
    own = Policy(2, (7, 5), (3, NEVER), plenty=4000)
    expected = [firmware.scores[1][i].tobytes() + b"\x01\x00" for i in range(12)]
    words, hash_ = firmware.made.words[:12], firmware.hash
    job = Job(words, (firmware.classes, 1), expected, hash_, PATIENCE, fail_every=20_000, policy=policy)

    @contextmanager
    def lent(device):
        yield device

    def interrupt(done, total):
        if done == 3:
            os.kill(os.getpid(), signal.SIGINT)

    with connected(firmware) as one, connected(firmware) as other:
        for device in (one, other):
            device.set_policy(own.limit, own.margins, own.levels, own.plenty)
        ports = [Port("one", lambda: lent(one)), Port("other", lambda: lent(other))]
        log = Log(None, hash_, "", 12)
        with pytest.raises(KeyboardInterrupt):
            run_accuracy(ports, job, log, progress=interrupt)
        assert 3 <= len(log.records) < 12
        for device in (one, other):
            assert device.policy(2) == own
            restarts = device.restarts
            infer(firmware, device, 1)
            assert device.restarts == restarts


@pytest.mark.parametrize("moment", ["_give", "infer"])
def test_whatever_ends_a_run_the_policy_stays(firmware, device, moment, monkeypatch):
    """An interrupt while half of the words are given, and an error of a device that still answers."""
    before = device.policy(2)
    job = Job(
        firmware.made.words[:1], (firmware.classes, 1), [b""], firmware.hash, PATIENCE, policy=Policy(0, (1, 2), (3, 4))
    )

    def half(device, policy):
        monkeypatch.undo()
        device.set_policy(policy.limit, (), ())
        raise KeyboardInterrupt

    def refused(*arguments):
        raise ToolError("the firmware refuses to run", "try again")

    monkeypatch.setattr(*((running, "_give", half) if moment == "_give" else (device, "infer", refused)))

    @contextmanager
    def port():
        yield device

    with pytest.raises((KeyboardInterrupt, ToolError)):
        run_accuracy([Port("here", port)], job, Log(None, firmware.hash, "", 1))
    assert device.policy(2) == before


# --- the best answer so far -------------------------------------------------------------------------------------------


def test_the_best_answer_so_far_is_the_last_exit_that_was_reached(firmware, device):
    device.set_policy(*words(fixed(firmware.made.prepared, 2)))
    assert device.best(firmware.classes) is None
    device.deliver(4, firmware.made.words[4])
    assert device.best(firmware.classes) is None  # an input alone is no answer
    steps = firmware.made.plan.program.steps
    reached = -1
    for layer in range(1, len(steps) + 1):
        device.run(4, layer)
        # The scores are there before the decision on them is.
        reached += layer < len(steps) and steps[layer].kernel == "exit"
        best = device.best(firmware.classes)
        if reached < 0:
            assert best is None, layer
        else:
            assert best[0] == reached and np.array_equal(best[1], firmware.scores[reached][4])
    assert reached == 2 and device.status().state == "done"
    device.acknowledge(4)
    assert device.best(firmware.classes) is None


@pytest.mark.parametrize("number", [0, 1])
def test_done_at_an_early_exit_its_answer_is_the_best(firmware, device, number):
    device.set_policy(*words(fixed(firmware.made.prepared, 2)))
    infer(firmware, device, 1)  # scores of an earlier input lie behind
    device.set_policy(*words(fixed(firmware.made.prepared, number)))
    device.deliver(2, firmware.made.words[2])
    device.run(2)
    best = device.best(firmware.classes)
    assert best[0] == number and np.array_equal(best[1], firmware.scores[number][2])


def test_the_best_answer_outlives_the_power(firmware, tmp_path):
    image = tmp_path / "fram"
    with connected(firmware, image=image) as device:
        device.set_policy(*words(fixed(firmware.made.prepared, 2)))
        device.deliver(6, firmware.made.words[6])
        assert device.run(6, firmware.layer_behind(0) + 1).state == "running"
    with connected(firmware, elf=False, image=image) as device:
        status = device.status()
        assert (status.state, status.id) == ("running", 6)
        best = device.best(firmware.classes)
        assert best[0] == 0 and np.array_equal(best[1], firmware.scores[0][6])
        assert device.run(6).state == "done"
        assert np.array_equal(device.best(firmware.classes)[1], firmware.scores[2][6])


# --- the policy -------------------------------------------------------------------------------------------------------


def test_a_policy_outlives_the_power(firmware, tmp_path):
    image = tmp_path / "fram"
    with connected(firmware, image=image) as device:
        device.set_policy(1, (NEVER, 5), (0, 9))
    with connected(firmware, elf=False, image=image) as device:
        assert infer(firmware, device, 0)[1] == 1
    with started(Firmware(firmware.made, None, "", ()), image=image) as (_, client):
        assert client.send("x-policy") == ["m-x-policy-[limit=1,plenty=0,margins=65535 5,levels=0 9]"]


@pytest.mark.parametrize(
    "arguments", [b"", struct.pack("<HH", 0, 1), struct.pack("<HHH", 0, 0, 1) + b"\0", struct.pack("<HHHH", 0, 0, 1, 0)]
)
def test_a_malformed_policy_frame_changes_nothing(firmware, device, arguments):
    assert device.ask(POLICY, arguments).status == MALFORMED
    assert infer(firmware, device, 0)[1] == firmware.made.exits[0]


@pytest.mark.parametrize(
    "word", [(0, 0, 3), (0, 9, 65535), (1, 2, 1), (1, 65535, 1), (2, 2, 1), (4, 0, 0), (65535, 0, 0)]
)
def test_a_word_for_an_exit_that_is_not_there_is_refused(firmware, device, word):
    assert device.ask(POLICY, struct.pack("<HHH", *word)).status == REFUSED
    assert infer(firmware, device, 0)[1] == firmware.made.exits[0]
    assert device.ask(POLICY, struct.pack("<HHH", 0, 7, 2)).status == OK  # of a limit the exit's number says nothing


def test_the_policy_as_text(firmware, client):
    policy = halves(firmware.made.prepared)
    margins = " ".join(map(str, policy.margins))
    assert client.send("x-policy") == [f"m-x-policy-[limit=2,plenty=0,margins={margins},levels=0 0]"]
    assert client.send("x-limit 1") == [f"m-x-policy-[limit=1,plenty=0,margins={margins},levels=0 0]"]
    assert client.send("x-margin 1 65535") == [
        f"m-x-policy-[limit=1,plenty=0,margins={policy.margins[0]} 65535,levels=0 0]"
    ]
    assert client.send("x-margin  0   12 ") == ["m-x-policy-[limit=1,plenty=0,margins=12 65535,levels=0 0]"]
    assert client.send("x-level 0 4095") == ["m-x-policy-[limit=1,plenty=0,margins=12 65535,levels=4095 0]"]
    assert client.send("x-plenty 3480") == ["m-x-policy-[limit=1,plenty=3480,margins=12 65535,levels=4095 0]"]
    assert client.send("x-plenty 0") == ["m-x-policy-[limit=1,plenty=0,margins=12 65535,levels=4095 0]"]


def test_wrong_words_change_nothing(client):
    before = client.send("x-policy")
    for command in (
        "x-limit", "x-limit ", "x-limit 3", "x-limit 65536", "x-limit 99999999999", "x-limit -1", "x-limit 1 1",
        "x-limit one", "x-limit 1x", "x-margin", "x-margin 0", "x-margin 2 1", "x-margin 0 65536", "x-margin 0 1 2",
        "x-margin a 1", "x-margin 0 b", "x-margin 65536 1", "x-level 0 -1", "x-level 2 0", "x-level 0", "x-level 0 1 x",
    ):  # fmt: skip
        assert client.send(command) == [WRONG], command
    for command in ("x-policy 1", "x-limits 1", "x-best 0", "x-margins", "X-LIMIT 1"):
        assert client.send(command) == [f"e-[Unknown command: {command}]"]
    assert client.send("x-policy") == before


def test_results_name_their_exit(firmware, client):
    samples = [int(np.flatnonzero(firmware.made.exits == number)[0]) for number in range(3)]
    assert client.send("x-best") == [NOTHING]
    for number, sample in enumerate(samples):
        assert client.load(firmware.made.words[sample].astype("<i2").tobytes()) == ["m-load-done"]
        client.send("infer 1")
        results, taken = client.send("results")
        assert taken == f"m-x-exit-[{number}]"
        printed = [float(text) for text in results.removeprefix("m-results-[").removesuffix("]").split(",")]
        scale = firmware.made.prepared.program.scale("exit_answer")
        assert np.abs(np.array(printed) - firmware.scores[number][sample] * scale).max() <= 0.5e-4
        best = client.send("x-best")
        assert best == [f"m-x-best-[exit={number},{results.removeprefix('m-results-[')}"]


def test_the_benchmarks_commands_are_what_they_are_without_exits(firmware, client):
    assert client.name() == f"sparsecomp-{firmware.hash[:8]}"
    assert len(client.send("profile")) == 2 and len(client.send("timestamp")) == 1
    assert client.load(firmware.made.words[0].astype("<i2").tobytes()) == ["m-load-done"]
    once = client.infer("infer 2 1")
    assert len(once.results) == firmware.classes
    scale = firmware.made.prepared.program.scale("exit_answer")
    expected = firmware.scores[firmware.made.exits[0]][0] * scale
    assert np.abs(np.array(once.results) - expected).max() <= 0.5e-4

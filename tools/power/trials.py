"""What runtime and host port promise beside the inference itself, tried on built processes, one promise a trial."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sparsecomp_tools.power.bench import Bench, run_process

SLOW_SECONDS = 0.4  # of a whole stream slowed down, however many writes it has


def _failed(done: subprocess.CompletedProcess[str], code: int, message: str) -> bool:
    last = (done.stderr.splitlines(keepends=True) or [""])[-1]
    return done.returncode == code and last.startswith("error: ") and last.endswith("\n") and message in last


def _unanswered(bench: Bench, fram: str) -> Path:
    """A FRAM file whose result for input 0 waits, because the world could not take it."""
    (bench.folder / f"{fram}-full").symlink_to("/dev/full")
    bench.run(fram, f"{fram}-full")
    return bench.folder / fram


def answers_and_resumes(bench: Bench) -> bool:
    """Answers every input, keeps them at a second start, and counts its boots."""
    first, taken = bench.run("a", "a.out"), bench.folder / "a.out"
    good = first.returncode == 0 and first.stderr == "boot 1\n" and taken.read_bytes() == bench.records()
    second = bench.run("a", "a.out")
    return good and second.returncode == 0 and second.stderr == "boot 2\n" and taken.read_bytes() == bench.records()


def drops_a_torn_answer(bench: Bench) -> bool:
    """A part of a record is no answer: it is taken away, and the inference goes on from there."""
    taken = bench.folder / "torn.out"
    taken.write_bytes(bench.records(1) + b"\x01\x00\x00")
    done = bench.run("torn", "torn.out")
    return done.returncode == 0 and taken.read_bytes() == bench.records()


def takes_the_same_answer_twice(bench: Bench) -> bool:
    """A result that waits is taken by the next start, also where the world has it already."""
    full = bench.run("twice", "twice-none/x")
    _unanswered(bench, "twice")
    (bench.folder / "twice.out").write_bytes(bench.records(1))
    done = bench.run("twice", "twice.out")
    return (
        full.returncode == 2 and done.returncode == 0 and (bench.folder / "twice.out").read_bytes() == bench.records()
    )


def acknowledges_the_last_answer(bench: Bench) -> bool:
    """Also where the world has every answer, the result that waits is acknowledged: the next run begins idle."""
    _unanswered(bench, "last")
    one = bench.folder / "last.in"
    one.write_bytes(bench.inputs.read_bytes()[: bench.inputs.stat().st_size // len(bench.answers)])
    (bench.folder / "last.out").write_bytes(bench.records(1))
    before = (bench.folder / "last").read_bytes()
    done = bench.run("last", "last.out", inputs=one)
    return done.returncode == 0 and (bench.folder / "last").read_bytes() != before


def reports_a_different_answer(bench: Bench) -> bool:
    """A second answer to one input that differs in a bit is a mismatch, and nothing is overwritten."""
    _unanswered(bench, "differs")
    wrong = bytearray(bench.records(1))
    wrong[-1] ^= 0x80
    (bench.folder / "differs.out").write_bytes(wrong)
    done = bench.run("differs", "differs.out")
    return (
        _failed(done, 5, "second, different answer to input 0") and (bench.folder / "differs.out").read_bytes() == wrong
    )


def reports_an_answer_not_offered(bench: Bench) -> bool:
    """A result for input 1 before input 0 was answered is a mismatch."""
    _unanswered(bench, "early")
    stopped = bench.run("early", "early.out", limit=len(bench.records(1)))
    (bench.folder / "early.out").write_bytes(b"")
    return _failed(stopped, 4, "cannot append") and _failed(
        bench.run("early", "early.out"), 5, "input 1, which was not"
    )


def reports_a_full_disk(bench: Bench) -> bool:
    """An answer that cannot be written ends the process; so does a FRAM file that cannot, and none is left."""
    (bench.folder / "full-full").symlink_to("/dev/full")
    answer = bench.run("full", "full-full")
    image = bench.run("none", "none.out", limit=5000)
    return (
        _failed(answer, 4, "cannot append")
        and _failed(image, 4, "cannot write")
        and not (bench.folder / "none").exists()
    )


def reports_what_the_system_refuses(bench: Bench) -> bool:
    """A mapping that fails, a record that is not there, an answers file that cannot be repaired."""
    sealed = os.memfd_create("answers", os.MFD_ALLOW_SEALING)
    try:
        os.write(sealed, b"\0")
        fcntl.fcntl(sealed, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        repair = bench.run("sealed", f"/proc/self/fd/{sealed}", keep=(sealed,))
    finally:
        os.close(sealed)
    return (
        _failed(repair, 4, "cannot resume")
        and _failed(bench.ask("any", "nomap"), 4, "cannot map")
        and _failed(bench.ask("inputs", "norecord"), 4, "cannot read record")
    )


def refuses_foreign_fram(bench: Bench) -> bool:
    """A file with another header, too short or too long is not this model's FRAM, and stays as it is."""
    bench.run("own", "own.out")
    content = (bench.folder / "own").read_bytes()
    words = [content[i : i + 4] for i in range(0, 24, 4)]
    variants = [content[:4], content[:-4096], content + bytes(4096)]
    for i in range(6):
        changed = [*words[:i], bytes([words[i][0] ^ 1]) + words[i][1:], *words[i + 1 :]]
        variants.append(b"".join(changed) + content[24:])
    good = True
    for i, variant in enumerate(variants):
        path = bench.folder / f"foreign{i}"
        path.write_bytes(variant)
        done = bench.run(path.name, "foreign.out")
        good = good and _failed(done, 2, "is not the FRAM of this model") and path.read_bytes() == variant
    return good


def knows_its_model(bench: Bench) -> bool:
    """The second word of the FRAM file is the model's hash, where it has one."""
    bench.run("hash", "hash.out")
    return bench.about()[0] == int.from_bytes((bench.folder / "hash").read_bytes()[4:8], "little")


def works_without_standard_input(bench: Bench) -> bool:
    """At a first boot, at a later one, and with data files that anybody but programs may use as usual."""
    runs = [bench.run("closed", "closed.out", closed=True) for _ in range(2)]
    modes = [(bench.folder / name).stat().st_mode & 0o111 for name in ("closed", "closed.out")]
    right = (bench.folder / "closed.out").read_bytes() == bench.records()
    right = right and bench.ask("closed2", "protocol", closed=True).stdout == "kept\n"
    return right and [done.returncode for done in runs] == [0, 0] and modes == [0, 0]


def creates_fram_at_once(bench: Bench) -> bool:
    """The file appears complete under its name, and a leftover of a killed first boot does no harm."""
    (bench.folder / "fresh.new").write_bytes(b"x" * 1_000_000)
    done = bench.run("fresh", "fresh.out")
    content = (bench.folder / "fresh").read_bytes()
    return done.returncode == 0 and not (bench.folder / "fresh.new").exists() and len(content) < 1_000_000


def refuses_bad_arguments(bench: Bench) -> bool:
    """Missing files, torn inputs, wrong options: one line each."""
    torn = bench.folder / "bad.in"
    torn.write_bytes(bench.inputs.read_bytes()[:-2])
    (bench.folder / "directory").mkdir()
    return (
        _failed(bench.run("b", "b.out", inputs=bench.folder / "nowhere"), 2, "nowhere: No such file")
        and _failed(bench.run("b", "b.out", inputs=torn), 2, "not made of inputs")
        and _failed(bench.run("b", "directory"), 2, "cannot open")
        and _failed(bench.run("none/b", "b.out"), 4, "cannot create")
        and _failed(bench.run("directory", "b.out"), 4, "cannot open")
        and _failed(bench.run("b", "b.out", "--fast", "1"), 2, "unknown option --fast")
        and _failed(bench.run("b", "b.out", "--slow"), 2, "usage")
        and _failed(run_process([bench.host, bench.folder / "b", bench.inputs]), 2, "usage")
        and _failed(bench.run("b", "b.out", "--dump", str(bench.folder / "none" / "x")), 2, "cannot write")
    )


def slows_down(bench: Bench) -> bool:
    """--slow spends at least that long before each write."""
    pause = int(SLOW_SECONDS * 1e9) // bench.writes
    start = time.monotonic()
    done = bench.run("slow", "slow.out", "--slow", str(pause))
    return done.returncode == 0 and time.monotonic() - start >= bench.writes * pause * 1e-9


def dumps_every_layer(bench: Bench) -> bool:
    """--dump gives every layer of every inference once, in order, the answer last."""
    done = bench.run("dump", "dump.out", "--slow", "1", "--dump", str(bench.folder / "dump.bin"))
    content, layers, at, view = (bench.folder / "dump.bin").read_bytes(), [], 0, b""
    while at < len(content):
        layer, words = np.frombuffer(content, np.uint16, 2, at).tolist()
        layers.append(layer)
        view = content[at + 4 : at + 4 + 2 * words]
        at += 4 + 2 * words
    count = bench.about()[1]
    last = len(view) > 0 and view in bench.answers[-1]
    return done.returncode == 0 and last and layers == list(range(count)) * len(bench.answers)


def keeps_the_protocol(bench: Bench) -> bool:
    """Every call returns what runtime.h says, in every state."""
    return bench.ask("protocol", "protocol").stdout == "kept\n" and bench.ask("unmapped", "unmapped").stdout == "kept\n"


def reports_faults(bench: Bench) -> bool:
    """Stores past nvm.h and reads of the diagnostic area are named; other faults stay what they are."""
    past = "past the persistent objects"
    return (
        _failed(bench.ask("f", "outside"), 5, past)
        and _failed(bench.ask("f", "below"), 5, past)
        and _failed(bench.ask("f", "odd"), 5, past)
        and _failed(bench.ask("f", "store"), 5, "past nvm.h")
        and _failed(bench.ask("f", "last"), 5, "past nvm.h")
        and _failed(bench.ask("f", "diag"), 5, "diagnostic area")
        and bench.ask("f", "fault").returncode == -signal.SIGSEGV
    )


TRIALS: tuple[Callable[[Bench], bool], ...] = (
    keeps_the_protocol,
    answers_and_resumes,
    drops_a_torn_answer,
    takes_the_same_answer_twice,
    acknowledges_the_last_answer,
    reports_a_different_answer,
    reports_an_answer_not_offered,
    reports_a_full_disk,
    reports_what_the_system_refuses,
    refuses_foreign_fram,
    knows_its_model,
    works_without_standard_input,
    creates_fram_at_once,
    refuses_bad_arguments,
    slows_down,
    dumps_every_layer,
    reports_faults,
)


def broken_promise(bench: Bench) -> str:
    """The name of the first trial that fails; nothing where every promise is kept."""
    return next((trial.__name__ for trial in TRIALS if not trial(bench)), "")

"""The same session gives the same cycles, energy and restarts however slow the host is."""

import os
import random
import select
import time

import machine_code as mc
import pytest
from machine_code import ABS, ADD, BIC, BIS, CONST, IMM, MOV, SR, B, R
from test_serial import ECHO, RXBUF, SEGMENTS, START, UCA0, Host

from sparsecomp_tools.virtual_board import Failure, Supply, VirtualBoard, build
from sparsecomp_tools.virtual_board.building import cache_folder

TEXT = b"the quick brown fox jumps over the lazy dog; " * 3

# After each byte it works for some 1000 cycles, so that a small charge ends anywhere, also while a byte arrives.
WORK = [
    mc.two(MOV, ABS(RXBUF), R(5), B),
    mc.two(MOV, R(5), R(7)),
    mc.many_shift(mc.RLAM, 2, 7),
    mc.two(mc.SUB, CONST(1), R(7)),
    mc.jump(mc.JNZ, -2),
    mc.two(ADD, CONST(1), ABS(0x9000)),
    mc.two(MOV, R(5), ABS(0x5CE), B),
    mc.RETI,
]


@pytest.fixture
def worker(tmp_path):
    path = tmp_path / "worker.elf"
    segments = {0x4000: mc.program(mc.HOLD_WATCHDOG, *ECHO), 0x5000: mc.program(*WORK), 0xFFF0: b"\x00\x50"}
    path.write_bytes(mc.elf({**segments, 0x9000: bytes(2)}))
    return path


def drain(file, patience, enough=None):
    data = b""
    while len(data) != enough and select.select([file], [], [], patience)[0]:
        data += os.read(file, 100)
    return data


def session(elf, seed, *, enough=None, **options):
    """Writes TEXT in pieces with pauses that ``seed`` decides; the result and what came back.

    Where it is known how much is ``enough``, silence does not end it: a busy machine may keep the board waiting.
    """
    chance = random.Random(seed)
    with VirtualBoard("msp430fr5994", elf, **options) as board:
        host = Host(board.port)
        rest, answer = TEXT, b""
        while rest:
            size = chance.randrange(1, 6) if seed else len(rest)
            os.write(host.file, rest[:size])
            rest = rest[size:]
            if seed and chance.random() < 0.5:
                time.sleep(chance.random() * 0.01)
                answer += drain(host.file, 0)
        answer += drain(host.file, 0.3) if enough is None else drain(host.file, 30, enough - len(answer))
        os.close(host.file)
        return board.stop(), answer


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"host_latency_us": 750},
        {"supply": Supply(0.5, 300)},
        {"supply": Supply(0.3, 100), "host_latency_us": 100},
        {"failures": [Failure("every_cycles", 3_011)]},
    ],
)
def test_a_slow_host_changes_nothing(worker, options):
    first, answer = session(worker, 0, **options)
    for seed in (1, 2, 3):
        again, text = session(worker, seed, **options)
        assert (again, text) == (first, answer)
    assert first.stopped == "interrupted"
    if "supply" in options or "failures" in options:
        assert first.power_failures > 3 and first.boots == first.power_failures + 1
        assert len(answer) < len(TEXT)
        assert (first.lost_bytes > 0) == ("supply" in options)  # no cycle passes while a byte arrives
    else:
        assert answer == TEXT


def test_the_hosts_latency_is_paid_once_an_answer(worker):
    """All of TEXT is a conversation byte by byte: the device answers each, so each is an answer of the host's."""
    plain, _ = session(worker, 0)
    slow, _ = session(worker, 0, host_latency_us=1000)
    assert slow.picoseconds - plain.picoseconds == len(TEXT) * 10**9
    assert slow.ledger["sleep"] > plain.ledger["sleep"] and slow.ledger["core"] == plain.ledger["core"]


def test_bytes_wait_until_the_device_listens_again(worker):
    """The device fails while it works on the first byte; the second was not taken yet and is not lost."""
    with VirtualBoard("msp430fr5994", worker, failures=[Failure("cycle", 500)]) as board:
        host = Host(board.port)
        os.write(host.file, b"ab")
        assert drain(host.file, 0.5) == b"b"
        os.close(host.file)
        result = board.stop()
    assert result.power_failures == 1 and result.lost_bytes == 0


def test_a_device_with_a_running_timer_hears_the_host_after_a_second(tmp_path):
    """Its overflows go on; the host is waited for once nothing else has happened for a second of virtual time."""
    code = [mc.HOLD_WATCHDOG, *START, mc.two(MOV, CONST(1), ABS(UCA0 + 0x1A)), mc.two(MOV, IMM(0x222), ABS(0x340)),
            mc.two(BIS, IMM(0x18), R(SR)), mc.HALT]  # fmt: skip
    tick = mc.program(mc.two(BIC, CONST(1), ABS(0x340)), mc.RETI)
    path = tmp_path / "ticking.elf"
    path.write_bytes(mc.elf({0x4000: mc.program(*code), **SEGMENTS, 0x5100: tick, 0xFFE8: b"\x00\x51"}))
    results = []
    for pause in (0, 0.05):
        with VirtualBoard("msp430fr5994", path) as board:
            host = Host(board.port)
            time.sleep(pause)
            assert host.ask(b"ab", pause) == b"AB"
            drain(host.file, 0.2)
            os.close(host.file)
            results.append(board.stop())
    assert results[0] == results[1] and 2 < results[0].seconds < 4


def test_a_host_that_does_not_read_loses_nothing(tmp_path):
    """The device sends 200,000 bytes, far more than a pseudo-terminal holds."""
    code = [mc.HOLD_WATCHDOG, *START, mc.two(MOV, IMM(50_000), R(6)),
            mc.two(mc.BIT, CONST(2), ABS(0x5DC)), mc.jump(mc.JZ, -3), mc.two(MOV, R(6), ABS(0x5CE), B),
            mc.two(mc.SUB, CONST(1), R(6)), mc.jump(mc.JNZ, -7), mc.two(BIS, IMM(0x18), R(SR)), mc.HALT]  # fmt: skip
    path = tmp_path / "talker.elf"
    path.write_bytes(mc.elf({0x4000: mc.program(*code)}))
    expected = bytes(n & 0xFF for n in range(50_000, 0, -1))
    with VirtualBoard("msp430fr5994", path) as board:
        host = Host(board.port)
        time.sleep(0.3)
        data = b""
        while len(data) < len(expected) and select.select([host.file], [], [], 5)[0]:
            data += os.read(host.file, 1000)
        os.close(host.file)
    assert data == expected
    with VirtualBoard("msp430fr5994", path) as board:  # and it ends although nobody reads
        time.sleep(0.2)
    assert board.stop().stopped == "interrupted"


def test_real_time_is_slower_and_the_same(worker):
    fast, answer = session(worker, 0, host_latency_us=10_000)
    began = time.monotonic()
    paced, text = session(worker, 0, enough=len(answer), host_latency_us=10_000, real_time=True)
    assert (paced, text) == (fast, answer)
    assert time.monotonic() - began > fast.seconds > 1


def test_the_program_is_kept_for_the_next_process(monkeypatch, tmp_path):
    """Under $XDG_CACHE_HOME, complete or not at all; where that cannot be written it is made all the same."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    build.cache_clear()
    try:
        made = build()
        assert made.parent == cache_folder() == tmp_path / "cache/sparsecomp"
        assert [path.name for path in made.parent.iterdir()] == [made.name]
        written = made.stat().st_mtime_ns
        build.cache_clear()
        assert build() == made and made.stat().st_mtime_ns == written
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        build.cache_clear()
        elsewhere = build()
        assert elsewhere.read_bytes() == made.read_bytes() and tmp_path not in elsewhere.parents
    finally:
        build.cache_clear()

"""requantize in C equals its specification: on this computer, and on a machine whose int has 16 bits."""

from itertools import product
from pathlib import Path

import bench
import numpy as np
import pytest
from toolchain import require_msp430

from sparsecomp.arithmetic import SHIFTS, requantize
from sparsecomp_tools.msim import compile_elf, run_elf

SOURCE = Path(__file__).with_name("requantize_main.c")
QUESTION = np.dtype([("acc", "<i4"), ("multiplier", "<u2"), ("shift", "<u2")])
MULTIPLIERS = (0, 1, 2, 3, 127, 128, 255, 256, 257, 16383, 16384, 16385, 32766, 32767)


def questions(random_count: int) -> np.ndarray:
    """Every combination of extreme values, accumulators whose product ties or saturates, and random ones."""
    powers = [sign * (2**k) + d for k in range(32) for sign in (1, -1) for d in (-1, 0, 1)]
    ends = [2**31 - 1 - d for d in range(3)] + [-(2**31) + d for d in range(3)]
    accs = {a for a in powers + ends if -(2**31) <= a < 2**31}
    rows = list(product(accs, MULTIPLIERS, SHIFTS))
    for multiplier, shift in product(MULTIPLIERS[1:], SHIFTS):
        # Around a tie (half of the last place) and around both ends of 16 bits.
        for value in (-32769, -32768, -32767, -385, -2, -1, 0, 1, 2, 385, 32766, 32767, 32768):
            acc = ((2 * value + 1) << (shift - 1)) // multiplier
            rows += [(acc + d, multiplier, shift) for d in (-1, 0, 1) if -(2**31) <= acc + d < 2**31]
    rng = np.random.default_rng(40)
    bits = rng.integers(1, 32, random_count)
    acc = rng.integers(-(2**31), 2**31, random_count) >> (32 - bits)
    noise = zip(acc, rng.integers(0, 32768, random_count), rng.choice(SHIFTS, random_count), strict=True)
    return np.array([*rows, *noise], QUESTION)


def check(asked: np.ndarray, answer: bytes) -> None:
    found = np.frombuffer(answer, "<i2")
    expected = np.zeros(len(asked), np.int64)
    for shift in SHIFTS:
        which = asked["shift"] == shift
        expected[which] = requantize(asked["acc"][which], asked["multiplier"][which], shift)
    assert found.size == expected.size
    wrong = np.flatnonzero(found != expected)
    assert not wrong.size, f"{asked[wrong[0]]}: {found[wrong[0]]} instead of {expected[wrong[0]]}"


def test_the_questions_saturate_tie_and_round_both_ways():
    asked = questions(1000)
    product_ = asked["acc"].astype(np.int64) * asked["multiplier"]
    for shift in SHIFTS:
        mine = product_[asked["shift"] == shift]
        tie = (mine & ((1 << shift) - 1)) == 1 << (shift - 1)
        assert (tie & (mine > 0)).any() and (tie & (mine < 0)).any()
        if shift < 32:
            assert (mine >> shift > 32768).any() and (mine >> shift < -32769).any()


def test_on_this_computer(tmp_path):
    program = bench.compile_host([SOURCE], [bench.FIRMWARE / "include"], tmp_path / "program")
    asked = questions(1_000_000)
    check(asked, bench.run_host(program, asked.tobytes()))


@pytest.mark.parametrize("model", ["small", "large"])
def test_in_the_msp430_simulator(tmp_path, model):
    require_msp430()
    elf = compile_elf([SOURCE], [bench.FIRMWARE / "include"], tmp_path / "program.elf", model=model)
    asked = questions(30_000)
    check(asked, run_elf(elf, asked.tobytes()))

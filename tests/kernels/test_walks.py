"""Kernels in assembly: they take the cycles that plans count with, and no power failure changes what they compute."""

from itertools import product

import bench
import numpy as np
from elementwise_vectors import box
from realistic_vectors import realistic
from toolchain import require_msp430
from values import noise

from sparsecomp.plan.units import item_cycles
from sparsecomp.reference import run, wire_words
from sparsecomp_tools.virtual_board.exploring import build_explored, explore_elf

STARTS = 2000  # cycles of a step that is begun once or twice
LINE = ((0, 0, 1), (0, 0, 1))


def test_cycles_are_as_estimated(tmp_path):
    require_msp430()
    program, board = realistic().program(), bench.board_without_line()
    wrong = []
    for step, cycles in zip(program.steps, bench.layer_cycles(program, tmp_path, board), strict=True):
        estimated = step.items * item_cycles(program, step, board)
        if abs(cycles - estimated) > 0.03 * cycles + STARTS:
            wrong.append(f"{step.name} ({step.source}): {cycles} cycles, {estimated:.0f} estimated")
    assert not wrong, "\n".join(wrong)


def one_of_each() -> bench.Bench:
    """The ways through the walks' code, on tensors small enough to let the power fail at each of their writes."""
    made = bench.Bench()
    raw, x = made.raw(noise(24, 80) & 255, "u8"), made.source(noise(4 * 6 * 3, 81), 4, 6, 3)
    table = noise(257, 82).astype(np.int16)
    for gain, offset, shift, values in ((16384, 0, 8, None), (999, 5, 8, None), (999, 5, 16, None), (0, 0, 8, table)):
        scale = {"gain": gain, "offset": offset, "shift": shift, "scale": 1.0, "zero": 0.0, "table": values}
        made.step("convert", (raw,), made.tensor(1, 1, 24), port=raw, kind="u8", **scale)
    for kernel, pad in (((2, 2), (0, 0)), ((1, 2), (0, 0)), ((3, 3), (1, 1))):
        windows = {"kernel": kernel, "stride": kernel, "pad": pad, "dilation": (1, 1)}
        made.step("max_pool", (x,), made.tensor(2, 2, 3), **windows)
    spans = ((0, 2, 0), (2, 2, 0))
    for multiplier in (16384, 32767):
        scale = {"divisors": np.array([[4]]), "multiplier": np.array([[multiplier]]), "shift": 16}
        made.step("avg_pool", (x,), made.tensor(2, 2, 3), rows=spans, columns=spans, **scale)
    padded = made.tensor(4, 6, 3, halo=(1, 1, 1, 2))
    made.step("add", (x, x), padded, gain_a=256, gain_b=77, shift=8)
    gains = {"gain": 256, "gain_negative": 655, "shift": 8, "shift_negative": 16, "slope": 0.0}
    made.step("rectify", (padded,), made.tensor(4, 6, 3), **gains)
    made.step("lookup", (x,), made.tensor(4, 6, 3), function="f", table=table)
    box(made, x, made.tensor(1, 1, 20), (1, 1, 20), LINE, start=3)
    for scale, steps in product(({"gain": 256, "shift": 8}, {"gain": 99, "shift": 8}), ((18, 3, 1), (2, 12, 3))):
        box(made, x, made.tensor(2, 4, 3), (2, 4, 3), (steps, (12, 3, 1)), **scale)
    return made


def test_failures_anywhere_change_nothing(tmp_path):
    require_msp430()
    made = one_of_each()
    program, board = made.program(), bench.board_without_line()
    directory = bench.write_project(program, made.values, tmp_path / "project", 4, board)
    both = (made.values, [np.flip(values) for values in made.values])
    inputs = [wire_words(program, values)[0] for values in both]
    answers = [list(run(program, values).words(0)) for values in both]
    found = explore_elf(board, build_explored(directory, board, inputs), inputs, answers, schedules=20)
    assert found.exhausted and found.divergences == 0 and found.first is None
    # A unit that is run again writes what it wrote before: no more memory contents than there are writes.
    assert found.states < 2 * sum(found.writes)

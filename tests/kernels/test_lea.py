"""The accelerator's dense layers on the simulated device: equal to the integer reference, whatever the values, the
geometry, how the restart units lie, and how many rows of weights stay in its RAM.
"""

import bench
import mac_vectors
import numpy as np
import pytest
from accelerated import BOARD, accelerated
from toolchain import require_msp430
from values import VECTORS, noise

from sparsecomp.kernels.mac_lea import EXACT, commands_for
from sparsecomp_tools.msim import compare
from sparsecomp_tools.virtual_board import run_elf


def layers(program):
    return [step for step in program.steps if step.attrs.get("lea")]


def pooled() -> bench.Bench:
    """Pools of windows, sums of several commands, odd and long rows, outputs that are single and many."""
    made = bench.Bench()
    rng = np.random.default_rng(50)

    def weight(*shape: int) -> np.ndarray:
        return rng.integers(-127, 128, shape).astype(np.int8)

    image = made.source(noise(8 * 8 * 5, 51), 6, 6, 5, halo=(1, 1, 1, 1))
    scale = {"multiplier": rng.integers(1, 32768, 6), "shift": 24, "bias": rng.integers(-99, 99, 6).astype(np.int8)}
    down, beside = 8 * 5, 5
    for what, pool in (("2 x 2", (2, 2, down, beside)), ("1 x 2", (1, 2, 0, beside)), ("2 x 1", (2, 1, down, 0))):
        mac_vectors.mac(made, image, weight(6, 3, 3, 5), "dense", what=what, pad=1, stride=(2, 2), pool=pool, **scale)
    mac_vectors.mac(made, image, weight(6, 2, 2, 5), "dense", what="apart", dilation=(3, 2), pool=(2, 2, 40, 5),
                    stride=(2, 3), **scale)  # fmt: skip
    x = made.source(noise(931, 52), 1, 1, 931)
    for taps in (257, 512, 700, 931):
        mac_vectors.mac(made, x, weight(6, 1, 1, taps), "dense", what=f"{taps} taps", bias_shift=4, **scale)
    mac_vectors.mac(made, x, weight(6, 1, 1, 300), "dense", what="pool and commands", pool=(2, 2, 200, 100), **scale)
    high = made.source(noise(40 * 12, 53), 1, 40, 12)
    mac_vectors.mac(made, high, weight(9, 1, 3, 12), "dense", what="pixels in a row", multiplier=(9,), shift=16)
    return made


NAMES = {name: VECTORS[name] for name in VECTORS if name.startswith("mac_dense")} | {"pooled": pooled}
ROWS = {"most": lambda n: n, "some": lambda n: min(n, 2), "none": lambda n: 0}


@pytest.mark.parametrize(("items", "rows"), [(1, "some"), (7, "most"), (7, "none"), (64, "some")])
@pytest.mark.parametrize("name", NAMES)
def test_it_equals_the_reference(name, items, rows, tmp_path):
    require_msp430()
    made = NAMES[name]()
    program = accelerated(made.program(), ROWS[rows])
    assert layers(program) or name == "mac_dense_int16_values"
    found = bench.infer_board(program, made.values, tmp_path, items, BOARD)
    assert compare(program, made.values, found, "accelerator") > len(program.steps)


def test_the_accelerator_runs_and_nothing_touches_its_memory_meanwhile(tmp_path, monkeypatch):
    require_msp430()
    results = []
    monkeypatch.setattr(bench, "run_elf", lambda *args, **more: results.append(run_elf(*args, **more)) or results[0])
    made = pooled()
    bench.infer_board(accelerated(made.program()), made.values, tmp_path, 7, BOARD)
    (found,) = results
    assert found.lea_commands > 500
    assert found.lea_conflicts == found.lea_saturations == found.lea_refusals == 0


def test_commands_are_as_few_as_are_provably_exact():
    full = np.full((1, 512), 127)
    assert (commands_for(full, -32768, 32767).commands, commands_for(full, -32768, 32767).command_taps) == (2, 256)
    assert commands_for(full // 2, -32768, 32767).commands == 1
    assert commands_for(full, -100, 100).commands == 1
    assert commands_for(full, 0, 32767).commands == 2 and commands_for(np.full((1, 256), 128), 0, 32767).commands == 1
    assert commands_for(np.full((1, 256), -128), -32768, 0).commands == 2  # 2^30 itself is one too many
    assert commands_for(np.full((1, 2), 32767), -32768, 32767) is None
    odd = commands_for(np.full((3, 259), 127), -32768, 32767)
    assert odd.command_taps % 2 == 0 and odd.commands * odd.command_taps >= 259
    rng = np.random.default_rng(1)
    for taps in (64, 300, 901):
        matrix = rng.integers(-127, 128, (5, taps))
        found = commands_for(matrix, -32768, 32767)
        pieces = [matrix[:, i : i + found.command_taps] for i in range(0, taps, found.command_taps)]
        assert len(pieces) == found.commands
        assert max(np.abs(np.maximum(p * 32767, p * -32768).sum(axis=1)).max() for p in pieces) <= EXACT

"""Feature maps in two pieces of memory, as on a board whose FRAM is cut by the interrupt vectors."""

import networks
import pytest

import sparsecomp
from sparsecomp.boards import load_board
from sparsecomp.frontend import to_module
from sparsecomp_boards import __file__ as boards_file

REGION = '[[regions]]\nname = "{}"\nstart = {:#x}\nsize = {:#x}\nkind = "host"\nuses = ["{}"]\n\n'


@pytest.fixture
def board(tmp_path):
    """The host with two small regions for maps and one for weights, as a TOML file."""
    text = open(boards_file.replace("__init__.py", "host.toml")).read()
    before, rest = text.split("[[regions]]", 1)
    regions = [("a", 0x10000, 0x580, "arena"), ("b", 0x20000, 0x580, "arena"), ("c", 0x30000, 0x8000, "weights")]
    path = tmp_path / "pieces.toml"
    path.write_text(before + "".join(REGION.format(*r) for r in regions) + "[fram]" + rest.split("[fram]", 1)[1])
    assert len(load_board(path).regions) == 3
    return path


@pytest.mark.parametrize("volatile", [False, True])
def test_every_crash_state_of_a_plan_in_two_pieces(volatile, board, tmp_path):
    import torch

    network = networks.residual()
    path = tmp_path / "model.pt"
    sparsecomp.save(to_module(network.graph).eval(), path, torch.zeros(1, *network.graph.shapes["x"]),
                    calibration=network.samples(24, 6), preprocess=network.wire)  # fmt: skip
    result = sparsecomp.explore(path, board=str(board), volatile_input=volatile)
    assert len(result.plan.arenas) == 2
    assert result.exploration.exhausted and result.exploration.divergences == 0

"""A project onto a virtual board: into its memory, and through its boot loader as onto a real one."""

import json
import shutil

import pytest

from sparsecomp.errors import InputError, MismatchError, ToolError
from sparsecomp.flashing import flash, project_board
from sparsecomp_tools.link import Device, open_line
from sparsecomp_tools.virtual_board import VirtualBoard


@pytest.fixture
def project(chain, tmp_path):
    """The chain's project as deploy would leave it."""
    path = tmp_path / "project"
    shutil.copytree(chain.made.directory, path)
    board = chain.made.plan.board
    (path / "plan.json").write_text(json.dumps({"board": {"name": board.name, "sha256": board.sha256}}))
    return path


def answers(chain, port):
    with open_line(port) as line:
        device = Device(line, patience=60)
        device.expect(chain.hash)
        return device.infer(1, chain.made.words[1], chain.outputs)


def test_into_an_image(chain, project, tmp_path):
    done = flash(project, image=tmp_path / "fram")
    assert (done.place, done.runner, done.model_hash) == ("fram", "virtual", chain.hash)
    assert done.lines()[0].startswith("PASS fram") and done.to_json()["report"] == "flash"
    with VirtualBoard("msp430fr5994", None, image=tmp_path / "fram") as board:
        assert answers(chain, board.port) == chain.answer(1)


def test_through_the_boot_loader(chain, project, tmp_path):
    """Erased, written, read back, started, and asked for its hash; then over the old firmware by its password."""
    image = tmp_path / "fram"
    with VirtualBoard("msp430fr5994", None, image=image, bootloader=True) as board:
        done = flash(project, port=board.port, runner="bsl", mass_erase=True)
        assert (done.place, done.runner) == (board.port, "bsl")
        assert answers(chain, board.port) == chain.answer(1)
    with VirtualBoard("msp430fr5994", None, image=image, bootloader=True) as board:
        assert flash(project, port=board.port, runner="bsl", installed=chain.elf).model_hash == chain.hash


def test_the_boot_loader_is_never_given_a_wrong_password(project, tmp_path):
    with (
        VirtualBoard("msp430fr5994", None, image=tmp_path / "fram", bootloader=True) as board,
        pytest.raises(ToolError, match="wants the password"),
    ):
        flash(project, port=board.port, runner="bsl")


def test_another_firmware_that_answers_is_not_taken_for_this_one(chain, project, tmp_path):
    header = project / "model.h"
    header.write_text(header.read_text().replace(f'"{chain.hash}"', '"0123456789abcdef"', 1))
    elf_hash = "0123456789abcdef"
    assert flash(project, image=tmp_path / "one").model_hash == elf_hash
    with VirtualBoard("msp430fr5994", chain.elf) as board, open_line(board.port) as line:
        with pytest.raises(MismatchError, match=f"holds model {chain.hash}, not {elf_hash}"):
            Device(line, patience=60).expect(elf_hash)


def test_what_cannot_be_flashed(project, tmp_path):
    with pytest.raises(InputError, match="no project of ours"):
        project_board(tmp_path)
    with pytest.raises(InputError, match="needs no password"):
        flash(project, port="/dev/null", runner="virtual", mass_erase=True)
    (project / "plan.json").write_text(json.dumps({"board": {"name": "msp430fr5994", "sha256": "0"}}))
    with pytest.raises(InputError, match="made for another"):
        flash(project, image=tmp_path / "fram")
    (project / "plan.json").write_text(json.dumps({"board": {"name": "host", "sha256": "0"}}))
    with pytest.raises(InputError):
        flash(project, image=tmp_path / "fram")
    assert not (tmp_path / "fram").exists()

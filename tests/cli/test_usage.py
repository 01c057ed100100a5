"""Words on the command line: help, wrong options, errors of every kind as one line, a hint and an exit code."""

import errno
import json
import subprocess
import sys

import click
import pytest

from sparsecomp import __version__
from sparsecomp.boards import list_boards
from sparsecomp.cli import VERBS, main
from sparsecomp.cli.command import GuardedCommand
from sparsecomp.errors import DoesNotFitError, MismatchError


def test_help_lists_every_verb(cli):
    result = cli("--help")
    assert result.code == 0 and all(verb in result.out for verb in VERBS)
    assert cli("--version").out.strip() == f"sparsecomp, version {__version__}"
    assert set(VERBS) == set(main.list_commands(click.Context(main)))


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help_and_json(cli, verb):
    result = cli(verb, "--help")
    assert result.code == 0 and result.out.startswith(f"Usage: sparsecomp {verb}")
    if verb not in ("board", "boards"):  # groups of verbs
        assert "--json" in result.out and "--debug" in result.out


def test_deploy_has_the_documented_options(cli):
    text = cli("deploy", "--help").out
    for option in (
        "--board -o --until --calibrate --data --numeric --encoding --weights --volatile-input --arch --input-shape "
        "--trust-pickle --json --debug"
    ).split():
        assert option in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["deploi"], "No such command 'deploi'"),
        (["deploy"], "Missing argument 'MODEL.PT'"),
        (["deploy", "m.pt", "--encoding", "zip"], "'zip' is not one of"),
        (["deploy", "m.pt", "--boards", "host"], "No such option"),
        (["deploy", "m.pt", "--input-shape", "1,x"], "'1,x' is no shape of one sample"),
        (["deploy", "m.pt", "--input-shape", "0,8,8"], "'0,8,8' is no shape of one sample"),
        (["simulate", "m.pt", "--failures", "-1"], "is not in the range"),
        (["boards", "show"], "Missing argument"),
    ],
)
def test_usage_errors(cli, words, said):
    cli(*words).refused(2, said, "--help")


def test_nothing_typed_shows_the_help(cli):
    result = cli()
    assert result.code == 2 and "deploy" in result.out


def test_boards_list(cli):
    result = cli("boards", "list")
    assert result.code == 0 and [line.split()[0] for line in result.out.splitlines()[1:]] == list(list_boards())
    document = json.loads(cli("boards", "list", "--json").out)
    assert (document["report"], document["version"]) == ("boards", 1)
    assert [board["name"] for board in document["boards"]] == list(list_boards())


@pytest.mark.parametrize("name", list_boards())
def test_boards_show(cli, name):
    result = cli("boards", "show", name)
    assert result.code == 0 and result.out.startswith(f"{name}: ") and "cycles" in result.out
    document = json.loads(cli("boards", "show", name, "--json").out)
    assert document["report"] == "board" and document["name"] == name and document["regions"]


def test_unknown_and_malformed_boards(cli, tmp_path):
    cli("boards", "show", "msp430fr594").refused(2, "unknown board 'msp430fr594'", "msp430fr5994")
    (tmp_path / "mine.toml").write_text('name = "x"\nmcu = \n')
    result = cli("boards", "show", tmp_path / "mine.toml", "--json")
    result.refused(2, "mine.toml, line 2")
    document = json.loads(result.out)
    assert document["report"] == "error" and document["exit_code"] == 2 and "line 2" in document["message"]


def failing(error: BaseException) -> click.Command:
    @click.command(cls=GuardedCommand)
    @click.option("--debug", is_flag=True)
    def fail(debug: bool) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (DoesNotFitError("fc1 needs 9 B", "prune it"), 3, ["error: fc1 needs 9 B", "hint: prune it"]),
        (MismatchError("conv1 differs", "report it"), 5, ["error: conv1 differs"]),
        (OSError(errno.ENOSPC, "x", "/disk/a"), 4, ["/disk/a: no space left on device", "free some space"]),
        (PermissionError(errno.EACCES, "x", "/disk/a"), 4, ["/disk/a: permission denied", "may write to"]),
        (OSError(errno.EIO, "x"), 4, ["unexpected OSError", "--debug"]),
        (MemoryError(), 4, ["not enough memory"]),
        (KeyError("conv1"), 4, ["unexpected KeyError: 'conv1'", "run again with --debug"]),
        (ValueError("one\ntwo"), 4, ["error: unexpected ValueError: one\n"]),
    ],
)
def test_every_exception_becomes_a_line_a_hint_and_a_code(capsys, error, code, said):
    with pytest.raises(SystemExit) as ended:
        failing(error).main([])
    text = capsys.readouterr().err
    assert ended.value.code == code and len(text.splitlines()) == 2 and all(word in text for word in said)


def test_debug_shows_the_traceback(capsys):
    with pytest.raises(SystemExit) as ended:
        failing(KeyError("conv1")).main(["--debug"])
    text = capsys.readouterr().err
    assert ended.value.code == 4 and "Traceback" in text and "unexpected KeyError: 'conv1'" in text


def test_interrupting_is_no_crash(capsys):
    with pytest.raises(SystemExit) as ended:
        failing(KeyboardInterrupt()).main([])
    assert ended.value.code == 130 and "Traceback" not in capsys.readouterr().err


def test_a_reader_that_leaves_early_is_no_error():
    command = f"{sys.executable} -m sparsecomp.cli boards list | head -c 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    assert done.stdout == "b" and "Traceback" not in done.stderr and "Exception" not in done.stderr

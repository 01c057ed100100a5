"""Terminal style: colour only on terminals that want it, progress for people and for logs."""

import io

import pytest

from sparsecomp.cli import style


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("line", "colour"),
    [
        ("FITS msp430fr5994", "32"),
        ("TIGHT host", "33"),
        ("DOES NOT FIT msp430fr5969", "31"),
        ("PASS 1000 failures", "32"),
        ("  FAIL conv1", "31"),
    ],
)
def test_verdicts_are_coloured(line, colour):
    painted = style.paint(line)
    assert f"\x1b[{colour}m" in painted and painted != line
    assert painted.endswith(line.split(maxsplit=1)[1].split()[-1])


def test_other_lines_are_left_alone():
    assert style.paint("conv1 FITS well") == "conv1 FITS well"


@pytest.mark.parametrize(
    ("env", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)]
)
def test_colour_is_for_terminals_that_want_it(monkeypatch, env, coloured):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    style.show_lines(["PASS all"])
    assert ("\x1b[" in terminal.getvalue()) == coloured and "PASS" in terminal.getvalue()
    pipe = io.StringIO()
    monkeypatch.setattr("sys.stdout", pipe)
    style.show_lines(["PASS all"])
    assert pipe.getvalue() == "PASS all\n"


def test_an_error_is_one_line_whatever_it_says(capsys):
    style.show_error("two\n lines", "and a\thint")
    assert capsys.readouterr().err == "error: two lines\nhint: and a hint\n"


def test_a_table_is_aligned():
    rows = [("layer", "bytes"), ("conv1", "7"), ("fc", "1,234")]
    assert style.table(rows, frozenset({1})) == ["layer  bytes", "conv1      7", "fc     1,234"]


def test_progress_in_a_log_is_a_line_for_each_ten_percent():
    log = io.StringIO()
    progress = style.Progress(log)
    for done in range(1001):
        progress("failures", done, 1000)
    lines = log.getvalue().splitlines()
    assert [line.split(": ")[1].split()[0] for line in lines] == [f"{n}%" for n in range(0, 101, 10)]
    assert "\r" not in log.getvalue() and "took" in lines[-1]
    progress("next", 1, 1)
    assert log.getvalue().splitlines()[-1].startswith("next: 100%")


def test_progress_on_a_terminal_is_one_bar(monkeypatch):
    monkeypatch.delenv("TERM", raising=False)
    terminal = Terminal()
    progress = style.Progress(terminal)
    for done in range(11):
        progress("failures", done, 10)
    assert terminal.getvalue().count("\n") == 1 and "[####" in terminal.getvalue() and "took" in terminal.getvalue()

"""The log of an accuracy run: it goes on after a kill, and never mixes two runs."""

import json

import pytest

from sparsecomp.errors import InputError
from sparsecomp_tools.accuracy import Log, Record

RUN = {"model_hash": "0123456789abcdef", "data_hash": "feed", "samples": 5}


def filled(path, count):
    log = Log(path, **RUN)
    for index in range(count):
        log.add(Record(index, bytes([index, 0xFF]).hex(), "virtual", index % 2))
    log.close()


def test_a_second_run_finds_what_the_first_has_written(tmp_path):
    path = tmp_path / "log"
    filled(path, 3)
    log = Log(path, **RUN)
    assert sorted(log.records) == [0, 1, 2]
    assert log.records[1] == Record(1, "01ff", "virtual", 1)
    log.add(Record(4, "00", "other", 0))
    log.close()
    assert sorted(Log(path, **RUN).records) == [0, 1, 2, 4]


@pytest.mark.parametrize("cut", [1, 2, 20])
def test_a_line_that_was_cut_is_written_again(cut, tmp_path):
    path = tmp_path / "log"
    filled(path, 3)
    path.write_bytes(path.read_bytes()[:-cut])
    log = Log(path, **RUN)
    assert sorted(log.records) == [0, 1]
    log.add(Record(2, "02", "virtual", 0))
    log.close()
    lines = path.read_text().splitlines()
    assert [json.loads(line)["index"] for line in lines[1:]] == [0, 1, 2]


@pytest.mark.parametrize(("key", "value"), [("model_hash", "other"), ("data_hash", "other"), ("samples", 6)])
def test_the_log_of_another_run_is_refused(key, value, tmp_path):
    filled(tmp_path / "log", 1)
    before = (tmp_path / "log").read_bytes()
    with pytest.raises(InputError, match="is of another run"):
        Log(tmp_path / "log", **(RUN | {key: value}))
    assert (tmp_path / "log").read_bytes() == before


@pytest.mark.parametrize("content", ["hello\n", "[1]\n", '{"log": "x"}\n', "\xff\n"])
def test_what_is_no_log_is_refused_and_kept(content, tmp_path):
    path = tmp_path / "log"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match="line 1"):
        Log(path, **RUN)
    assert path.read_bytes() == content.encode("latin-1")


@pytest.mark.parametrize(
    "line",
    [
        '{"index": 9, "answer": "00", "port": "p", "restarts": 0}',
        '{"index": 1}',
        "{",
        '{"index": 1, "answer": "xy", "port": "p", "restarts": 0}',
    ],
)
def test_a_spoilt_line_is_named(line, tmp_path):
    path = tmp_path / "log"
    filled(path, 1)
    with open(path, "a") as file:
        file.write(line + "\n")
    with pytest.raises(InputError, match="line 3"):
        Log(path, **RUN)

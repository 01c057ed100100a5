"""Whatever comes over the line, the next command is answered and nothing resets."""

import random
import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from mlperf_board import SLACK, real, started, wire

from sparsecomp_tools.link.frames import encode

ONE_START = ["m-x-stats-[power=1,reset=0,forced=0,watchdog=0,other=0]"]
WORDS = [
    *("name", "profile", "timestamp", "help", "db", "db load", "db load 144", "db 00ff", "db print", "infer"),
    *(
        "infer 1 0",
        "infer 2 1",
        "results",
        "x-stats",
        "x-model",
        "x-layers",
        "x-stack",
        "%",
        "\r\n",
        " ",
        "-",
        "m-ready",
    ),
]
PRINTABLE = "".join(map(chr, range(0x20, 0x7F))) + "\r\n"
KINDS = [kind for kind in range(0x80, 0x100) if kind != 0x87]  # that one is asked to reset the device


def text(chance):
    kind = chance.random()
    if kind < 0.4:
        return chance.choice(WORDS).encode() + chance.choice([b"%", b"%", b""])
    length = chance.choice([1, 5, 40, 79, 80, 81, 141, 142, 143, 144, 145, 400])
    line = bytes(ord(chance.choice(PRINTABLE)) for _ in range(length))
    # Noise as the second byte would look like the beginning of a frame.
    return line + b"%" if kind < 0.9 else line.replace(b"%", b"#") + b"#" + bytes([chance.randrange(1, 256)]) + b"%"


def frame(chance):
    content = bytes([chance.choice(KINDS)]) + chance.randbytes(chance.choice([0, 1, 4, 6, 60, 137]))
    whole = encode(content)
    cut = whole[: chance.randrange(1, len(whole))]
    noise = chance.randbytes(chance.choice([1, 10, 300])).replace(b"%", b"#")
    return chance.choice([whole, whole, cut + b"\0", whole.replace(b"\0", b"\1")[:-1] + b"\0", noise + b"\0"])


def quiet(client):
    """Reads until nothing more comes."""
    heard = b""
    while more := client.port.read(4096):
        heard += more
    return heard


def recovered(client, name):
    """Ends whatever was begun and asks for the name, again where the answer stays away."""
    answer = f"m-name-dut-[{name}]\r\nm-ready\r\n".encode()
    for _ in range(3):
        client.port.write(b"%name%")
        end, heard = time.monotonic() + 2 * SLACK, b""
        while time.monotonic() < end:
            heard += client.port.read(max(1, client.port.in_waiting))
            if heard.endswith(answer):
                return True
    return False


@pytest.mark.parametrize("pieces", [(text,), (text, frame)])
@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_sent_the_name_is_answered(pieces, seed, chain):
    chance = random.Random(seed)
    with started(chain) as (board, client):
        name = client.name()
        for _ in range(25):
            for _ in range(chance.randrange(1, 4)):
                client.port.write(chance.choice(pieces)(chance))
                quiet(client)
            assert recovered(client, name)
            quiet(client)
            assert client.name() == name
        assert client.send("x-stats") == ONE_START
        assert client.load(wire(chain, 0)) == ["m-load-done"]
        assert np.allclose(client.infer("infer 1 0").results, real(chain, 0), rtol=0, atol=0.5001e-4)
        assert board.stop().resets == 1


def test_noise_spoils_one_command_at_most(chain):
    with started(chain) as (_, client):
        client.port.write(b"\xff")
        assert client.send("name") == ["e-[Unknown command: ?name]"]
        assert client.name() and client.send("na\x7fme") == ["e-[Unknown command: na?me]"]
        assert client.name()


def test_what_begins_like_a_frame_and_is_none_ends_where_no_frame_is_so_long(chain):
    with started(chain) as (_, client):
        client.port.write(b"\x05\x80" + b"name%" * 40)
        assert client.lines() == ["e-[Too long a command]"]
        assert client.lines()[0].startswith("m-name-dut-[")

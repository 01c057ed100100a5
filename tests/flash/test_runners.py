"""The runners of external tools, with fakes in place of the tools: they need hardware. Their arguments are recorded."""

import shutil
from dataclasses import replace
from importlib.resources import files

import pytest

from sparsecomp.boards import load_board, parse_board
from sparsecomp.errors import InputError, ToolError
from sparsecomp_tools.flash import RUNNERS, PortInfo, VirtualRunner, choose, choosing, fram_segments, mspdebug
from sparsecomp_tools.flash.runner import complaint, fill, hint_for, version_in
from sparsecomp_tools.flash.titext import from_titext
from sparsecomp_tools.virtual_board import run_elf

# What the version line of mspdebug looks like, and a memory that `prog` fills and `save_raw` reads. A liar says that
# it has done both.
MSPDEBUG = """
from elftools.elf.elffile import ELFFile
VERSION, LIES, FAILS = {version!r}, {lies!r}, {fails!r}
print("MSPDebug version %s - debugging tool for MSP430 MCUs" % VERSION)
print("Copyright (C) 2009-2013 Daniel Beer <dlbeer@gmail.com>")
if arguments == ["--version"]:
    sys.exit(0)
if FAILS:
    print(FAILS)
    sys.exit(255)
memory = bytearray(b"\\xff" * 0x44000)
for command in arguments[arguments.index("tilib") + 3:]:
    words = command.split()
    if words[0] == "prog" and not LIES:
        for segment in ELFFile(open(words[1], "rb")).iter_segments("PT_LOAD"):
            memory[segment["p_paddr"] : segment["p_paddr"] + segment["p_filesz"]] = segment.data()
    elif words[0] == "save_raw":
        start, count = int(words[1], 16), int(words[2])
        open(words[3], "wb").write(memory[start : start + count])
"""


@pytest.fixture
def fake_mspdebug(fake_tool):
    def make(version="0.26", lies=False, fails=""):
        return fake_tool("mspdebug", MSPDEBUG.format(version=version, lies=lies, fails=fails))

    return make


def test_mspdebug_programs_verifies_and_reads_back(fake_mspdebug, firmware, board):
    calls = fake_mspdebug()
    found = RUNNERS["mspdebug"].find()
    assert (found.version, found.warnings) == ("0.26", ())
    RUNNERS["mspdebug"].program(firmware, board, "/dev/ttyACM0")
    words = calls()[-1]
    assert words[:5] == ["-n", "-q", "tilib", "-d", "ttyACM0"]
    assert words[5:7] == ["prog fw.elf", "verify fw.elf"] and words[-1] == "reset"
    reads = [f"save_raw {s.address:#x} {len(s.data)}" for s in fram_segments(firmware, board)]
    assert [word.rsplit(" ", 1)[0] for word in words[7:-1]] == reads
    assert not any("--allow-fw-update" in word for call in calls() for word in call)


@pytest.mark.parametrize("version", ["0.25", "0.26"])
def test_a_version_that_lies_is_found_out(fake_mspdebug, firmware, board, version):
    fake_mspdebug(version, lies=True)
    with pytest.raises(ToolError, match="mspdebug says it has programmed the board, but 0x04000 holds 0xff"):
        RUNNERS["mspdebug"].program(firmware, board, "ttyACM0")


@pytest.mark.parametrize("version", ["0.22", "0.23", "0.24"])
def test_versions_without_the_device_are_refused(fake_mspdebug, firmware, board, version):
    calls = fake_mspdebug(version)
    assert "without doing it" in RUNNERS["mspdebug"].find().warnings[0]
    with pytest.raises(ToolError, match=rf"mspdebug {version} does not know the MSP430FR5994: 0.26 does"):
        RUNNERS["mspdebug"].program(firmware, board, "ttyACM0")
    assert all(call == ["--version"] for call in calls())
    RUNNERS["mspdebug"].program(firmware, _older_device(board), "ttyACM0")


def _older_device(board):
    """The memory of the FR5994 under the name of a device that older versions know."""
    return replace(board, mcu="msp430fr5969")


@pytest.mark.parametrize(
    ("says", "hint"),
    [
        ("tilib: can't find libmsp430.so: libmsp430.so: cannot open shared object file", "MSPDEBUG_TILIB_PATH"),
        ("FET firmware update is required.\ntilib: device initialization failed", "UniFlash"),
        ("tilib: MSP430_Initialize: No unused FET found (error = 67)", "plug the board in"),
        ("tilib: MSP430_Initialize: Could not open port: Device or resource busy", "close what else"),
        ("open: Permission denied", "dialout"),
        ("", "doctor"),
    ],
)
def test_a_failing_tool_is_explained(fake_mspdebug, firmware, board, says, hint):
    fake_mspdebug(fails=says or " ")
    with pytest.raises(ToolError, match="mspdebug failed with 255") as failed:
        RUNNERS["mspdebug"].program(firmware, board, "ttyACM0")
    assert hint in failed.value.hint


def test_firmware_of_the_interface_is_never_updated(fake_mspdebug, firmware):
    calls = fake_mspdebug()
    text = _text("msp430fr5994").replace('"-n", "-q"', '"--allow-fw-update"')
    with pytest.raises(ToolError, match="passes --allow-fw-update"):
        RUNNERS["mspdebug"].program(firmware, parse_board(text.encode(), "b.toml"), "ttyACM0")
    assert calls() == [["--version"]]


def _text(name):
    return files("sparsecomp_boards").joinpath(f"{name}.toml").read_text()


FLASHER = """
if arguments == ["-h"]:
    print("* Evaluating triggers...\\n* MSPFlasher 1.3.20 * ")
    sys.exit(0)
written = open(arguments[arguments.index("-w") + 1]).read()
name = arguments[arguments.index("-r") + 1].strip("[]").split(",")[0]
if not {silent!r}:
    lines = written.splitlines()
    lines[1] = "EE" + lines[1][2:] if {lies!r} else lines[1]
    open(name, "w").write("\\n".join(lines))
"""


def test_mspflasher_takes_titext_and_is_read_back(fake_tool, firmware, board):
    calls = fake_tool("MSP430Flasher", FLASHER.format(lies=False, silent=False))
    assert RUNNERS["mspflasher"].find().version == "1.3.20"
    RUNNERS["mspflasher"].program(firmware, board)
    assert calls()[-1] == ["-n", "MSP430FR5994", "-w", "fw.txt", "-v", "-r", "[back.txt,MAIN]", "-g", "-z", "[VCC]"]
    RUNNERS["mspflasher"].program(firmware, board, "ttyACM0")
    assert calls()[-1][2:4] == ["-i", "ttyACM0"]


def test_mspflasher_that_lies_or_is_silent(fake_tool, firmware, board):
    fake_tool("MSP430Flasher", FLASHER.format(lies=True, silent=False))
    with pytest.raises(ToolError, match="mspflasher says it has programmed the board, but"):
        RUNNERS["mspflasher"].program(firmware, board)
    fake_tool("MSP430Flasher", FLASHER.format(lies=False, silent=True))
    with pytest.raises(ToolError, match="did not read the memory back"):
        RUNNERS["mspflasher"].program(firmware, board)


DSLITE = """
import xml.etree.ElementTree as xml
if arguments == ["--version"]:
    print("DSLite version 12.4.0.2700")
    sys.exit(0)
devices = [d.get("desc") for d in xml.parse(arguments[arguments.index("-c") + 1]).iter() if d.tag == "instance"]
assert devices[-1] == "MSP430FR5994", devices
assert open(arguments[-1], "rb").read(4) == b"\\x7fELF"
"""


def test_dslite_gets_a_target_configuration(fake_tool, firmware, board):
    calls = fake_tool("dslite.sh", DSLITE)
    assert RUNNERS["dslite"].find().version == "12.4.0.2700"
    RUNNERS["dslite"].program(firmware, board)
    assert calls()[-1] == ["flash", "-c", "board.ccxml", "-e", "-f", "-v", "-u", "fw.out"]
    fake_tool(
        "dslite.sh", "print('fatal: MSP430FR5994: Could not find MSP-FET430UIF on specified COM port')\nsys.exit(1)"
    )
    with pytest.raises(ToolError, match="dslite failed with 1: fatal"):
        RUNNERS["dslite"].program(firmware, board)


@pytest.mark.parametrize("name", ["mspdebug", "dslite", "mspflasher"])
def test_a_missing_tool_says_what_to_install(fake_tool, firmware, board, name):
    assert RUNNERS[name].find() is None
    with pytest.raises(ToolError, match=f"'{name}' is not installed") as missing:
        RUNNERS[name].program(firmware, board, "ttyACM0")
    assert "install" in missing.value.hint
    with pytest.raises(ToolError, match=f"'{name}' is not installed"):
        choose(board, name)


def test_the_first_usable_runner_is_chosen(fake_mspdebug, fake_tool, board, monkeypatch):
    assert choose(board, plugged=True).name == "virtual"
    fake_mspdebug("0.22")
    assert choose(board, plugged=True).name == "virtual"
    assert choose(_older_device(board), plugged=True).name == "mspdebug"
    fake_tool("MSP430Flasher", FLASHER.format(lies=False, silent=False))
    assert choose(board, plugged=True).name == "mspflasher"
    fake_mspdebug("0.26")
    assert choose(board, plugged=True).name == "mspdebug"
    assert choose(board, plugged=False).name == "virtual"
    fet = PortInfo("/dev/ttyACM3", "MSP Debug Interface", 0x2047, 0x0013, "eZ-FET", True)
    for module in (choosing, mspdebug):
        monkeypatch.setattr(module, "serial_ports", lambda: (fet,))
    assert choose(board).name == "mspdebug"
    assert mspdebug.debug_port() == "/dev/ttyACM3"
    for module in (choosing, mspdebug):
        monkeypatch.setattr(module, "serial_ports", lambda: ())
    assert choose(board).name == "virtual"
    with pytest.raises(ToolError, match="no debug interface is plugged in"):
        mspdebug.debug_port()


def test_names_that_are_not_there(board):
    with pytest.raises(InputError, match="has no flash runner 'jlink'") as refused:
        choose(board, "jlink")
    assert "mspdebug" in refused.value.hint
    with pytest.raises(InputError, match="host has no flash runner 'virtual'"):
        choose(load_board("host"), "virtual")
    with pytest.raises(ToolError, match="no flash runner for host"):
        choose(load_board("host"))
    assert choose(board, "bsl").name == "bsl"


@pytest.mark.parametrize("name", ["msp430fr5969", "msp430fr5992", "msp430fr5994", "msp430fr6989"])
def test_every_board_names_runners_that_exist(name):
    assert [entry.name for entry in load_board(name).flash] == list(RUNNERS)


def test_placeholders():
    assert fill(["-d", "{port}", "prog {elf}", "-v"], {"port": None, "elf": "a b"}) == ["prog a b", "-v"]
    with pytest.raises(InputError, match="knows no {hex}"):
        fill(["{hex}"], {"elf": "x"})
    assert complaint("one\nError: two\nthree\n") == "Error: two" and complaint(" \n") == "no message"
    assert version_in("v1.2.3, 4.5") == "1.2.3" and version_in("none") == ""
    assert "doctor" in hint_for("something")


def test_the_virtual_board_is_programmed_and_runs(firmware, board, tmp_path):
    image = tmp_path / "board.fram"
    VirtualRunner().program(firmware, board, image=image)
    memory = image.read_bytes()
    assert all(memory[s.address : s.end] == s.data for s in fram_segments(firmware, board))
    assert run_elf(board, None, image=image).stopped == "asleep"
    VirtualRunner(image).program(firmware, board)


def test_unsuitable_images(firmware, board, tmp_path):
    image = tmp_path / "board.fram"
    with pytest.raises(InputError, match="needs a file"):
        VirtualRunner().program(firmware, board)
    image.write_bytes(b"\0" * 100)
    with pytest.raises(InputError, match="damaged"):
        VirtualRunner(image).program(firmware, board)
    image.unlink()
    VirtualRunner(image).program(firmware, board)
    with pytest.raises(InputError, match="another device's"):
        VirtualRunner(image).program(firmware, load_board("msp430fr5992"))


def test_titext_of_the_fake_is_what_was_written(fake_tool, firmware, board, tmp_path):
    keep = tmp_path / "kept.txt"
    fake_tool(
        "MSP430Flasher", FLASHER.format(lies=False, silent=False) + f"\nopen({str(keep)!r}, 'w').write(written)\n"
    )
    RUNNERS["mspflasher"].program(firmware, board)
    assert from_titext(keep.read_text()) == fram_segments(firmware, board)
    assert shutil.which("MSP430Flasher")

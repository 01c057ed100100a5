"""The order of FRAM writes in the MSP430's assembly."""

import shutil
from importlib.resources import files
from pathlib import Path

import defects
import pytest
from toolchain import require_msp430

from sparsecomp.errors import ToolError
from sparsecomp_tools.power import check_ordering
from sparsecomp_tools.power.ordering import listing

MODELS = ("-mlarge", "-msmall")
LEVELS = ("-O0", "-O1", "-Os", "-O2", "-O3")
COMPILER = "msp430-elf-gcc"


@pytest.fixture(scope="module")
def msp430():
    require_msp430()


@pytest.fixture
def firmware(tmp_path):
    source = Path(str(files("sparsecomp_firmware")))
    for part in ("include", "runtime"):
        shutil.copytree(source / part, tmp_path / "firmware" / part)
    return tmp_path / "firmware"


def faults(firmware, *flags):
    text = listing(COMPILER, firmware / "runtime" / "runtime.c", firmware / "include", "-mcpu=msp430x", *flags)
    return check_ordering(text)


@pytest.mark.usefixtures("msp430")
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("level", LEVELS)
def test_the_compiler_keeps_the_order(firmware, model, level):
    assert faults(firmware, model, level) == ()


@pytest.mark.usefixtures("msp430")
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("level", LEVELS)
def test_removed_barriers_are_caught(firmware, model, level):
    header = firmware / "include" / "nvm.h"
    text = header.read_text()
    changed = text.replace('__asm__ volatile("; nvm barrier" ::: "memory")', "((void)0)")
    assert changed != text
    header.write_text(changed)
    assert faults(firmware, model, level)


@pytest.mark.usefixtures("msp430")
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", ["cursor before data", "selector before payload", "stale input"])
def test_stores_in_the_wrong_order_are_caught(firmware, model, name):
    (defect,) = [defect for defect in defects.ANY_MODEL if defect.name == name]
    source = firmware / "runtime" / "runtime.c"
    for _, old, new in defect.changes:
        assert old in source.read_text()
        source.write_text(source.read_text().replace(old, new))
    assert faults(firmware, model, "-Os")


DELIVER = """
	.type	model_deliver, @function
model_deliver:
	CMP.W	#0, &model_progress { JNE	.L9
	; nvm barrier
	MOV.W	#0, &model_progress+2
	; nvm barrier
	MOV.W	R12, &model_progress+4
	MOV.W	R13, &model_progress+6
.L5:
	MOV.W	@R8+, @R12
	CMP.W	R10, R11 { JNE	.L5
	; nvm barrier
	MOV.W	#1, &model_progress+2
	; nvm barrier
.L9:
	RETA
	.size	model_deliver, .-model_deliver
"""


def deliver_faults(text):
    return [fault.message for fault in check_ordering(text) if fault.function == "model_deliver"]


def test_a_good_listing_passes():
    assert deliver_faults(DELIVER) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("	MOV.W	#0, &model_progress+2\n", "	MOV.B	#0, &model_progress+2\n", "one of 16 bits"),
        ("	MOV.W	#0, &model_progress+2\n", "", "0 stores between"),
        (
            "	MOV.W	#0, &model_progress+2\n",
            "	MOV.W	#0, &model_progress+2\n	MOV.W	R9, 2(R8)\n",
            "2 stores between",
        ),
        (
            "	MOV.W	#0, &model_progress+2\n",
            "	CALLA	#other\n	MOV.W	#0, &model_progress+2\n",
            "call between",
        ),
        (
            "	CMP.W	#0, &model_progress {",
            "	MOV.W	R12, 4(R8)\n	CMP.W	#0, &model_progress {",
            "wrong side",
        ),
        (".L9:\n", "	MOV.W	R12, &model_progress+4\n.L9:\n", "wrong side"),
        ("JNE	.L9", "JNE	.L5", "commits instead of"),
        ("	MOV.W	R12, &model_progress+4\n", "", "2 payload stores"),
        (".L5:\n", "	MOV.W	#1, &model_progress+2\n.L5:\n", "stored without barriers"),
        ("	RETA\n", "	; nvm barrier\n	RETA\n", "without its partner"),
        ("JNE	.L5", "JNE	.L77", "cannot be followed"),
    ],
)
def test_each_kind_of_fault_has_its_message(old, new, message):
    assert old in DELIVER
    assert any(message in fault for fault in deliver_faults(DELIVER.replace(old, new, 1)))


def test_an_empty_listing_is_no_proof():
    assert {fault.message for fault in check_ordering("")} == {"not in the listing"}


def test_a_missing_compiler_is_a_tool_error(firmware):
    with pytest.raises(ToolError, match="no-such-gcc"):
        listing("no-such-gcc", firmware / "runtime" / "runtime.c", firmware / "include")

"""The firmware that the linker makes of a project: every byte where the plan has it, on every board."""

import json
import re
import struct
import subprocess
from importlib.resources import files

import networks
import pytest
from elftools.elf.elffile import ELFFile
from toolchain import require_msp430

from sparsecomp.boards import list_boards, load_board
from sparsecomp.build import built
from sparsecomp.errors import MismatchError, ToolError
from sparsecomp.linked import check_linked
from sparsecomp.plan.code import FILE
from sparsecomp_tools.benchmarks.code_sizes import code_sizes

BOARDS = [name for name in list_boards() if name != "host"]


@pytest.fixture(autouse=True)
def msp430():
    require_msp430()


def project(tmp_path, board="msp430fr5994", network=networks.residual, **options):
    return networks.generate(network(), tmp_path / "project", board=board, **options)


def without_serial(made):
    """With the self-test in place of the firmware for the serial line."""
    (made.directory / "main.c").write_bytes((made.directory / "examples/selftest.c").read_bytes())
    return made


def link(made):
    with built(made.directory, made.plan.board) as copy:
        return check_linked(copy / "build" / "firmware.elf", made.plan)


@pytest.mark.parametrize("network", [networks.residual, networks.demo])
@pytest.mark.parametrize("board", BOARDS)
def test_every_byte_lies_where_it_was_planned(board, network, tmp_path):
    made = project(tmp_path, board, network)
    linked = link(made)
    assert 6000 < linked.code_bytes < made.plan.code_bytes
    assert 0 < linked.start_up_bytes <= 32
    assert 150 < linked.stack_bytes < linked.stack_room
    assert board in linked.line(made.plan)
    bare = link(without_serial(made))
    assert 1000 < bare.code_bytes < linked.code_bytes
    assert bare.start_up_bytes == 0 < bare.stack_bytes < linked.stack_bytes


def test_a_float_model_links(tmp_path):
    assert link(project(tmp_path, numeric="float32")).code_bytes > 1000


def edited(made, name, old, new):
    path = made.directory / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return made


def test_variables_are_counted_and_limited(tmp_path):
    made = without_serial(project(tmp_path))
    edited(made, "main.c", "int main(void)", "static volatile int16_t seed = 7;\nint main(void)")
    edited(made, "main.c", "uint32_t id;", "uint32_t id = (uint32_t)(uint16_t)seed;")
    assert link(made).start_up_bytes == 2
    edited(made, "main.c", "seed = 7", "seed = 7, more[100]")
    edited(made, "main.c", "(uint16_t)seed", "(uint16_t)(seed + more[9])")
    with pytest.raises(ToolError, match="128 bytes to copy and clear"):
        link(made)


def test_an_arena_that_was_moved_is_found(tmp_path):
    made = project(tmp_path)
    edited(made, "board.ld", ".arena0 0x10000", ".arena0 0x10010")
    with pytest.raises(MismatchError, match="arena 0 is .* at 0x10010, not .* at 0x10000"):
        link(made)


def test_tables_in_another_piece_are_found(tmp_path):
    made = project(tmp_path)
    text = (made.directory / "board.ld").read_text()
    high = text.split(".tables0 : { *(.tables0) . = ALIGN(2); } > ")[1].split()[0]
    low = text.split("} > ")[1].split()[0]
    assert high != low
    edited(made, "board.ld", f"ALIGN(2); }} > {high}", f"ALIGN(2); }} > {low}")
    with pytest.raises(MismatchError, match="does not lie in the planned piece"):
        link(made)


def test_code_beyond_the_plan_does_not_link(tmp_path):
    made = without_serial(project(tmp_path))
    filler = "static const uint8_t filler[18000] = {1};\nint main(void)"
    edited(made, "main.c", "int main(void)", filler)
    edited(made, "main.c", "uint32_t id;", "uint32_t id = filler[selftest_verdict];")
    with pytest.raises(ToolError, match="larger than the plan has room for"):
        link(made)


def test_the_reset_vector_and_the_signatures(tmp_path):
    from elftools.elf.elffile import ELFFile

    made = project(tmp_path)
    with built(made.directory, made.plan.board) as copy, open(copy / "build/firmware.elf", "rb") as file:
        image = ELFFile(file)
        entry = image.header["e_entry"]
        reset = image.get_section_by_name(".reset")
        assert reset["sh_addr"] == 0xFFFE and int.from_bytes(reset.data(), "little") == entry
        reserved = load_board("msp430fr5994").reserved
        table = image.get_section_by_name(".vectors")
        words = struct.unpack(f"<{table['sh_size'] // 2}H", table.data())
        handlers = {table["sh_addr"] + 2 * i: word for i, word in enumerate(words)}
        assert (min(handlers), max(handlers)) == (0xFFC0, 0xFFFC)
        symbols = image.get_section_by_name(".symtab")
        address = {
            name: symbols.get_symbol_by_name(name)[0]["st_value"] for name in ("uart_interrupt", "timer_interrupt")
        }
        assert handlers.pop(0xFFF0) == address["uart_interrupt"]
        assert handlers.pop(0xFFE8) == address["timer_interrupt"]
        assert set(handlers.values()) == {entry}
        for section in image.iter_sections():
            start, size = section["sh_addr"], section["sh_size"]
            if section["sh_flags"] & 2 and size and section.name not in (".vectors", ".reset"):
                assert all(start + size <= r.start or start >= r.start + r.size for r in reserved), section.name


@pytest.mark.parametrize(("board", "marked"), [("msp430fr5994", True), ("msp430fr5992", False)])
def test_pins_for_a_probe_are_driven_where_the_board_file_names_them(board, marked, tmp_path):
    """P1OUT.0 is set before and cleared after an inference, P1OUT.1 toggles in between."""
    made = project(tmp_path, board)
    with built(made.directory, made.plan.board) as copy:
        command = ["msp430-elf-objdump", "-d", "--no-show-raw-insn", str(copy / "build/firmware.elf")]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    code = re.search(r"<inference_resume>:\n(.*?)\n\n[0-9a-f]+ <(?!\.)", text, re.DOTALL)[1]
    writes = re.findall(r"(bis|bic|and|xor)\.b\s+#(-?\d+),\s*&0x0202", code)
    assert {operation for operation, _ in writes} == ({"bis", "xor", "bic"} if marked else set()), writes


@pytest.mark.parametrize("how", ["register", "compiler"])
def test_a_handler_that_multiplies_is_found(how, tmp_path):
    made = project(tmp_path)
    product = "(uint16_t)(TAR * due_count)" if how == "compiler" else "*(volatile uint16_t *)0x04CA"
    edited(
        made,
        "port/timer.c",
        "void timer_interrupt(void)\n{\n",
        f"void timer_interrupt(void)\n{{\n    due_count = {product};\n",
    )
    with pytest.raises(MismatchError, match="timer_interrupt multiplies"):
        link(made)


def test_the_sizes_of_kernels_are_those_of_today():
    assert json.loads(FILE.read_text()) == code_sizes()


def test_with_wait_states_walks_lie_in_ram(tmp_path):
    text = files("sparsecomp_boards").joinpath("msp430fr5994.toml").read_text()
    text = text.replace("clock_hz = 8_000_000", "clock_hz = 16_000_000").replace("wait_states = 0", "wait_states = 1")
    (tmp_path / "fast.toml").write_text(text)
    made = project(tmp_path, tmp_path / "fast.toml")
    assert made.plan.board.waits and 6000 < link(made).code_bytes < made.plan.code_bytes
    with built(made.directory, made.plan.board) as copy:
        with open(copy / "build" / "firmware.elf", "rb") as file:
            hot = ELFFile(file).get_section_by_name(".hot")
    assert 0x1C00 <= hot["sh_addr"] < 0x2C00 and hot["sh_size"] > 1000

"""The simulator's port and its Python side: where memory lies, what is caught, and what is said when it cannot run."""

import shutil

import networks
import numpy as np
import pytest
from toolchain import REQUIRED, require_msp430

from sparsecomp.build import built
from sparsecomp.errors import InputError, MismatchError, ToolError
from sparsecomp.validate import compare_layers
from sparsecomp_tools.msim import check_msim, compile_project, parse, run_msim

ABOVE = 0x10000


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    return networks.generate(networks.chain(), tmp_path_factory.mktemp("chain") / "project")


def edited(project, target, file, old, new):
    """A copy of the project's directory with one change."""
    shutil.copytree(project.directory, target)
    text = (target / file).read_text()
    assert old in text
    (target / file).write_text(text.replace(old, new))
    return target


def addresses(elf):
    """First and last address of every object in an ELF file."""
    from elftools.elf.elffile import ELFFile

    with open(elf, "rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        return {
            s.name: (s["st_value"], s["st_value"] + s["st_size"] - 1)
            for s in table.iter_symbols() if s["st_info"]["type"] == "STT_OBJECT" and s["st_size"]
        }  # fmt: skip


@pytest.mark.parametrize("model", ["small", "large"])
def test_where_memory_lies(chain, tmp_path, model):
    require_msp430()
    objects = addresses(compile_project(chain.directory, tmp_path / "model.elf", model=model))
    arenas = [name for name in objects if name.startswith("model_arena")]
    tables = [name for name in objects if name.endswith(("_w_data", "_w_offset", "_w_sizes", "_w_starts", "_b", "_m"))]
    assert arenas and {"conv1_w_data", "conv2_w_data", "conv2_w_offset", "conv2_w_sizes", "fc1_w_data"} <= set(tables)
    for name in arenas + tables:
        first, last = objects[name]
        assert first >= ABOVE if model == "large" else last < ABOVE, name
    assert objects["model_progress"][1] < ABOVE


def test_answers_inputs_one_after_the_other_with_all_layers(chain):
    require_msp430()
    found = run_msim(chain.directory, chain.program, [chain.words[1], chain.words[0], chain.words[1]], model="large")
    for inference, expected in zip(found, (1, 0, 1), strict=True):
        assert len(inference.layers) == len(chain.program.steps)
        assert np.array_equal(inference.outputs[0], chain.answers[expected][0])
    assert any((a != b).any() for a, b in zip(found[0].layers, found[1].layers, strict=True))


def test_a_missing_cast_that_no_host_test_can_see(chain, tmp_path):
    require_msp430()
    broken = edited(chain, tmp_path / "broken", "kernels/mac_dense.c", "acc += (accumulator_t)", "acc += ")
    with built(broken, chain.plan.board) as copy:
        assert compare_layers(copy, chain.program, chain.wire) > 0
    with pytest.raises(MismatchError, match=r"\(small model\) differs .* layer \d 'conv1' .* \d+: -?\d+ instead"):
        check_msim(broken, chain.program, chain.wire, model="small")


def test_a_halo_that_nobody_writes(chain, tmp_path):
    require_msp430()
    broken = edited(chain, tmp_path / "broken", "kernels/fill.c", "row < last;", "row < last && p->pitch == 0U;")
    with pytest.raises(MismatchError, match="differs from the reference first in layer 1 'halo1'"):
        check_msim(broken, chain.program, chain.wire)


def test_an_output_read_from_another_place(chain, tmp_path):
    require_msp430()
    text = (chain.directory / "model.c").read_text()
    line = next(part for part in text.splitlines() if part.endswith("/* reshape_5_out (5,) */") or "5U}, /*" in part)
    broken = edited(chain, tmp_path / "broken", "model.c", line, line.replace("), 5U}", " - 1), 5U}"))
    with pytest.raises(MismatchError, match="answers sample 0 differently"):
        check_msim(broken, chain.program, chain.wire)


def test_a_warning_is_an_error(chain, tmp_path):
    require_msp430()
    broken = edited(chain, tmp_path / "broken", "kernels/fill.c", "uint16_t row;", "uint16_t row;\n    uint16_t idle;")
    with pytest.raises(ToolError, match=r"large model: .*fill\.c.*unused variable"):
        check_msim(broken, chain.program, chain.wire)


def test_too_big_for_the_small_model(chain, tmp_path):
    require_msp430()
    count = "const uint16_t model_layer_count"
    for name, old, new, message in (
        ("one", "model_arena0[", "model_arena0[30000 + ", "maximum object size"),
        (
            "all",
            count,
            f"ARENA(0) int16_t more[16000] = {{0}};\nARENA(0) int16_t still[14000] = {{0}};\n{count}",
            "overflowed",
        ),
    ):
        big = edited(chain, tmp_path / name, "model.c", old, new)
        with pytest.raises(ToolError, match=f"small model: .*{message}.*60,160 bytes"):
            run_msim(big, chain.program, list(chain.words), model="small")
    assert len(run_msim(big, chain.program, list(chain.words), model="large")) == 2


def test_a_program_that_does_not_end(chain, tmp_path):
    require_msp430()
    broken = edited(chain, tmp_path / "broken", "runtime/runtime.c", "(uint16_t)(cursor + 1U)", "cursor")
    with pytest.raises(ToolError, match="did not end within 1 s"):
        run_msim(broken, chain.program, list(chain.words), timeout=1)


def test_wrong_requests(chain, tmp_path):
    require_msp430()
    with pytest.raises(InputError, match="memory model 'medium'"):
        run_msim(chain.directory, chain.program, list(chain.words), model="medium")
    with pytest.raises(InputError, match="not equally long"):
        run_msim(chain.directory, chain.program, [chain.words[0], chain.words[1][:-1]])
    with pytest.raises(InputError, match="no generated directory"):
        run_msim(tmp_path, chain.program, list(chain.words))
    with pytest.raises(ToolError, match="4: an input is shorter"):
        run_msim(chain.directory, chain.program, [chain.words[0][:-1]])


@pytest.mark.parametrize("missing", ["gcc", "run"])
def test_without_the_toolchain(chain, tmp_path, monkeypatch, missing):
    for name in {"gcc", "run"} - {missing}:
        stub = tmp_path / f"msp430-elf-{name}"
        stub.write_text("#!/bin/sh\nexit 0\n")
        stub.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}")
    monkeypatch.setenv("XDG_DATA_HOME", f"{tmp_path}")
    with pytest.raises(ToolError, match=f"msp430-elf-{missing} is not on the PATH") as refused:
        run_msim(chain.directory, chain.program, list(chain.words))
    assert refused.value.exit_code == 4 and "doctor" in refused.value.hint


def test_a_required_toolchain_that_is_missing_fails_the_test(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv(REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match="msp430-elf-gcc and msp430-elf-run"):
        require_msp430()
    monkeypatch.setenv(REQUIRED, "1")
    with pytest.raises(pytest.fail.Exception, match=f"{REQUIRED}=1"):
        require_msp430()


RECORDS = np.array([0, 2, 7, -7, 1, 1, 5], "<i2").tobytes()


def test_records_are_taken_apart():
    (one,) = parse(RECORDS, 1, 1, 1)
    assert one.layers[0].tolist() == [7, -7] and one.outputs[0].tolist() == [5]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (RECORDS[:-2], "breaks off in inference 0, record 1"),
        (RECORDS[:2], "record 0"),
        (b"\1\0" + RECORDS[2:], "record 0"),
        (RECORDS + b"\0\0", "more than its layers"),
        (RECORDS + b"\0", "more than its layers"),
    ],
)
def test_records_that_do_not_fit_the_program(data, message):
    with pytest.raises(ToolError, match=message):
        parse(data, 1, 1, 1)

"""A unit that uses the accelerator: what the explorer makes of it on the binary."""

import pytest
from explored import RUN, RUNTIME, explored, minute


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return explored(minute(), tmp_path_factory.mktemp("minute"))


# Sixteen ones times sixteen ones, where the accelerator's parameter stack is reserved.
ACCELERATED = """    volatile uint16_t *const ram = (volatile uint16_t *)0x3AC8;
    uint16_t i;

    *(volatile uint16_t *)0xA84 = 0x500U;
    *(volatile uint16_t *)0xAC0 = 1U;
    for (i = 0U; i < 16U; i++) {
        ram[i] = 1U;
    }
    ram[16] = 16U;
    ram[17] = 0x3AC8U >> 2;
    ram[18] = 0x3AF0U >> 2;
    *(volatile uint16_t *)0xACC = 0x3AC8U >> 2;
    *(volatile uint16_t *)0xAC8 = 0x3AE8U >> 2;
    *(volatile uint16_t *)0xAD0 = 0x54U;
"""
AWAIT = "    while ((*(volatile uint16_t *)0xA88 & 1U) != 0U) {\n        NVM_BARRIER();\n    }\n"
LOOK = "    first = (uint16_t)(first + (ram[20] == 32U ? 0U : 1U));\n"


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (ACCELERATED + AWAIT + LOOK, "", None),
        (ACCELERATED + LOOK + AWAIT, "", "a wrong answer"),
        ("", ACCELERATED, "a commit while the accelerator runs a command"),
    ],
)
def test_the_accelerator_belongs_to_one_unit(before, after, kind, project, tmp_path):
    """It has to be done, and its result read, before the commit that its work counts for."""
    change = (RUNTIME, RUN, f"    {{\n{before}    }}\n{RUN}    {{\n{after}    }}\n")
    result = project.explore_with(tmp_path, change)
    assert (result.first.kind if result.first else None) == kind

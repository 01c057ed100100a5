"""Units that use the accelerator: what the explorer makes of them on the binary."""

import sys
from pathlib import Path

import networks
import pytest
from accelerated import accelerated
from explored import RUN, RUNTIME, explored, minute
from small import Net

sys.path.insert(0, str(Path(__file__).parents[1] / "kernels"))
from bench import small_units  # noqa: E402


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


def pooled() -> networks.Network:
    """A convolution with its pool, then a linear layer: several windows a sum, and units that end inside a pixel."""
    net = Net((1, 6, 6), seed=8)
    x = net.pool(net.add("relu", net.conv("x", 3, kernel=3)))
    return networks.Network(net.graph(net.linear(net.flatten(x), 3)), networks.SENSOR)


@pytest.fixture(scope="module", params=[0, 2], ids=["no rows stay", "two rows stay"])
def accelerating(request, tmp_path_factory):
    def change(program):
        return accelerated(program, lambda most: min(most, request.param))

    folder = tmp_path_factory.mktemp("accelerating")
    return explored(pooled(), folder, encoding="dense", change=change, cut=lambda plan: small_units(plan, 5, 1))


def test_the_kernel_survives_failures_wherever_they_are(accelerating):
    """Those while a command runs and those within a DMA block as well: all that is lost is the accelerator's RAM."""
    steps = [step for step in accelerating.project.program.steps if step.kernel == "mac"]
    assert [bool(step.attrs.get("lea")) for step in steps] == [True, True]
    result = accelerating.explore(stride=7, schedules=50)
    assert result.exhausted and result.divergences == 0 and result.first is None
    assert result.literal_runs > result.instructions // 7 + 49 and result.literal_failures > result.instructions // 7


KERNEL, COMMANDS = "kernels/msp430/mac_dense_lea.S", "kernels/msp430/mac_lea.h"
GATHERED = "    cmp.w   L_GATHERED(r1), r15\n"
MISTAKES = {
    "the result is read too early": ((COMMANDS, "    jz      9b\n", ""),),
    "the inputs stay those of the first pixel": (
        (KERNEL, "    cmp.w   L_GATHERED(r1), r15\n", "    cmp.w   r15, r15\n"),
    ),
    "a command is begun behind the last output": ((KERNEL, "    jeq     3f\n", ""),),
    "a result is not halved": ((COMMANDS, "    rra.w   r6\n    rrc.w   r15\n", ""),),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_kernel_is_caught(mistake, accelerating, tmp_path):
    assert accelerating.explore_with(tmp_path, *MISTAKES[mistake]).divergences > 0

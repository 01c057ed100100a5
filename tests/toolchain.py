"""Whether the MSP430 toolchain is there: tests that need it are skipped without, and fail where it is required."""

import os

import pytest

from sparsecomp.toolchain import toolchain_environment, toolchain_path

os.environ.update(toolchain_environment())  # a toolchain in the user's own folder is found like any other

REQUIRED = "SPARSECOMP_REQUIRE_MSP430"


def require_msp430() -> None:
    """Skips the test where compiler or simulator are missing; fails it where ``SPARSECOMP_REQUIRE_MSP430=1``."""
    missing = [name for name in ("msp430-elf-gcc", "msp430-elf-run") if toolchain_path(name) is None]
    if missing:
        message = f"{' and '.join(missing)} missing: the README says how to get them"
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(f"{message}, but {REQUIRED}=1", pytrace=False)
        pytest.skip(message)

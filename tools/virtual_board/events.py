"""The events of a run: power coming and going, and writes of a watched word of FRAM."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sparsecomp.errors import InputError

if TYPE_CHECKING:
    import numpy

# Kinds. The value of BOOT is the SYSRSTIV of the start, of POWER_LOST 0 by the supply and 1 by a Failure, of WATCH the
# word that was written.
BOOT, POWER_LOST, WATCH, STOP = 1, 2, 3, 4
FIELDS = [
    ("time_ps", "<u8"),  # virtual, from the first start on
    ("cycles", "<u8"),  # of MCLK
    ("wait_cycles", "<u8"),  # FRAM wait states among them
    ("energy_fj", "<u8"),  # drawn up to here
    ("volts", "<f8"),  # of the capacitor, NaN where there is none
    ("kind", "<u4"),
    ("value", "<u4"),
]
RECORD = 48  # bytes


def read_events(path: Path | str) -> numpy.ndarray:
    """The records that a run wrote to ``events=path``, as a structured array with the fields of FIELDS.

    A WATCH record is taken right after the instruction that wrote, all its cycles included. Raises InputError where the
    file cannot be read or is cut short.
    """
    import numpy

    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the events in {Path(path).name}: {error.strerror}", "check the path") from error
    if len(data) % RECORD:
        raise InputError(f"{Path(path).name} is not a file of events", "the run that wrote it may have been killed")
    return numpy.frombuffer(data, dtype=numpy.dtype(FIELDS))

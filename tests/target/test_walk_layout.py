"""What assembly knows of the parameters' places is what the compiler makes of kernels.h."""

import subprocess
from importlib.resources import files

from toolchain import require_msp430

from sparsecomp.boards import load_board

PLACES = {
    "mac_t": "input output.origin:ORIGIN output.pitch:PITCH output.width:WIDTH output.channels:CHANNELS row_step "
    "column_step group_step group_size bias multiplier per_channel shift bias_bytes bias_shift low high pool_rows "
    "pool_columns pool_row_step pool_column_step",
    "mac_dense_t": "weights tap_rows tap_columns run_length tap_row_step tap_column_step",
    "mac_csr_t": "weights offsets rows count_bytes starts",
    "mac_bitmap_t": "weights tap_rows tap_columns run_length tap_row_step tap_column_step mask counts:BITMAP_COUNTS "
    "count_bytes:BITMAP_BYTES position_bytes:POSITIONS starts:BITMAP_STARTS",
}


def test_places_of_parameters(tmp_path):
    require_msp430()
    firmware = files("sparsecomp_firmware")
    lines = ['#include <stddef.h>\n#include "kernels.h"\n#include "walk.h"']
    for struct, fields in PLACES.items():
        for field in fields.split():
            name, _, place = field.partition(":")
            lines.append(f'_Static_assert(offsetof({struct}, {name}) == P_{place or name.upper()}, "{name}");')
    lines.append('_Static_assert(STARTS_APART == MAC_STARTS_APART, "apart");')
    (tmp_path / "places.c").write_text("\n".join(lines) + "\n")
    includes = [f"-I{firmware / part}" for part in ("include", "kernels/msp430", "ports/msp430")]
    toolchain = load_board("msp430fr5994").toolchain
    command = [f"{toolchain.prefix}gcc", *toolchain.cflags, "-std=gnu11", *includes, "-c", tmp_path / "places.c"]
    done = subprocess.run([*command, "-o", tmp_path / "places.o"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

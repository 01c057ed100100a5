"""How many bytes of code a firmware needs, before it is linked: its kernels', and what every firmware has."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from sparsecomp.boards import Board
from sparsecomp.device_header import has_serial
from sparsecomp.kernels import rendered
from sparsecomp.kernels.mac import FUNCTIONS, WIDE
from sparsecomp.plan.sizes import SizeOnly
from sparsecomp.plan.units import walks
from sparsecomp.program import Program

FILE = Path(__file__).parent / "code_bytes.json"  # written by sparsecomp_tools.benchmarks.code_sizes
RUNTIME_BYTES = 2500  # runtime, start-up, self-test and the compiler's multiplications and divisions
SERIAL_BYTES = 6 * 1024
FLOAT_BYTES = 4 * 1024
EXIT_BYTES = 1280  # of a policy and its commands; most of them where there is a serial line
STEP_BYTES = 104  # layer_t, the largest parameters (mac_bitmap_t), the view and the cycle counter, with 20-bit pointers

# Sections that walks need besides their own.
COMMON = ("walk", "stretch", "setup", "setup_bitmap", "setup_sparse", "multiplier_takes_bytes")


@cache
def code_sizes() -> dict[str, int]:
    """Bytes of the sections of all kernels."""
    return json.loads(FILE.read_text())


def code_bytes(program: Program, board: Board, *, any_encoding: bool = False) -> int:
    """At most, and what each step adds to it; ``any_encoding``: as if layers had weights in each of them."""
    names = SizeOnly(program)
    pieces = [(rendered(s, names), walks(program, s, board)) for s in program.steps]
    used = {(piece.function, piece.walk if walking else "") for piece, walking in pieces}
    if any_encoding:
        wide = any(name in WIDE.values() for name, _ in used)
        walking = any(walks(program, s, board) for s in program.steps if s.kernel == "mac")
        used |= {(name, name if walking else "") for name in (WIDE if wide else FUNCTIONS).values()}
    functions = {f"kernel_{name}" for name, _ in used} | {f"walk_{walk}" for _, walk in used if walk}
    if any(walk for _, walk in used):
        functions |= set(COMMON)
    lent = {"walk_mac_bitmap": "walk_mac_csr_index16", "walk_mac_bitmap_w16": "walk_mac_csr_index16_w16"}
    functions |= {lent[name] for name in functions & set(lent)}
    total = RUNTIME_BYTES + (SERIAL_BYTES if has_serial(board) else 0) + STEP_BYTES * len(program.steps)
    if program.exits:
        total += EXIT_BYTES
    # Float kernels take no more than the integer ones, but they call the compiler's float functions.
    return total + sum(code_sizes()[name] for name in functions) + (FLOAT_BYTES if program.is_float else 0)

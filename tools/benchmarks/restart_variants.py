"""The ways to protect an inference from power failures that are compared, and the programs that have them.

All have the same kernels, inner products, weights and places of memory. Layers that do not multiply and accumulate run
as restart units of the runtime's in all of them but the unprotected one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

WALK, FINISH = "kernels/msp430/walk.S", "kernels/msp430/finish.S"
# What these define, under names of its own in a variant's edited copy: the other layers' walks keep the original.
NAMES = (
    "walk_enter", "walk_go", "walk_divide", "walk_segment", "walk_segment_end", "walk_pool_start", "walk_pool_finish",
    "walk_channel_start", "finishes",
)  # fmt: skip
RENAMED = tuple(f"-D{name}=restart_{name}" for name in NAMES)

# A walk without restart units: what counts them and what commits is left out.
NO_UNITS = (
    (
        """    sub.w   r15, F_UNIT_LEFT(r1)
    jnz     1f
    inc.w   &model_progress             ; the commit
    mov.w   F_PER_UNIT(r1), F_UNIT_LEFT(r1)
1:  sub.w   r15, F_CHANNELS_LEFT(r1)
""",
        "    sub.w   r15, F_CHANNELS_LEFT(r1)\n",
    ),
    (
        """    cmp.w   F_UNIT_LEFT(r1), r9
    jlo     2f
    mov.w   F_UNIT_LEFT(r1), r9
2:  cmp.w   F_ITEMS_LEFT(r1), r9
""",
        "    cmp.w   F_ITEMS_LEFT(r1), r9\n",
    ),
    (".Llast:\n    inc.w   &model_progress\n", ".Llast:\n"),
)
# A walk whose stores and commits go through the redo log.
REDO_COMMITS = (
    (
        "    inc.w   &model_progress             ; the commit\n",
        "    calla   #tiled_commit\n    mov.w   F_SEGMENT(r1), r15\n",
    ),
    (".Llast:\n    inc.w   &model_progress\n", ".Llast:\n    calla   #tiled_last\n"),
)
REDO_STORES = (
    ('#include "walk.h"\n', '#include "walk.h"\n#include "redo_macros.S"\n'),
    ("    mov.w   r15, -2(r10)\n", "    LOG_OUTPUT\n"),
)
# From a sum to its element, as a function that finish_call.S begins.
FINISH_CALL = (
    (
        "    mov.w   r15, -2(r10)\n    dec.w   r9\n    jz      3f\n    mov.w   F_START(r1), pc\n"
        "3:  mov.w   F_END(r1), pc\n",
        "    br      #restart_finished\n",
    ),
)


@dataclass(frozen=True)
class Variant:
    """A program: its own ``sources`` in programs/restart, ``edits`` of the project's for the layers that multiply and
    accumulate. A write of the word ``progress`` keeps what was computed; ``prefixes`` begin the names of its
    non-volatile variables. ``tile`` counts ``outputs`` or ``products``.
    """

    name: str
    method: str
    sources: tuple[str, ...]
    progress: str = ""
    prefixes: tuple[str, ...] = ()
    edits: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    tile: int = 0
    unit: str = ""

    @property
    def needs_weights(self) -> bool:
        """Whether it computes layers with programs of its own."""
        return "products.S" in self.sources or "sonic.c" in self.sources

    def log_entries(self) -> int:
        """The most that the redo log holds at once: outputs, or the words that tasks share."""
        return self.tile + 2 if self.unit == "outputs" else 10


UNPROTECTED = Variant("unprotected", "none", ("unprotected.c",), edits={WALK: NO_UNITS, FINISH: ()})
OURS = Variant("ours", "one-word commits in passing", ("ours.c",), "model_progress")
SONIC = Variant(
    "sonic",
    "loop continuation, loop-ordered buffering, sparse undo-logging",
    ("sonic.c", "sonic_pass.S", "sonic_undo.S", "sonic_state.S", "redo.S", "finish_call.S"),
    "sonic_j",
    ("sonic_", "redo_"),
)


def tiled(unit: str, tile: int) -> Variant:
    """Tasks of ``tile`` 'outputs' or 'products' with a redo log."""
    if unit == "outputs":
        sources: tuple[str, ...] = ("tiled_outputs.c", "tiled_walk.S", "redo.S")
        edits = {WALK: REDO_COMMITS, FINISH: REDO_STORES}
    else:
        sources, edits = ("tiled_products.c", "tiled.S", "products.S", "redo.S", "finish_call.S"), {}
    method = f"redo log, tiles of {tile} {unit}"
    return Variant(f"tiled {tile} {unit}", method, sources, "redo_current", ("tiled_", "redo_"), edits, tile, unit)


VARIANTS = (
    UNPROTECTED,
    *(tiled("products", tile) for tile in (8, 32, 128)),
    *(tiled("outputs", tile) for tile in (1, 8, 32, 128)),
    SONIC,
    OURS,
)

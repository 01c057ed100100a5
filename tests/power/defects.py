"""Seeded defects: text substitutions in a copy of a generated directory, each of which must be caught.

Those of the runtime apply to every generated directory; ``TINY`` are the same mistakes in the planner's or a kernel's
part, for the hand-written model.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

RUNTIME = "runtime/runtime.c"
RUNTIME_H = "include/runtime.h"
RUN = "    layer->run(layer->params, first, last);\n"
COMMIT = "    nvm_commit(&model_progress.cursor, (uint16_t)(cursor + 1U));\n"
CLEAR = "    nvm_commit(&model_progress.held, 0U);\n"
EXPOSE = "    nvm_commit(&model_progress.held, 1U);\n"
IDLE = "#define IDLE 0U\n"

# A cursor layer << 16 | unit (unit from 1, in its layer), in two words. The lower one keeps its name.
TORN = """
static uint16_t cursor_now(void)
{
    const uint16_t layer = model_progress.layer;
    const uint16_t before = layer < model_layer_count ? model_layers[layer].first_unit : model_units;

    return (uint16_t)(before + model_progress.cursor);
}

static void commit_cursor(uint16_t cursor)
{
    uint16_t layer = 0U;
    uint16_t before = 0U;

    while (cursor != 0U && layer < model_layer_count) {
        const uint16_t end = layer + 1U < model_layer_count ? model_layers[layer + 1U].first_unit : model_units;

        if (cursor <= end) {
            break;
        }
        before = end;
        layer++;
    }
    @ORDER@
}
"""
LAYER_WORD = "nvm_commit(&model_progress.layer, layer);"
UNIT_WORD = "nvm_commit(&model_progress.cursor, (uint16_t)(cursor - before));"


@dataclass(frozen=True)
class Defect:
    """``changes`` are (file, old, new), each old text once or more in the file."""

    name: str
    changes: tuple[tuple[str, str, str], ...]

    def apply(self, source: Path, target: Path) -> Path:
        """A copy of ``source`` with the defect in it. AssertionError where the text to change is not there."""
        shutil.copytree(source, target)
        for file, old, new in self.changes:
            text = (target / file).read_text()
            assert old in text, f"{self.name}: {file} does not contain {old!r}"
            changed = text.replace(old, new)
            assert changed != text
            (target / file).write_text(changed)
        return target


def torn(name: str, first: str, second: str) -> Defect:
    """The cursor in two words, written in that order."""
    functions = TORN.replace("@ORDER@", f"{first}\n    {second}")
    return Defect(
        name,
        (
            (RUNTIME_H, "} progress_t;", "    volatile uint16_t layer;\n} progress_t;"),
            (RUNTIME, "nvm_commit(&model_progress.cursor, ", "commit_cursor("),
            (RUNTIME, "model_progress.cursor", "cursor_now()"),
            (RUNTIME, IDLE, IDLE + functions),
        ),
    )


ANY_MODEL = (
    Defect("cursor before data", ((RUNTIME, RUN + COMMIT, COMMIT + RUN),)),
    Defect("selector before payload", ((RUNTIME, EXPOSE, ""), (RUNTIME, CLEAR, CLEAR + EXPOSE))),
    Defect("stale input", ((RUNTIME, CLEAR, ""),)),
    Defect("one unit too early", ((RUNTIME, "return (uint16_t)(model_units + 1U);", "return model_units;"),)),
    Defect(
        "result before its commit",
        (
            (
                RUNTIME,
                "if (model_progress.cursor != done_mark()) {\n        return 0;",
                "if (model_progress.cursor < model_units) {\n        return 0;",
            ),
        ),
    ),
    torn("torn cursor, layer first", LAYER_WORD, UNIT_WORD),
    torn("torn cursor, unit first", UNIT_WORD, LAYER_WORD),
)

TINY = (
    Defect(
        "in-place add",
        (
            ("model.c", "add_params = {sum, convolved,", "add_params = {convolved, convolved,"),
            ("model.c", "total_params = {answer, sum,", "total_params = {answer, convolved,"),
        ),
    ),
    Defect(
        "buffer reused too early",
        (
            ("model.c", "add_params = {sum, convolved,", "add_params = {padded, convolved,"),
            ("model.c", "total_params = {answer, sum,", "total_params = {answer, padded,"),
        ),
    ),
    Defect("missing zero halo", (("kernels/tiny.c", "nvm_put(p->out + (i == 0U ? 0U : WIDTH + 1U), 0);", "(void)p;"),)),
)

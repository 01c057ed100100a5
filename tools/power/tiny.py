"""A model directory written by hand, so that tests of the tools need no converter: five layers, two outputs."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

import numpy as np

WIDTH = 24
WEIGHTS = (3, -2, 5)

KERNELS = r"""
#include "tiny.h"

void halo(const void *params, uint16_t first, uint16_t last)
{
    const tiny_t *p = params;
    uint16_t i;

    for (i = first; i < last; i++) {
        nvm_put(p->out + (i == 0U ? 0U : WIDTH + 1U), 0);
    }
}

void move(const void *params, uint16_t first, uint16_t last)
{
    const tiny_t *p = params;
    uint16_t i;

    for (i = first; i < last; i++) {
        nvm_put(p->out + i, p->a[i]);
    }
}

void convolve(const void *params, uint16_t first, uint16_t last)
{
    const tiny_t *p = params;
    int16_t taps[3];
    uint16_t i;
    uint16_t k;

    for (i = first; i < last; i++) {
        uint32_t sum = 0U;

        for (k = 0U; k < 3U; k++) {
            taps[k] = (int16_t)(uint16_t)((uint32_t)(int32_t)p->a[i + k] * (uint32_t)(int32_t)weights[k]);
        }
        for (k = 0U; k < 3U; k++) {
            sum += (uint16_t)taps[k];
        }
        nvm_put(p->out + i, (int16_t)(uint16_t)sum);
    }
}

void add(const void *params, uint16_t first, uint16_t last)
{
    const tiny_t *p = params;
    uint16_t i;

    for (i = first; i < last; i++) {
        nvm_put(p->out + i, (int16_t)(uint16_t)((uint16_t)p->a[i] + (uint32_t)(uint16_t)p->b[i]));
    }
}

void total(const void *params, uint16_t first, uint16_t last)
{
    const tiny_t *p = params;
    uint16_t i;
    uint16_t k;

    for (i = first; i < last; i++) {
        uint32_t sum = 0U;

        for (k = i; k < WIDTH; k = (uint16_t)(k + 4U)) {
            sum += (uint16_t)p->a[k];
        }
        nvm_put(p->out + i, (int16_t)(uint16_t)sum);
    }
}
"""

HEADER = r"""
#ifndef TINY_H
#define TINY_H

#include "runtime.h"

#define WIDTH @WIDTH@U

typedef struct {
    int16_t *out;
    const int16_t *a;
    const int16_t *b;
} tiny_t;

extern const int16_t weights[3];

void halo(const void *params, uint16_t first, uint16_t last);
void move(const void *params, uint16_t first, uint16_t last);
void convolve(const void *params, uint16_t first, uint16_t last);
void add(const void *params, uint16_t first, uint16_t last);
void total(const void *params, uint16_t first, uint16_t last);

#endif
"""

MODEL = r"""
#include "port.h"
#include "tiny.h"

#define UNITS ((WIDTH + 4U) / 5U)

WEIGHTS(0) const int16_t weights[3] = {@WEIGHTS@};
const uint32_t model_hash = @HASH@U;

static int16_t input[WIDTH] PERSISTENT = {0};
static int16_t padded[WIDTH + 2U] PERSISTENT = {0};
static int16_t convolved[WIDTH] PERSISTENT = {0};
static int16_t sum[WIDTH] PERSISTENT = {0};
static int16_t answer[4] PERSISTENT = {0};
progress_t model_progress PERSISTENT = {0U, 0U, {0, 0}};

static const tiny_t halo_params = {padded, 0, 0};
static const tiny_t move_params = {padded + 1, input, 0};
static const tiny_t convolve_params = {convolved, padded, 0};
static const tiny_t add_params = {sum, convolved, padded + 1};
static const tiny_t total_params = {answer, sum, 0};

const layer_t model_layers[] = {
    {halo, &halo_params, 0U, 2U, 2U, 0U, 0},
    {move, &move_params, 1U, WIDTH, 5U, 0U, 0},
    {convolve, &convolve_params, 1U + UNITS, WIDTH, 5U, 0U, 0},
    {add, &add_params, 1U + 2U * UNITS, WIDTH, 5U, 0U, 0},
    {total, &total_params, 1U + 3U * UNITS, 4U, 3U, 0U, 0},
    /* Behind the end, for a loop that goes on too far: each table has one entry more than its count says. */
    {halo, &halo_params, 2U, 1U, 1U, 0U, 0},
};
const uint16_t model_layer_count = 5U;
const uint16_t model_units = 3U + 3U * UNITS;
const uint16_t model_input_words = WIDTH;
int16_t *const model_input = input;
const output_t model_outputs[] = {{padded + 1, WIDTH}, {answer, 4U}, {answer, 3U}};
const uint16_t model_output_count = 2U;
const output_t model_layer_views[] = {
    {padded, 0U}, {padded + 1, WIDTH}, {convolved, WIDTH}, {sum, WIDTH}, {answer, 4U}, {answer, 1U},
};
"""


def write_tiny(directory: Path, *, width: int = WIDTH, model_hash: int = 1) -> Path:
    """The directory of the tiny model, laid out as a generated one is."""
    firmware = Path(str(files("sparsecomp_firmware")))
    directory.mkdir(parents=True)
    for part, source in {"include": "include", "port": "ports/host"}.items():
        shutil.copytree(firmware / source, directory / part)
    for part in ("runtime", "kernels", "headers"):
        (directory / part).mkdir()
    shutil.copy(firmware / "runtime" / "runtime.c", directory / "runtime")
    (directory / "kernels" / "tiny.c").write_text(KERNELS.lstrip())
    (directory / "headers" / "tiny.h").write_text(HEADER.lstrip().replace("@WIDTH@", str(width)))
    model = MODEL.lstrip().replace("@WEIGHTS@", ", ".join(map(str, WEIGHTS))).replace("@HASH@", str(model_hash))
    (directory / "model.c").write_text(model)
    return directory


def layer_outputs(words: np.ndarray) -> list[np.ndarray]:
    """What each layer but the halo must give for an int16 input, in 16-bit arithmetic that wraps."""
    x = words.astype(np.int64)
    padded = np.pad(x, 1)
    convolved = sum(w * padded[k : k + len(x)] for k, w in enumerate(WEIGHTS))
    total = convolved + x
    answer = np.array([total[i::4].sum() for i in range(4)])
    return [part.astype(np.uint64).astype(np.uint16).astype(np.int16) for part in (x, convolved, total, answer)]


def stream(count: int, *, width: int = WIDTH, seed: int = 1) -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
    """Random inputs, and for each the expected outputs."""
    random = np.random.default_rng(seed)
    inputs = [random.integers(-32768, 32768, width, dtype=np.int16) for _ in range(count)]
    return inputs, [[layer_outputs(words)[0], layer_outputs(words)[-1]] for words in inputs]

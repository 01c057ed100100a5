#include "runtime.h"

#include <stddef.h>

#include "config.h"
#ifdef MODEL_EXITS
#include "exits.h"
#endif

#define IDLE 0U

static uint16_t done_mark(void)
{
    return (uint16_t)(model_units + 1U);
}

int model_deliver(uint32_t id, const int16_t *words)
{
    uint16_t i;

    if (model_progress.cursor != IDLE) {
        return -1;
    }
    /* From here until the last line there is no input: a torn one can never be started. */
    nvm_commit(&model_progress.held, 0U);
    nvm_put(&model_progress.id[0], (int16_t)(uint16_t)(id & 0xFFFFU));
    nvm_put(&model_progress.id[1], (int16_t)(uint16_t)(id >> 16));
    for (i = 0U; i < model_input_words; i++) {
        nvm_put(&model_input[i], words[i]);
    }
    nvm_commit(&model_progress.held, 1U);
    return 0;
}

static uint32_t held_id(void)
{
    return (uint32_t)(uint16_t)model_progress.id[0] | ((uint32_t)(uint16_t)model_progress.id[1] << 16);
}

int model_held(uint32_t *id)
{
    if (model_progress.held != 1U) {
        return 0;
    }
    *id = held_id();
    return 1;
}

int model_start(void)
{
    if (model_progress.cursor != IDLE || model_progress.held != 1U) {
        return -1;
    }
    nvm_commit(&model_progress.cursor, 1U);
    return 0;
}

/* first + count, at most items; first < items always holds, so it cannot wrap. */
static uint16_t end(uint16_t first, uint16_t count, uint16_t items)
{
    return count < (uint16_t)(items - first) ? (uint16_t)(first + count) : items;
}

int model_step(void)
{
    const uint16_t cursor = model_progress.cursor;
    const layer_t *layer = model_layers;
    uint16_t unit;
    uint16_t first;
    uint16_t last;

    if (cursor == IDLE || cursor == done_mark()) {
        return 0;
    }
    unit = (uint16_t)(cursor - 1U);
    while (layer + 1 < model_layers + model_layer_count && layer[1].first_unit <= unit) {
        layer++;
    }
#ifdef MODEL_EXITS
    if (layer->run == NULL) {
        const int leaves = kernel_exit(layer->params);

        nvm_commit(&model_progress.cursor, leaves != 0 ? done_mark() : (uint16_t)(cursor + 1U));
        return 1;
    }
#endif
    first = (uint16_t)((uint16_t)(unit - layer->first_unit) * layer->per_unit);
#ifdef MODEL_WALKS
    if (layer->walk != NULL && multiplier_takes_bytes() != 0U) {
        layer->walk(layer->params, first, end(first, layer->per_step, layer->items), layer->per_unit);
        return 1;
    }
#endif
    last = end(first, layer->per_unit, layer->items);
    layer->run(layer->params, first, last);
    nvm_commit(&model_progress.cursor, (uint16_t)(cursor + 1U));
    return 1;
}

int model_done(uint32_t *id)
{
    if (model_progress.cursor != done_mark()) {
        return 0;
    }
    *id = held_id();
    return 1;
}

void model_acknowledge(void)
{
    if (model_progress.cursor == done_mark()) {
#ifdef MODEL_VOLATILE_INPUT
        /* Feature maps have overwritten the input: it cannot be started again. */
        nvm_commit(&model_progress.held, 0U);
#endif
        nvm_commit(&model_progress.cursor, IDLE);
    }
}

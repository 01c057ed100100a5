/* The exit policy, and the best answer so far, of a model with early exits. */
#include "runtime.h"

#include <stddef.h>

#ifdef MODEL_EXITS

#include "exits.h"

/* Bytes of one element in words. */
#define ELEMENT_WORDS ((uint16_t)(sizeof(element_t) / sizeof(int16_t)))

int model_best(uint16_t *number, output_t *scores)
{
    const uint16_t cursor = model_progress.cursor;
    const int done = cursor > model_units;
    uint16_t layer;
    int found = 0;

    if (cursor == 0U) {
        return 0;
    }
    for (layer = 0U; layer < model_layer_count; layer++) {
        const exit_t *at = model_layers[layer].params;

        if (model_layers[layer].run != NULL) {
            continue;
        }
        /* Beyond the exit that gave the answer, scores are those of an earlier input. */
        if (done ? at->number > (uint16_t)*at->exit : model_layers[layer].first_unit + 1U > cursor) {
            break;
        }
        *number = at->number;
        scores->data = (const int16_t *)(const void *)at->scores;
        scores->words = (uint16_t)(at->classes * ELEMENT_WORDS);
        found = 1;
    }
    return found;
}

int model_set_limit(uint16_t number)
{
    if (number > MODEL_EXITS) {
        return -1;
    }
    nvm_commit(&model_progress.limit, number);
    return 0;
}

int model_set_margin(uint16_t number, uint16_t margin)
{
    if (number >= MODEL_EXITS) {
        return -1;
    }
    nvm_commit(&model_progress.margins[number], margin);
    return 0;
}

int model_set_level(uint16_t number, uint16_t level)
{
    if (number >= MODEL_EXITS) {
        return -1;
    }
    nvm_commit(&model_progress.levels[number], level);
    return 0;
}

void model_set_plenty(uint16_t plenty)
{
    nvm_commit(&model_progress.plenty, plenty);
}

void model_ignore_supply(void)
{
    uint16_t i;

    model_set_plenty(0U);
    for (i = 0U; i < MODEL_EXITS; i++) {
        (void)model_set_level(i, 0U);
    }
}

#endif

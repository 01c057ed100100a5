#include "serial.h"

#include "port.h"
#include "runtime.h"

/* Words of the input received so far; committed after them. What was opened is of no use before words follow. */
PERSISTENT static volatile uint16_t filled = 0U;
PERSISTENT static int16_t opened[2] = {0, 0};

static int is_open(uint32_t id)
{
    return opened[0] == (int16_t)(uint16_t)(id & 0xFFFFU) && opened[1] == (int16_t)(uint16_t)(id >> 16);
}

int input_open(uint32_t id)
{
    if (model_open() != 0) {
        return -1;
    }
    /* Nothing was filled under the new id, whenever a failure comes. */
    nvm_commit(&filled, 0U);
    nvm_put(&opened[0], (int16_t)(uint16_t)(id & 0xFFFFU));
    nvm_put(&opened[1], (int16_t)(uint16_t)(id >> 16));
    return 0;
}

int input_write(uint32_t id, uint16_t at, const uint8_t *bytes, uint16_t words)
{
    uint32_t held;
    uint16_t i;

    if (model_progress.cursor != 0U || model_held(&held) != 0 || !is_open(id) || at > filled ||
        words > model_input_words - at) {
        return -1;
    }
    for (i = 0U; i < words; i++) {
        nvm_put(&model_input[at + i], (int16_t)(uint16_t)(bytes[2U * i] | (uint16_t)(bytes[2U * i + 1U] << 8)));
    }
    if ((uint16_t)(at + words) > filled) {
        nvm_commit(&filled, (uint16_t)(at + words));
    }
    return 0;
}

int input_close(uint32_t id)
{
    uint32_t held;

    if (model_held(&held) != 0) {
        return held == id ? 0 : -1; /* asked again */
    }
    if (model_progress.cursor != 0U || filled != model_input_words || !is_open(id)) {
        return -1;
    }
    model_close(id);
    return 0;
}

uint16_t input_filled(void)
{
    return filled;
}

/* Delivering an input in parts: the protocol of model_deliver, with the words left to the caller. */
#include "runtime.h"

int model_open(void)
{
    if (model_progress.cursor != 0U) {
        return -1;
    }
    nvm_commit(&model_progress.held, 0U);
    return 0;
}

void model_close(uint32_t id)
{
    nvm_put(&model_progress.id[0], (int16_t)(uint16_t)(id & 0xFFFFU));
    nvm_put(&model_progress.id[1], (int16_t)(uint16_t)(id >> 16));
    nvm_commit(&model_progress.held, 1U);
}

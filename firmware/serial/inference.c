#include "serial.h"

#include "marks.h"
#include "model.h"
#include "port.h"
#include "timer.h"

/* Where the inference under way is to stop; a failure does not forget it. */
PERSISTENT static volatile uint16_t until = ALL_LAYERS;
DIAG static uint16_t layer_cycles[MODEL_LAYERS][2] = {{0U}};

static void stop_before(uint16_t layer)
{
    if (until != layer) {
        nvm_commit(&until, layer);
    }
}

int inference_start(uint16_t stop)
{
    uint32_t id;
    uint16_t layer;

    if (model_progress.cursor != 0U || model_held(&id) == 0) {
        return -1;
    }
    for (layer = 0U; layer < MODEL_LAYERS; layer++) {
        layer_cycles[layer][0] = 0U;
        layer_cycles[layer][1] = 0U;
    }
    stop_before(stop); /* a failure right behind the start must not run past it */
    return model_start();
}

static uint16_t current_layer(void)
{
    uint16_t layer = 0U;

    while (layer + 1U < model_layer_count && model_layers[layer + 1U].first_unit < model_progress.cursor) {
        layer++;
    }
    return layer;
}

static void count_cycles(uint16_t layer, uint32_t cycles)
{
    const uint32_t sum = inference_cycles(layer) + cycles;

    layer_cycles[layer][0] = (uint16_t)(sum & 0xFFFFU);
    layer_cycles[layer][1] = (uint16_t)(sum >> 16);
}

uint32_t inference_cycles(uint16_t layer)
{
    return layer_cycles[layer][0] | ((uint32_t)layer_cycles[layer][1] << 16);
}

void inference_run(uint16_t layer)
{
    stop_before(layer);
    inference_resume();
}

void inference_resume(void)
{
    const uint16_t layer = until;
    uint16_t now = current_layer();
    uint32_t before;
    uint32_t after;

    if (model_progress.cursor == 0U || model_progress.cursor > model_units) {
        return;
    }
    timer_start();
    fail_arm();
    mark_inference(1);
    before = timer_cycles();
    while (now < layer && model_step() != 0) {
        after = timer_cycles();
        count_cycles(now, after - before);
        before = after;
        if (now + 1U < model_layer_count && model_layers[now + 1U].first_unit < model_progress.cursor) {
            now++;
            mark_layer();
        }
    }
    mark_inference(0);
    timer_stop();
}

void inference_settle(void)
{
    inference_run(ALL_LAYERS);
    model_acknowledge();
}

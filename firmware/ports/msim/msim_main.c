/* The device in GDB's MSP430 simulator: inputs come from standard input until it ends, every layer's words go to
 * standard output as soon as the layer is complete.
 *
 * A record is a number, a count and that many words, all 16 bits, little-endian. Records 0 .. layers - 1 are the layers
 * in their order, the outputs follow with the numbers from there on; then comes the next input.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "model.h"
#include "port.h"
#include "runtime.h"

#define CHUNK 4096U

enum { OK = 0, REFUSED = 3, SHORT_INPUT = 4, NO_OUTPUT = 5 };

ARENA(0) static int16_t delivered[MODEL_INPUT_WORDS] = {0};

/* The number of bytes that were there, at most count. */
static uint32_t receive(void *to, uint32_t count)
{
    uint8_t *at = to;
    uint32_t done = 0U;

    while (done < count) {
        const uint32_t rest = count - done;
        const int got = (int)read(STDIN_FILENO, at + done, rest < CHUNK ? (size_t)rest : CHUNK);

        if (got <= 0) {
            break;
        }
        done += (uint32_t)got;
    }
    return done;
}

static void send(const void *from, uint32_t count)
{
    const uint8_t *at = from;
    uint32_t done = 0U;

    while (done < count) {
        const uint32_t rest = count - done;
        const int put = (int)write(STDOUT_FILENO, at + done, rest < CHUNK ? (size_t)rest : CHUNK);

        if (put <= 0) {
            exit(NO_OUTPUT);
        }
        done += (uint32_t)put;
    }
}

static void record(uint16_t number, const output_t *view)
{
    uint16_t head[2];

    head[0] = number;
    head[1] = view->words;
    send(head, sizeof head);
    send(view->data, (uint32_t)view->words * 2U);
}

/* Fills all that a layer will write, so that a cell nobody writes shows. */
static void scribble(uint16_t seed)
{
    uint16_t word = seed;
    uint16_t layer;

    for (layer = 0U; layer < model_layer_count; layer++) {
        int16_t *cells = (int16_t *)model_layer_views[layer].data;
        uint16_t i;

        for (i = 0U; i < model_layer_views[layer].words; i++) {
            word = (uint16_t)(word * 25173U + 13849U);
            cells[i] = (int16_t)(word | 1U);
        }
    }
}

/* The layer that has just become complete, or model_layer_count. */
static uint16_t completed(void)
{
    const uint16_t units = (uint16_t)(model_progress.cursor - 1U);
    uint16_t layer;

    for (layer = 0U; layer < model_layer_count; layer++) {
        const uint16_t end = layer + 1U < model_layer_count ? model_layers[layer + 1U].first_unit : model_units;

        if (units == end) {
            break;
        }
    }
    return layer;
}

int main(void)
{
    const uint32_t bytes = (uint32_t)MODEL_INPUT_WORDS * 2U;
    uint32_t input;

    for (input = 0U;; input++) {
        const uint32_t got = receive(delivered, bytes);
        uint32_t id = 0U;
        uint16_t output;

        if (got != bytes) {
            return got == 0U ? OK : SHORT_INPUT;
        }
        scribble((uint16_t)input);
        if (model_deliver(input, delivered) != 0 || model_start() != 0) {
            return REFUSED;
        }
        while (model_step() != 0) {
            const uint16_t layer = completed();

            if (layer != model_layer_count) {
                record(layer, &model_layer_views[layer]);
            }
        }
        if (model_done(&id) == 0 || id != input) {
            return REFUSED;
        }
        for (output = 0U; output < model_output_count; output++) {
            record((uint16_t)(model_layer_count + output), &model_outputs[output]);
        }
        model_acknowledge();
    }
}

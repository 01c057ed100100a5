/* Requests in frames. A request is type, sequence number and arguments; its answer is type, sequence number, status,
 * the number of boots and data, all numbers with the low byte first. Whoever sees the number of boots change knows that
 * the power failed in between.
 */
#include <string.h>

#include "serial.h"

#include "boots.h"
#include "frame.h"
#include "model.h"
#include "port.h"
#include "stack.h"
#include "timer.h"

enum { STATUS = 0x80, OPEN, WRITE, CLOSE, RUN, READ, ACKNOWLEDGE, FAIL, STACK, POLICY };
enum { OK = 0, REFUSED = 1, MALFORMED = 2 };
enum { IDLE = 0, RUNNING = 1, DONE = 2 };

/* What READ reads: layers by their number, and these. */
enum { OUTPUTS = 0xFFFF, CYCLES = 0xFFFE, CAUSES = 0xFFFD, BEST = 0xFFFC, POLICY_WORDS = 0xFFFB };
#ifdef MODEL_EXITS
#define FIRST_OF_THESE POLICY_WORDS
#else
#define FIRST_OF_THESE CAUSES
#endif

#define HEADER 5U
#define READ_WORDS 64U
#define PROTOCOL 1U

SCRATCH static uint8_t answer[FRAME_CONTENT + 2U];
static uint16_t length;

static void add16(uint16_t value)
{
    answer[length++] = (uint8_t)(value & 0xFFU);
    answer[length++] = (uint8_t)(value >> 8);
}

static void add32(uint32_t value)
{
    add16((uint16_t)(value & 0xFFFFU));
    add16((uint16_t)(value >> 16));
}

static uint16_t get16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | (uint16_t)(bytes[1] << 8));
}

static uint32_t get32(const uint8_t *bytes)
{
    return get16(bytes) | ((uint32_t)get16(bytes + 2U) << 16);
}

static void add_status(void)
{
    uint32_t id = 0U;
    const int held = model_held(&id);

    answer[length++] = PROTOCOL;
    answer[length++] = model_progress.cursor == 0U ? IDLE : model_progress.cursor > model_units ? DONE : RUNNING;
    answer[length++] = (uint8_t)held;
    (void)memcpy(&answer[length], MODEL_HASH, 16U);
    length = (uint16_t)(length + 16U);
    add32(id);
    add16(model_progress.cursor);
    add16(model_units);
    add16(input_filled());
    add16(MODEL_INPUT_WORDS);
    add16(MODEL_LAYERS);
}

static uint8_t write(const uint8_t *bytes, uint16_t count)
{
    if (count < 8U || (count & 1U) != 0U) {
        return MALFORMED;
    }
    return input_write(get32(bytes), get16(bytes + 4U), bytes + 6U, (uint16_t)((count - 6U) / 2U)) == 0 ? OK : REFUSED;
}

/* The result of this id may be there already: then there is nothing to run. */
static uint8_t run(uint32_t id, uint16_t layer)
{
    uint32_t held = 0U;

    if (model_held(&held) == 0 || held != id) {
        return REFUSED;
    }
    (void)inference_start(layer);
    inference_run(layer);
    return OK;
}

static uint16_t outputs_word(uint16_t at)
{
    uint16_t output = 0U;

    while (output < model_output_count && at >= model_outputs[output].words) {
        at = (uint16_t)(at - model_outputs[output++].words);
    }
    return output < model_output_count ? (uint16_t)model_outputs[output].data[at] : 0U;
}

#ifdef MODEL_EXITS

/* The exit that the best answer so far is of, 65535 where there is none, and its scores. */
static uint16_t best_word(uint16_t at)
{
    output_t scores;
    uint16_t number;

    if (model_best(&number, &scores) != 0) {
        return at == 0U ? number : at <= scores.words ? (uint16_t)scores.data[at - 1U] : 0U;
    }
    return at == 0U ? 0xFFFFU : 0U;
}

#endif

static uint16_t word(uint16_t region, uint16_t at)
{
    if (region == OUTPUTS) {
        return outputs_word(at);
    }
    if (region == CYCLES) {
        return at / 2U < MODEL_LAYERS ? (uint16_t)(inference_cycles(at / 2U) >> (at & 1U ? 16 : 0)) : 0U;
    }
    if (region == CAUSES) {
        return at < BOOT_CAUSES ? boots_count((uint8_t)at) : 0U;
    }
#ifdef MODEL_EXITS
    if (region == BEST) {
        return best_word(at);
    }
    if (region == POLICY_WORDS) {
        return policy_word(at);
    }
#endif
    return (uint16_t)model_layer_views[region].data[at];
}

static uint8_t read(uint16_t region, uint16_t at, uint16_t words)
{
    uint32_t id;

    if (words > READ_WORDS || (region >= MODEL_LAYERS && region < FIRST_OF_THESE)) {
        return MALFORMED;
    }
    if (region < MODEL_LAYERS &&
        (at > model_layer_views[region].words || words > model_layer_views[region].words - at)) {
        return MALFORMED;
    }
    if (region == OUTPUTS && model_done(&id) == 0) {
        return REFUSED;
    }
    while (words-- != 0U) {
        add16(word(region, at++));
    }
    return OK;
}

static uint8_t acknowledge(uint32_t id)
{
    uint32_t done;

    if (model_done(&done) != 0 && done == id) {
        model_acknowledge();
    }
    return OK;
}

static uint8_t open(uint32_t id)
{
    inference_settle();
    return input_open(id) == 0 ? OK : REFUSED;
}

static uint8_t perform(uint8_t type, const uint8_t *bytes, uint16_t count)
{
    switch (type) {
    case STATUS:
        return OK;
    case OPEN:
        return count == 4U ? open(get32(bytes)) : MALFORMED;
    case WRITE:
        return write(bytes, count);
    case CLOSE:
        return count != 4U ? MALFORMED : input_close(get32(bytes)) == 0 ? OK : REFUSED;
    case RUN:
        return count == 6U ? run(get32(bytes), get16(bytes + 4U)) : MALFORMED;
    case READ:
        return count == 6U ? read(get16(bytes), get16(bytes + 2U), get16(bytes + 4U)) : MALFORMED;
    case ACKNOWLEDGE:
        return count == 4U ? acknowledge(get32(bytes)) : MALFORMED;
    case FAIL:
        if (count != 4U) {
            return MALFORMED;
        }
        fail_every(get32(bytes));
        return OK;
#ifdef MODEL_EXITS
    case POLICY:
        if (count != 6U) {
            return MALFORMED;
        }
        return policy_set(get16(bytes), get16(bytes + 2U), get16(bytes + 4U)) == 0 ? OK : REFUSED;
#endif
    case STACK:
        add16(stack_used());
        return OK;
    default:
        return MALFORMED;
    }
}

void request_serve(const uint8_t *content, uint16_t count)
{
    if (count < 2U || content[0] < STATUS) {
        return;
    }
    answer[0] = content[0];
    answer[1] = content[1];
    length = HEADER;
    answer[2] = perform(content[0], content + 2U, (uint16_t)(count - 2U));
    answer[3] = (uint8_t)(boots_total() & 0xFFU);
    answer[4] = (uint8_t)(boots_total() >> 8);
    if (content[0] != READ && content[0] != STACK && content[0] != WRITE) {
        add_status();
    }
    frame_send(answer, length);
}

/* Outputs as text: real numbers with four decimals. */
#include "serial.h"

#include "config.h"
#include "line.h"
#include "model.h"
#include "numeric.h"

#define ONE 10000UL
#ifdef MODEL_FLOAT
#define ELEMENT_WORDS 2U
#else
#define ELEMENT_WORDS 1U
#endif

static void print_parts(int negative, uint32_t whole, uint32_t part)
{
    uint32_t place = ONE / 10U;

    if (negative) {
        line_text("-");
    }
    line_number(whole);
    line_text(".");
    for (; place != 0U; place /= 10U) {
        line_put((uint8_t)('0' + part / place % 10U));
    }
}

#ifdef MODEL_FLOAT

static void print_value(const int16_t *words, int8_t exponent)
{
    union {
        uint16_t words[2];
        float value;
    } real;
    float size;
    uint32_t whole;

    (void)exponent;
    real.words[0] = (uint16_t)words[0];
    real.words[1] = (uint16_t)words[1];
    size = real.value < 0.0F ? -real.value : real.value;
    whole = size < 4294967040.0F ? (uint32_t)size : 0xFFFFFFFFUL;
    print_parts(real.value < 0.0F, whole, (uint32_t)((size - (float)whole) * (float)ONE));
}

#else

/* value * 2^-exponent, rounded; what lies beyond 16 bits of fraction is below half of the last decimal. */
static void print_value(const int16_t *words, int8_t exponent)
{
    const int16_t value = *words;
    uint32_t size = value < 0 ? (uint32_t)-(int32_t)value : (uint32_t)value;
    uint8_t bits = exponent > 0 ? (uint8_t)exponent : 0U;
    uint32_t part;

    if (exponent < 0) {
        size <<= (uint8_t)-exponent;
    }
    if (bits > 16U) {
        size = bits - 16U > 16U ? 0U : size >> (bits - 16U);
        bits = 16U;
    }
    part = ((size & ((1UL << bits) - 1UL)) * ONE + ((1UL << bits) >> 1)) >> bits;
    print_parts(value < 0, (size >> bits) + part / ONE, part % ONE);
}

#endif

void results_print(const output_t *output, int8_t exponent)
{
    uint16_t i;

    for (i = 0U; i < output->words; i = (uint16_t)(i + ELEMENT_WORDS)) {
        if (i != 0U) {
            line_text(",");
        }
        print_value(&output->data[i], exponent);
    }
}

/* Of a model with early exits the second output is the number of the exit. */
#ifdef MODEL_EXITS
#define PRINTED 1U
#else
#define PRINTED model_output_count
#endif

void command_results(void)
{
    uint32_t id;
    uint16_t output;

    if (model_done(&id) == 0) {
        line_text("e-[There is no result: infer comes first]");
        line_end();
        return;
    }
    line_text("m-results-[");
    for (output = 0U; output < PRINTED; output++) {
        if (output != 0U) {
            line_text(",");
        }
        results_print(&model_outputs[output], model_output_exponents[output]);
    }
    line_text("]");
    line_end();
#ifdef MODEL_EXITS
    line_text("m-x-exit-[");
    line_number((uint16_t)*(const element_t *)(const void *)model_outputs[1].data);
    line_text("]");
    line_end();
#endif
}

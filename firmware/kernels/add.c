/* The sum of two tensors (a residual connection), both brought to the exponent of the result. */
#include "kernels.h"

void kernel_add(const void *params, uint16_t first, uint16_t last)
{
    const add_t *p = params;
    position_t at = locate(&p->output, first);
    uint16_t item;

    for (item = first; item < last; item++) {
        const uint16_t along = (uint16_t)((uint16_t)(at.column * p->output.channels) + at.channel);
        const element_t a = p->a[(uint16_t)((uint16_t)(at.row * p->pitch_a) + along)];
        const element_t b = p->b[(uint16_t)((uint16_t)(at.row * p->pitch_b) + along)];
#ifdef MODEL_FLOAT
        const accumulator_t acc = a + b;
#else
        /* Gains are below 2^15, so the sum of both products stays within 32 bits. */
        const accumulator_t acc = (int32_t)a * (int16_t)p->gain_a + (int32_t)b * (int16_t)p->gain_b;
#endif
        store(address(&p->output, &at), clamp(requantize(acc, 1U, p->shift), p->low, p->high));
        advance(&p->output, &at);
    }
}

/* Smooth functions by a table and linear interpolation; a float model calls the function itself. */
#include "kernels.h"

#ifdef MODEL_FLOAT

#include <math.h>

/* In double, so that the rounded result does not depend on the C library's float functions. */
float function_sigmoid(float x)
{
    return (float)(1.0 / (1.0 + exp(-(double)x)));
}

float function_tanh(float x)
{
    return (float)tanh((double)x);
}

float function_hardswish(float x)
{
    double gate = (double)x + 3.0;

    gate = gate < 0.0 ? 0.0 : gate;
    gate = gate > 6.0 ? 6.0 : gate;
    return (float)((double)x * gate / 6.0);
}

#else

static int16_t interpolate(const int16_t *table, int16_t x)
{
    const uint16_t shifted = (uint16_t)((uint16_t)x ^ 0x8000U);
    const uint16_t cell = shifted >> 8;
    const int32_t low = table[cell];
    const int32_t rise = (int32_t)table[cell + 1U] - low;

    return (int16_t)(low + ((rise * (int32_t)(shifted & 0xFFU) + 128) >> 8));
}

#endif

void kernel_lookup(const void *params, uint16_t first, uint16_t last)
{
    const lookup_t *p = params;
    position_t at = locate(&p->output, first);
    uint16_t item;

    for (item = first; item < last; item++) {
        const element_t x = p->input[(uint16_t)((uint16_t)(at.row * p->input_pitch) +
                                                (uint16_t)(at.column * p->output.channels) + at.channel)];
#ifdef MODEL_FLOAT
        store(address(&p->output, &at), p->function(x));
#else
        store(address(&p->output, &at), interpolate(p->table, x));
#endif
        advance(&p->output, &at);
    }
}

/* ReLU, clip and leaky ReLU that could not be fused into the operator before. */
#include "kernels.h"

void kernel_rectify(const void *params, uint16_t first, uint16_t last)
{
    const rectify_t *p = params;
    position_t at = locate(&p->output, first);
    uint16_t item;

    for (item = first; item < last; item++) {
        const element_t x = p->input[(uint16_t)((uint16_t)(at.row * p->input_pitch) +
                                                (uint16_t)(at.column * p->output.channels) + at.channel)];
#ifdef MODEL_FLOAT
        const element_t y = x < 0.0F ? x * p->slope : x;
#else
        const element_t y =
            x < 0 ? requantize(x, p->gain_negative, p->shift_negative) : requantize(x, p->gain, p->shift);
#endif
        store(address(&p->output, &at), clamp(y, p->low, p->high));
        advance(&p->output, &at);
    }
}

/* The input's raw bytes or words to elements: by a table of 256, or by gain and offset. */
#include "kernels.h"

void kernel_convert(const void *params, uint16_t first, uint16_t last)
{
    const convert_t *p = params;
    position_t at = locate(&p->output, first);
    uint16_t item;

    for (item = first; item < last; item++) {
        element_t y;
        int16_t x;

        if (p->kind == 0U) {
            x = ((const uint8_t *)p->input)[item];
        } else if (p->kind == 1U) {
            x = ((const int8_t *)p->input)[item];
        } else {
            x = ((const int16_t *)p->input)[item];
        }
        if (p->table != NULL) {
            y = p->table[(uint8_t)x];
        } else {
#ifdef MODEL_FLOAT
            y = (float)x * p->scale + p->zero;
#else
            y = requantize((int32_t)x * p->gain + p->offset, 1U, p->shift);
#endif
        }
        store(address(&p->output, &at), y);
        advance(&p->output, &at);
    }
}

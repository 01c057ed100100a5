/* Maxima over windows; cells outside the input never win, so a window is cut to what lies inside. */
#include "kernels.h"

/* The taps of a window that lie inside 0 <= begin + tap * dilation < length, as first <= tap < end. */
static void inside(int32_t begin, uint16_t dilation, uint16_t kernel, uint16_t length, uint16_t *first, uint16_t *end)
{
    uint16_t tap = 0U;

    while (tap < kernel && begin + (int32_t)tap * (int32_t)dilation < 0) {
        tap++;
    }
    *first = tap;
    while (tap < kernel && begin + (int32_t)tap * (int32_t)dilation < (int32_t)length) {
        tap++;
    }
    *end = tap;
}

void kernel_max_pool(const void *params, uint16_t first, uint16_t last)
{
    const max_pool_t *p = params;
    position_t at = locate(&p->output, first);
    uint16_t item;

    for (item = first; item < last; item++) {
        const int32_t top = (int32_t)at.row * (int32_t)p->stride_y - (int32_t)p->pad_top;
        const int32_t left = (int32_t)at.column * (int32_t)p->stride_x - (int32_t)p->pad_left;
        element_t best = 0;
        uint16_t found = 0U;
        uint16_t y;
        uint16_t y_end;
        uint16_t x_first;
        uint16_t x_end;

        inside(top, p->dilation_y, p->kernel_height, p->input_height, &y, &y_end);
        inside(left, p->dilation_x, p->kernel_width, p->input_width, &x_first, &x_end);
        for (; y < y_end; y++) {
            const uint16_t row = (uint16_t)(top + (int32_t)y * (int32_t)p->dilation_y);
            uint16_t x;
            for (x = x_first; x < x_end; x++) {
                const uint16_t column = (uint16_t)(left + (int32_t)x * (int32_t)p->dilation_x);
                const element_t value = p->input[(uint16_t)((uint16_t)(row * p->input_pitch) +
                                                            (uint16_t)(column * p->output.channels) + at.channel)];
                if (found == 0U || value > best) {
                    best = value;
                    found = 1U;
                }
            }
        }
        store(address(&p->output, &at), clamp(best, p->low, p->high));
        advance(&p->output, &at);
    }
}

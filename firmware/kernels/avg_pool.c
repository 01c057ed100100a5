/* Averages over windows: an exact sum, then one multiplier for 1/divisor and the change of exponent. Windows come as
 * tables, so that padded, clipped and adaptive ones are all the same to this loop.
 */
#include "kernels.h"

void kernel_avg_pool(const void *params, uint16_t first, uint16_t last)
{
    const avg_pool_t *p = params;
    position_t at = locate(&p->output, first);
    uint16_t item;

    for (item = first; item < last; item++) {
        const span_t *rows = &p->rows[at.row];
        const span_t *columns = &p->columns[at.column];
        const uint16_t divisor =
            (uint16_t)((uint16_t)(rows->divisor_class * p->column_classes) + columns->divisor_class);
        accumulator_t sum = 0;
        element_t mean;
        uint16_t y;

        for (y = 0U; y < rows->length; y++) {
            const element_t *cell = p->input + (uint16_t)((uint16_t)(rows->start + y) * p->input_pitch) +
                                    (uint16_t)(columns->start * p->output.channels) + at.channel;
            uint16_t x;
            for (x = columns->length; x != 0U; x--) {
                sum += *cell;
                cell += p->output.channels;
            }
        }
#ifdef MODEL_FLOAT
        mean = sum * p->reciprocal[divisor];
#else
        mean = requantize(sum, p->multiplier[divisor], p->shift);
#endif
        store(address(&p->output, &at), clamp(mean, p->low, p->high));
        advance(&p->output, &at);
    }
}

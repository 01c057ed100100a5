/* The cells around a tensor, or all of it. Done in every inference: their bytes may have held another tensor before. */
#include "kernels.h"

void kernel_fill(const void *params, uint16_t first, uint16_t last)
{
    const fill_t *p = params;
    uint16_t row;

    for (row = first; row < last; row++) {
        element_t *line = p->stored + (uint16_t)(row * p->pitch);
        const uint16_t inner = (row >= p->top && (uint16_t)(row - p->top) < p->height) ? 1U : 0U;
        uint16_t i = 0U;

        while (i < p->pitch) {
            if (inner != 0U && i == p->left) {
                i = (uint16_t)(i + p->inside);
            } else {
                store(line + i, p->value);
                i++;
            }
        }
    }
}

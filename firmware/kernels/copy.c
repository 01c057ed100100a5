/* A box of elements from one tensor into another, both by strides; one gain changes the exponent. */
#include "kernels.h"

void kernel_copy(const void *params, uint16_t first, uint16_t last)
{
    const copy_t *p = params;
    uint16_t k = (uint16_t)(first % p->size[2]);
    uint16_t j = (uint16_t)(first / p->size[2]);
    uint16_t i = (uint16_t)(j / p->size[1]);
    uint16_t item;

    j = (uint16_t)(j % p->size[1]);
    for (item = first; item < last; item++) {
        const uint16_t from =
            (uint16_t)((uint16_t)((uint16_t)(i * p->input_step[0]) + (uint16_t)(j * p->input_step[1])) +
                       (uint16_t)(k * p->input_step[2]));
        const uint16_t to =
            (uint16_t)((uint16_t)((uint16_t)(i * p->output_step[0]) + (uint16_t)(j * p->output_step[1])) +
                       (uint16_t)(k * p->output_step[2]));

        store(p->output + to, requantize(p->input[from], p->gain, p->shift));
        if (++k == p->size[2]) {
            k = 0U;
            if (++j == p->size[1]) {
                j = 0U;
                i++;
            }
        }
    }
}

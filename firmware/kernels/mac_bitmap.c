/* Convolution and linear layers with a bit mask over the taps of each filter and only non-zero weights stored. */
#include <stddef.h>

#include "mac.h"

/* How many weights an output channel has. */
static inline uint16_t weights_of(const mac_bitmap_t *p, uint16_t channel)
{
    return p->count_bytes == 1U ? ((const uint8_t *)p->counts)[channel] : ((const uint16_t *)p->counts)[channel];
}

/* How many weights lie before those of an output channel. A walk meets them in order, so a call counts once. */
static inline uint32_t weights_before(const mac_bitmap_t *p, uint16_t channel)
{
    uint32_t sum = 0U;
    uint16_t c = 0U;

    if (p->starts != NULL && channel >= MAC_STARTS_APART) {
        c = (uint16_t)(channel - channel % MAC_STARTS_APART);
        sum = p->starts[channel / MAC_STARTS_APART - 1U];
    }
    for (; c < channel; c++) {
        sum += weights_of(p, c);
    }
    return sum;
}

/* Bits of a mask byte are shifted out as their taps pass: "left" of them are not yet used, and zeros follow. A run that
 * reaches the end of its byte stops at the last weight in it, so a byte without a weight costs no step a tap.
 */
#define BITMAP(NAME, WEIGHT)                                                                                           \
    static accumulator_t NAME##_sum(const mac_bitmap_t *p, const uint8_t *mask, const WEIGHT *weight,                  \
                                    const element_t *from, accumulator_t acc)                                          \
    {                                                                                                                  \
        uint16_t bits = 0U;                                                                                            \
        uint16_t left = 0U;                                                                                            \
        uint16_t y;                                                                                                    \
        uint16_t x;                                                                                                    \
        uint16_t k;                                                                                                    \
                                                                                                                       \
        for (y = 0U; y < p->tap_rows; y++) {                                                                           \
            const element_t *run = from;                                                                               \
            for (x = 0U; x < p->tap_columns; x++) {                                                                    \
                const element_t *end = run;                                                                            \
                for (k = p->run_length; k != 0U;) {                                                                    \
                    const element_t *tap = end;                                                                        \
                    if (left == 0U) {                                                                                  \
                        bits = *mask++;                                                                                \
                        left = 8U;                                                                                     \
                    }                                                                                                  \
                    if (k < left) {                                                                                    \
                        for (left = (uint16_t)(left - k); k != 0U; k--) {                                              \
                            STEP                                                                                       \
                        }                                                                                              \
                    } else {                                                                                           \
                        end += left;                                                                                   \
                        for (k = (uint16_t)(k - left), left = 0U; bits != 0U;) {                                       \
                            STEP                                                                                       \
                        }                                                                                              \
                    }                                                                                                  \
                }                                                                                                      \
                run += p->tap_column_step;                                                                             \
            }                                                                                                          \
            from += p->tap_row_step;                                                                                   \
        }                                                                                                              \
        return acc;                                                                                                    \
    }                                                                                                                  \
                                                                                                                       \
    void NAME(const void *params, uint16_t first, uint16_t last)                                                       \
    {                                                                                                                  \
        const mac_bitmap_t *p = params;                                                                                \
        const mac_t *mac = &p->mac;                                                                                    \
        const uint16_t taps = (uint16_t)((uint16_t)(p->tap_rows * p->tap_columns) * p->run_length);                    \
        const uint16_t mask_bytes = (uint16_t)((taps >> 3) + ((taps & 7U) != 0U ? 1U : 0U));                           \
        position_t at = locate(&mac->output, first);                                                                   \
        const uint8_t *mask = p->mask + (uint32_t)at.channel * mask_bytes;                                             \
        const WEIGHT *weight = (const WEIGHT *)p->weights + weights_before(p, at.channel);                             \
        uint16_t item;                                                                                                 \
                                                                                                                       \
        for (item = first; item < last; item++) {                                                                      \
            const element_t *from = window(mac, &at, (uint16_t)(at.channel / mac->group_size));                        \
            const accumulator_t start = bias(mac, at.channel);                                                         \
            accumulator_t best = 0;                                                                                    \
                                                                                                                       \
            if (at.channel == 0U) {                                                                                    \
                mask = p->mask;                                                                                        \
                weight = p->weights;                                                                                   \
            }                                                                                                          \
            LARGEST(mac, from, best, NAME##_AT)                                                                        \
            mask += mask_bytes;                                                                                        \
            weight += weights_of(p, at.channel);                                                                       \
            finish(mac, &at, best);                                                                                    \
            advance(&mac->output, &at);                                                                                \
        }                                                                                                              \
    }

/* One tap: the lowest bit tells whether it has a weight. */
#define STEP                                                                                                           \
    if ((bits & 1U) != 0U) {                                                                                           \
        acc += (accumulator_t)(*weight) * (*tap);                                                                      \
        weight++;                                                                                                      \
    }                                                                                                                  \
    tap++;                                                                                                             \
    bits >>= 1;

#define kernel_mac_bitmap_AT(tap) kernel_mac_bitmap_sum(p, mask, weight, tap, start)
#define kernel_mac_bitmap_w16_AT(tap) kernel_mac_bitmap_w16_sum(p, mask, weight, tap, start)

#ifdef MODEL_FLOAT
BITMAP(kernel_mac_bitmap, float)
#else
BITMAP(kernel_mac_bitmap, int8_t)
BITMAP(kernel_mac_bitmap_w16, int16_t)
#endif

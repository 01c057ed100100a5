/* What dense and sparse multiply-accumulate kernels share. */
#ifndef MAC_H
#define MAC_H

#include "kernels.h"

/* The first element of an output's window. */
static inline const element_t *window(const mac_t *mac, const position_t *at, uint16_t group)
{
    return mac->input + (uint16_t)(at->row * mac->row_step) + (uint16_t)(at->column * mac->column_step) +
           (uint16_t)(group * mac->group_step);
}

/* What an output channel starts from, in accumulator units. */
static inline accumulator_t bias(const mac_t *mac, uint16_t channel)
{
    if (mac->bias_bytes == 0U) {
        return 0;
    }
#ifdef MODEL_FLOAT
    return ((const float *)mac->bias)[channel];
#else
    {
        const int16_t value =
            mac->bias_bytes == 1U ? ((const int8_t *)mac->bias)[channel] : ((const int16_t *)mac->bias)[channel];
        return (int32_t)((uint32_t)(int32_t)value << mac->bias_shift);
    }
#endif
}

/* The taps of an entry lie twice as many bytes further as elements: with 16-bit elements that is an address. */
static inline const element_t *further(const element_t *tap, uint16_t offset)
{
#ifdef MODEL_FLOAT
    return tap + (offset >> 1);
#else
    return (const element_t *)(const void *)((const uint8_t *)tap + offset);
#endif
}

/* Puts the largest of SUM(tap), over the pool of windows whose first one begins at "from", into "best". */
#define LARGEST(mac, from, best, SUM)                                                                                  \
    {                                                                                                                  \
        uint16_t pool_y;                                                                                               \
        uint16_t pool_x;                                                                                               \
        for (pool_y = 0U; pool_y < (mac)->pool_rows; pool_y++) {                                                       \
            const element_t *at_window = (from) + (uint16_t)(pool_y * (mac)->pool_row_step);                           \
            for (pool_x = 0U; pool_x < (mac)->pool_columns; pool_x++) {                                                \
                const accumulator_t sum = SUM(at_window);                                                              \
                if ((pool_y | pool_x) == 0U || sum > (best)) {                                                         \
                    (best) = sum;                                                                                      \
                }                                                                                                      \
                at_window += (mac)->pool_column_step;                                                                  \
            }                                                                                                          \
        }                                                                                                              \
    }

/* The output: requantized, clamped, stored. */
static inline void finish(const mac_t *mac, const position_t *at, accumulator_t acc)
{
    const uint16_t multiplier = mac->multiplier[mac->per_channel != 0U ? at->channel : 0U];
    store(address(&mac->output, at), clamp(requantize(acc, multiplier, mac->shift), mac->low, mac->high));
}

#endif

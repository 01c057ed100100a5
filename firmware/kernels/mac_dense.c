/* Convolution and linear layers with all weights stored. */
#include "mac.h"

#define DENSE(NAME, WEIGHT)                                                                                            \
    static accumulator_t NAME##_sum(const mac_dense_t *p, const WEIGHT *weight, const element_t *from,                 \
                                    accumulator_t acc)                                                                 \
    {                                                                                                                  \
        uint16_t y;                                                                                                    \
        uint16_t x;                                                                                                    \
        uint16_t k;                                                                                                    \
                                                                                                                       \
        for (y = 0U; y < p->tap_rows; y++) {                                                                           \
            const element_t *run = from;                                                                               \
            for (x = 0U; x < p->tap_columns; x++) {                                                                    \
                const element_t *tap = run;                                                                            \
                for (k = p->run_length; k != 0U; k--) {                                                                \
                    acc += (accumulator_t)(*weight) * (*tap);                                                          \
                    weight++;                                                                                          \
                    tap++;                                                                                             \
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
        const mac_dense_t *p = params;                                                                                 \
        const mac_t *mac = &p->mac;                                                                                    \
        const uint16_t taps = (uint16_t)((uint16_t)(p->tap_rows * p->tap_columns) * p->run_length);                    \
        position_t at = locate(&mac->output, first);                                                                   \
        uint16_t item;                                                                                                 \
                                                                                                                       \
        for (item = first; item < last; item++) {                                                                      \
            const element_t *from = window(mac, &at, (uint16_t)(at.channel / mac->group_size));                        \
            const WEIGHT *weight = (const WEIGHT *)p->weights + (uint32_t)at.channel * taps;                           \
            const accumulator_t start = bias(mac, at.channel);                                                         \
            accumulator_t best = 0;                                                                                    \
            LARGEST(mac, from, best, NAME##_AT)                                                                        \
            finish(mac, &at, best);                                                                                    \
            advance(&mac->output, &at);                                                                                \
        }                                                                                                              \
    }

#define kernel_mac_dense_AT(tap) kernel_mac_dense_sum(p, weight, tap, start)
#define kernel_mac_dense16_AT(tap) kernel_mac_dense16_sum(p, weight, tap, start)

#ifdef MODEL_FLOAT
DENSE(kernel_mac_dense, float)
#else
DENSE(kernel_mac_dense, int8_t)
DENSE(kernel_mac_dense16, int16_t)
#endif

/* Convolution and linear layers with only non-zero weights stored (compressed sparse rows, one row a filter). */
#include <stddef.h>

#include "mac.h"

/* How many entries an output channel has. */
static inline uint16_t entries(const mac_csr_t *p, uint16_t channel)
{
    return p->count_bytes == 1U ? ((const uint8_t *)p->rows)[channel] : ((const uint16_t *)p->rows)[channel];
}

/* How many entries lie before those of an output channel. A walk meets them in order, so a call counts once. */
static inline uint16_t entries_before(const mac_csr_t *p, uint16_t channel)
{
    uint16_t sum = 0U;
    uint16_t c = 0U;

    if (p->starts != NULL && channel >= MAC_STARTS_APART) {
        c = (uint16_t)(channel - channel % MAC_STARTS_APART);
        sum = p->starts[channel / MAC_STARTS_APART - 1U];
    }
    for (; c < channel; c++) {
        sum = (uint16_t)(sum + entries(p, c));
    }
    return sum;
}

/* The sum of "count" entries over the taps of a window. */
#define CSR(NAME, WEIGHT, OFFSET, STEP)                                                                                \
    static accumulator_t NAME##_sum(const WEIGHT *weight, const OFFSET *offset, uint16_t count, const element_t *from, \
                                    accumulator_t acc)                                                                 \
    {                                                                                                                  \
        const element_t *tap = from;                                                                                   \
                                                                                                                       \
        for (; count != 0U; count--) {                                                                                 \
            STEP acc += (accumulator_t)(*weight) * (*tap);                                                             \
            offset++;                                                                                                  \
            weight++;                                                                                                  \
        }                                                                                                              \
        return acc;                                                                                                    \
    }                                                                                                                  \
                                                                                                                       \
    void NAME(const void *params, uint16_t first, uint16_t last)                                                       \
    {                                                                                                                  \
        const mac_csr_t *p = params;                                                                                   \
        const mac_t *mac = &p->mac;                                                                                    \
        position_t at = locate(&mac->output, first);                                                                   \
        const uint16_t before = entries_before(p, at.channel);                                                         \
        const WEIGHT *weight = (const WEIGHT *)p->weights + before;                                                    \
        const OFFSET *offset = (const OFFSET *)p->offsets + before;                                                    \
        uint16_t item;                                                                                                 \
                                                                                                                       \
        for (item = first; item < last; item++) {                                                                      \
            const element_t *from = window(mac, &at, (uint16_t)(at.channel / mac->group_size));                        \
            const accumulator_t start = bias(mac, at.channel);                                                         \
            const uint16_t count = entries(p, at.channel);                                                             \
            accumulator_t best = 0;                                                                                    \
                                                                                                                       \
            if (at.channel == 0U) {                                                                                    \
                weight = p->weights;                                                                                   \
                offset = p->offsets;                                                                                   \
            }                                                                                                          \
            LARGEST(mac, from, best, NAME##_AT)                                                                        \
            weight += count;                                                                                           \
            offset += count;                                                                                           \
            finish(mac, &at, best);                                                                                    \
            advance(&mac->output, &at);                                                                                \
        }                                                                                                              \
    }

#define BY_DELTA tap = further(tap, *offset);
#define BY_INDEX tap = further(from, *offset);

#define kernel_mac_csr_delta8_AT(tap) kernel_mac_csr_delta8_sum(weight, offset, count, tap, start)
#define kernel_mac_csr_delta8_w16_AT(tap) kernel_mac_csr_delta8_w16_sum(weight, offset, count, tap, start)
#define kernel_mac_csr_index16_AT(tap) kernel_mac_csr_index16_sum(weight, offset, count, tap, start)
#define kernel_mac_csr_index16_w16_AT(tap) kernel_mac_csr_index16_w16_sum(weight, offset, count, tap, start)

#ifdef MODEL_FLOAT
CSR(kernel_mac_csr_delta8, float, uint8_t, BY_DELTA)
CSR(kernel_mac_csr_index16, float, uint16_t, BY_INDEX)
#else
CSR(kernel_mac_csr_delta8, int8_t, uint8_t, BY_DELTA)
CSR(kernel_mac_csr_delta8_w16, int16_t, uint8_t, BY_DELTA)
CSR(kernel_mac_csr_index16, int8_t, uint16_t, BY_INDEX)
CSR(kernel_mac_csr_index16_w16, int16_t, uint16_t, BY_INDEX)
#endif

/* Convolution and linear layers with only non-zero weights stored (compressed sparse rows, one row a filter). */
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

    if (p->count_bytes == 1U) {
        const uint8_t *count = p->rows;

        for (; channel != 0U; channel--) {
            sum = (uint16_t)(sum + *count++);
        }
    } else {
        const uint16_t *count = p->rows;

        for (; channel != 0U; channel--) {
            sum = (uint16_t)(sum + *count++);
        }
    }
    return sum;
}

#define CSR(NAME, WEIGHT, OFFSET, STEP)                                                                                \
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
            const element_t *tap = window(mac, &at, (uint16_t)(at.channel / mac->group_size));                         \
            accumulator_t acc = bias(mac, at.channel);                                                                 \
            uint16_t k;                                                                                                \
                                                                                                                       \
            if (at.channel == 0U) {                                                                                    \
                weight = p->weights;                                                                                   \
                offset = p->offsets;                                                                                   \
            }                                                                                                          \
            for (k = entries(p, at.channel); k != 0U; k--) {                                                           \
                STEP                                                                                                   \
            }                                                                                                          \
            finish(mac, &at, acc);                                                                                     \
            advance(&mac->output, &at);                                                                                \
        }                                                                                                              \
    }

#define BY_DELTA                                                                                                       \
    tap += *offset;                                                                                                    \
    offset++;                                                                                                          \
    acc += (accumulator_t)(*weight) * (*tap);                                                                          \
    weight++;

#define BY_INDEX                                                                                                       \
    acc += (accumulator_t)(*weight) * tap[*offset];                                                                    \
    offset++;                                                                                                          \
    weight++;

#ifdef MODEL_FLOAT
CSR(kernel_mac_csr_delta8, float, uint8_t, BY_DELTA)
CSR(kernel_mac_csr_index16, float, uint16_t, BY_INDEX)
#else
CSR(kernel_mac_csr_delta8, int8_t, uint8_t, BY_DELTA)
CSR(kernel_mac_csr_delta8_w16, int16_t, uint8_t, BY_DELTA)
CSR(kernel_mac_csr_index16, int8_t, uint16_t, BY_INDEX)
CSR(kernel_mac_csr_index16_w16, int16_t, uint16_t, BY_INDEX)
#endif

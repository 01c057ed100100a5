/* Convolution and linear layers with only non-zero weights stored (compressed sparse rows, one row a filter). */
#include "mac.h"

#define CSR(NAME, WEIGHT, OFFSET, STEP)                                                                                \
    void NAME(const void *params, uint16_t first, uint16_t last)                                                       \
    {                                                                                                                  \
        const mac_csr_t *p = params;                                                                                   \
        const mac_t *mac = &p->mac;                                                                                    \
        position_t at = locate(&mac->output, first);                                                                   \
        uint16_t item;                                                                                                 \
                                                                                                                       \
        for (item = first; item < last; item++) {                                                                      \
            const element_t *tap = window(mac, &at, (uint16_t)(at.channel / mac->group_size));                         \
            const uint16_t begin = p->rows[at.channel];                                                                \
            const uint16_t count = (uint16_t)(p->rows[at.channel + 1U] - begin);                                       \
            const WEIGHT *weight = (const WEIGHT *)p->weights + begin;                                                 \
            const OFFSET *offset = (const OFFSET *)p->offsets + begin;                                                 \
            accumulator_t acc = bias(mac, at.channel);                                                                 \
            uint16_t k;                                                                                                \
                                                                                                                       \
            for (k = count; k != 0U; k--) {                                                                            \
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

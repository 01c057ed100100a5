/* What the programs of the restart benchmark share. Each has the same main, kernels, memory and weights, and its own
 * way of getting through the layers.
 */
#ifndef RESTART_H
#define RESTART_H

#include <stdint.h>

#include "kernels.h"
#include "nvm.h"
#include "port.h"
#include "runtime.h"

/* Computes all layers, from wherever the last failure left them. */
void restart_network(void);

/* Layers that multiply and accumulate: maps (a filter slides), lines (each output has weights of its own). */
enum { OTHER, DENSE_MAP, SPARSE_MAP, DENSE_LINE, SPARSE_LINE };

extern const uint16_t restart_kinds[]; /* one a layer */

/* A layer's weights for the programs that do not walk, the values of its own encoding in an order of theirs. Cells are
 * the windows of a filter before its pooling, whose steps are counted in elements.
 */
typedef struct {
    uint16_t kind;
    uint16_t height; /* rows of the output */
    uint16_t filters;
    uint16_t taps;
    uint16_t cell_rows;
    uint16_t cell_columns;
    uint16_t cell_row_step;
    uint16_t cell_column_step;
    const int8_t *weights;   /* filter by filter; sparse: those that are not zero */
    const uint16_t *offsets; /* in bytes from the window: one a tap; sparse: one a weight */
    const uint16_t *rows;    /* first weight of each filter, and the end of the last one */
    const int32_t *bias;     /* one a filter, in accumulator units */
} weights_t;

extern const weights_t restart_weights[]; /* one a layer */

#define MPY32CTL0 (*(volatile uint16_t *)0x04EC)
#define MPY (*(volatile uint16_t *)0x04C0)
#define OP2 (*(volatile uint16_t *)0x04C8)
#define RESLO (*(volatile uint16_t *)0x04CA)
#define RESHI (*(volatile uint16_t *)0x04CC)

/* In the multiplier, without the library's call: 16 bits of the product. */
static inline uint16_t times(uint16_t a, uint16_t b)
{
    MPY = a;
    OP2 = b;
    return RESLO;
}

/* A sum and its halves: shifts by 16 are calls of the library's. */
typedef union {
    int32_t value;
    uint16_t half[2];
} sum_t;

static inline void put_sum(int32_t value)
{
    const sum_t sum = {value};

    RESLO = sum.half[0];
    RESHI = sum.half[1];
}

static inline int32_t get_sum(void)
{
    sum_t sum;

    sum.half[0] = RESLO;
    sum.half[1] = RESHI;
    return sum.value;
}

/* Adds count >= 1 products to the multiplier's result: of consecutive elements, or of those at byte offsets. */
void products_dense(const int8_t *weights, const element_t *taps, uint16_t count);
void products_sparse(const int8_t *weights, const uint16_t *offsets, const element_t *window, uint16_t count);

/* The element that the sum in the multiplier's result becomes: requantized and clamped as in the walks. */
element_t restart_finish(const mac_t *mac, const uint16_t *multiplier);

static inline const uint16_t *multiplier_of(const mac_t *mac, uint16_t channel)
{
    return mac->multiplier + (mac->per_channel != 0U ? channel : 0U);
}

/* The layer whose unit the cursor names; not to be called when it names none. */
static inline uint16_t restart_layer(void)
{
    const uint16_t unit = (uint16_t)(model_progress.cursor - 1U);
    uint16_t layer = 0U;

    while (layer + 1U < model_layer_count && model_layers[layer + 1U].first_unit <= unit) {
        layer++;
    }
    return layer;
}

/* The cursor at which the layer behind this one begins. */
static inline uint16_t cursor_behind(uint16_t layer)
{
    return (uint16_t)((layer + 1U < model_layer_count ? model_layers[layer + 1U].first_unit : model_units) + 1U);
}

static inline int restart_is_done(void)
{
    return model_progress.cursor == (uint16_t)(model_units + 1U);
}

#endif

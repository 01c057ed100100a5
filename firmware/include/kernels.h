/* Every kernel with its parameters. Kernels are restartable: they read constants and earlier layers' outputs and write
 * only the items asked for, first <= item < last, each exactly once.
 *
 * Tensors are stored as rows of width x channels elements (HWC). A tensor may have a halo of constant cells around it,
 * so that a padded convolution needs no bounds test: "origin" is the element at row 0, column 0, channel 0 and
 * "pitch" the number of elements from one row to the next.
 *
 * What all parameters have in common: "input" is the element at the input's row 0, column 0, channel 0 unless said
 * otherwise; every pitch, step, start and offset counts elements, every height, width, stride, pad and dilation counts
 * cells; "shift" is that of requantize; "low" and "high" clamp the result, in elements.
 */
#ifndef KERNELS_H
#define KERNELS_H

#include <stdint.h>

#include "numeric.h"

/* Where a kernel writes. */
typedef struct {
    element_t *origin;
    uint16_t pitch;
    uint16_t width;
    uint16_t channels;
} surface_t;

/* One element of a surface while a kernel walks it in storage order. */
typedef struct {
    uint16_t row;
    uint16_t column;
    uint16_t channel;
} position_t;

/* Where element number item of a surface lies; it divides, so kernels call it once and then advance. */
static inline position_t locate(const surface_t *surface, uint16_t item)
{
    position_t at;
    const uint16_t line = (uint16_t)(item / surface->channels);

    at.channel = (uint16_t)(item % surface->channels);
    at.column = (uint16_t)(line % surface->width);
    at.row = (uint16_t)(line / surface->width);
    return at;
}

/* The next element in storage order. */
static inline void advance(const surface_t *surface, position_t *at)
{
    if (++at->channel == surface->channels) {
        at->channel = 0U;
        if (++at->column == surface->width) {
            at->column = 0U;
            at->row++;
        }
    }
}

/* The memory of an element. */
static inline element_t *address(const surface_t *surface, const position_t *at)
{
    return surface->origin + (uint16_t)(at->row * surface->pitch) + (uint16_t)(at->column * surface->channels) +
           at->channel;
}

/* Multiply-accumulate layers: convolution, linear, per-channel affine. One output is the largest of a pool of sums,
 * requantize(bias << bias_shift + sum of weight * tap), clamped. Taps are read relative to the window's first element:
 * input + row * row_step + column * column_step + group * group_step, and for the others of its pool as many
 * pool_row_step and pool_column_step further. Without pooling a pool is one window.
 */
typedef struct {
    const element_t *input; /* first element of the first window, which may lie in the halo */
    surface_t output;
    uint16_t row_step;          /* from a window to that of the output below */
    uint16_t column_step;       /* ... and to that of the next output in its row */
    uint16_t group_step;        /* ... and to that of the next group: input channels of a group */
    uint16_t group_size;        /* output channels of a group */
    const void *bias;           /* one an output channel, or NULL */
    const uint16_t *multiplier; /* one an output channel, or one in all */
    uint16_t per_channel;       /* 1: one multiplier a channel, 0: one in all */
    uint16_t shift;
    uint16_t bias_bytes; /* of one bias: 1 or 2 (float: 4), 0 where there is none */
    uint16_t bias_shift; /* bits by which the stored bias is moved left */
    element_t low;
    element_t high;
    uint16_t pool_rows; /* windows of a pool: at least 1 x 1 */
    uint16_t pool_columns;
    uint16_t pool_row_step;
    uint16_t pool_column_step;
} mac_t;

/* Dense weights, one filter after the other, taps in the order of the runs: tap_rows x tap_columns runs of
 * run_length consecutive elements.
 */
typedef struct {
    mac_t mac;
    const void *weights; /* int8_t, int16_t (dense16) or float */
    uint16_t tap_rows;
    uint16_t tap_columns;
    uint16_t run_length;
    uint16_t tap_row_step;    /* from a row of runs to the next */
    uint16_t tap_column_step; /* from a run to the next in its row */
} mac_dense_t;

/* Dense weights as int16_t for the low-energy accelerator: how many commands a window's sum takes, each but the last of
 * command_taps products, and how many of the first filters' rows lie in its RAM during a step.
 */
typedef struct {
    mac_dense_t dense;
    uint16_t commands;
    uint16_t command_taps;
    uint16_t resident_rows;
} mac_lea_t;

/* How many filters apart a sparse layer knows how many entries lie before one, so that no call adds up more of them. */
#define MAC_STARTS_APART 32U

/* Sparse weights, one filter after the other: output channel c has rows[c] entries, behind those of channel c - 1. */
typedef struct {
    mac_t mac;
    const void *weights;    /* int8_t, int16_t (w16) or float, one an entry */
    const void *offsets;    /* one an entry, twice what it counts: uint8_t steps from the tap before, or uint16_t from
                             * the window's start */
    const void *rows;       /* entries of each output channel, uint8_t or uint16_t */
    uint16_t count_bytes;   /* of one of them: 1 or 2 */
    const uint16_t *starts; /* entries before channel MAC_STARTS_APART, twice that and so on; or NULL */
} mac_csr_t;

/* Weights by mask, one filter after the other: bit i % 8 of byte i / 8 of a filter's mask tells whether its tap i, in
 * the order of the runs, has a weight. Each filter's mask begins with a new byte.
 */
typedef struct {
    mac_t mac;
    const void *weights; /* int8_t, int16_t (w16) or float, one a set bit */
    uint16_t tap_rows;   /* the runs, as in mac_dense_t */
    uint16_t tap_columns;
    uint16_t run_length;
    uint16_t tap_row_step;
    uint16_t tap_column_step;
    const uint8_t *mask;
    const void *counts;      /* weights of each output channel, uint8_t or uint16_t */
    uint16_t count_bytes;    /* of one of them: 1 or 2 */
    uint16_t position_bytes; /* of stack, where a walk writes down once a step what the masks say; or 0 */
    const uint16_t *starts;  /* as in mac_csr_t */
} mac_bitmap_t;

void kernel_mac_dense(const void *params, uint16_t first, uint16_t last);
void kernel_mac_dense16(const void *params, uint16_t first, uint16_t last);
void kernel_mac_csr_delta8(const void *params, uint16_t first, uint16_t last);
void kernel_mac_csr_delta8_w16(const void *params, uint16_t first, uint16_t last);
void kernel_mac_csr_index16(const void *params, uint16_t first, uint16_t last);
void kernel_mac_csr_index16_w16(const void *params, uint16_t first, uint16_t last);
void kernel_mac_bitmap(const void *params, uint16_t first, uint16_t last);
void kernel_mac_bitmap_w16(const void *params, uint16_t first, uint16_t last);

#ifdef MODEL_WALKS
void walk_mac_dense(const void *params, uint16_t first, uint16_t last, uint16_t per_unit);
void walk_mac_dense16(const void *params, uint16_t first, uint16_t last, uint16_t per_unit);
void walk_mac_dense_lea(const void *params, uint16_t first, uint16_t last, uint16_t per_unit); /* of a mac_lea_t */
void walk_mac_csr_delta8(const void *params, uint16_t first, uint16_t last, uint16_t per_unit);
void walk_mac_csr_delta8_w16(const void *params, uint16_t first, uint16_t last, uint16_t per_unit);
void walk_mac_csr_index16(const void *params, uint16_t first, uint16_t last, uint16_t per_unit);
void walk_mac_csr_index16_w16(const void *params, uint16_t first, uint16_t last, uint16_t per_unit);
void walk_mac_bitmap(const void *params, uint16_t first, uint16_t last, uint16_t per_unit);
void walk_mac_bitmap_w16(const void *params, uint16_t first, uint16_t last, uint16_t per_unit);
#endif

/* Maxima over windows; cells outside the input do not count. */
typedef struct {
    const element_t *input;
    surface_t output;
    uint16_t input_pitch;
    uint16_t input_height;
    uint16_t input_width;
    uint16_t kernel_height;
    uint16_t kernel_width;
    uint16_t stride_y;
    uint16_t stride_x;
    uint16_t pad_top;
    uint16_t pad_left;
    uint16_t dilation_y;
    uint16_t dilation_x;
    element_t low;
    element_t high;
} max_pool_t;

void kernel_max_pool(const void *params, uint16_t first, uint16_t last);
#ifdef MODEL_WALKS
void walk_max_pool(const void *params, uint16_t first, uint16_t last, uint16_t per_unit);
#endif

/* One window along a dimension: cells start .. start + length - 1, and which multiplier applies. */
typedef struct {
    uint16_t start;
    uint16_t length;
    uint16_t divisor_class;
} span_t;

/* Averages over windows: clamp(requantize(sum, multiplier)). */
typedef struct {
    const element_t *input;
    surface_t output;
    uint16_t input_pitch;
    const span_t *rows;         /* one an output row */
    const span_t *columns;      /* one an output column */
    uint16_t column_classes;    /* how many there are */
    const uint16_t *multiplier; /* [row class][column class] */
#ifdef MODEL_FLOAT
    const float *reciprocal; /* 1/divisor, in the same order */
#endif
    uint16_t shift;
    element_t low;
    element_t high;
} avg_pool_t;

void kernel_avg_pool(const void *params, uint16_t first, uint16_t last);
#ifdef MODEL_WALKS
void walk_avg_pool(const void *params, uint16_t first, uint16_t last, uint16_t per_unit);
#endif

/* clamp(requantize(a * gain_a + b * gain_b)); gains are below 2^15. */
typedef struct {
    const element_t *a; /* row 0, column 0, channel 0, as input elsewhere */
    const element_t *b;
    uint16_t pitch_a;
    uint16_t pitch_b;
    surface_t output;
    uint16_t gain_a;
    uint16_t gain_b;
    uint16_t shift;
    element_t low;
    element_t high;
} add_t;

void kernel_add(const void *params, uint16_t first, uint16_t last);
#ifdef MODEL_WALKS
void walk_add(const void *params, uint16_t first, uint16_t last, uint16_t per_unit);
#endif

/* Element by element: negative inputs by gain_negative, others by gain, each with its shift; then clamped. */
typedef struct {
    const element_t *input;
    uint16_t input_pitch;
    surface_t output;
    uint16_t gain;
    uint16_t gain_negative;
    uint16_t shift;
    uint16_t shift_negative;
    element_t low;
    element_t high;
#ifdef MODEL_FLOAT
    float slope;
#endif
} rectify_t;

void kernel_rectify(const void *params, uint16_t first, uint16_t last);
#ifdef MODEL_WALKS
void walk_rectify(const void *params, uint16_t first, uint16_t last, uint16_t per_unit);
#endif

/* Element by element by a table: 257 values at inputs -32768, -32512 .. 32768, linear between them. */
typedef struct {
    const element_t *input;
    uint16_t input_pitch;
    surface_t output;
#ifdef MODEL_FLOAT
    float (*function)(float);
#else
    const int16_t *table;
#endif
} lookup_t;

void kernel_lookup(const void *params, uint16_t first, uint16_t last);
#ifdef MODEL_WALKS
void walk_lookup(const void *params, uint16_t first, uint16_t last, uint16_t per_unit);
#endif

#ifdef MODEL_FLOAT
float function_sigmoid(float x);
float function_tanh(float x);
float function_hardswish(float x);
#endif

/* A box of elements from one tensor into another, both by strides: concatenation, permutation, move into a halo. An
 * item is one element of the box, the last of the three dimensions fastest.
 */
typedef struct {
    const element_t *input; /* first element of the box, on either side */
    element_t *output;
    uint16_t size[3]; /* elements along each dimension */
    uint16_t input_step[3];
    uint16_t output_step[3];
    uint16_t gain;
    uint16_t shift;
} copy_t;

void kernel_copy(const void *params, uint16_t first, uint16_t last);
#ifdef MODEL_WALKS
void walk_copy(const void *params, uint16_t first, uint16_t last, uint16_t per_unit);
#endif

/* The cells around a tensor, or all of it (height 0). An item is one stored row, halo rows included. */
typedef struct {
    element_t *stored; /* first cell of the halo */
    uint16_t pitch;
    uint16_t top;    /* rows above */
    uint16_t height; /* rows inside */
    uint16_t left;   /* elements before, in each inner row */
    uint16_t inside; /* elements inside, in each inner row */
    element_t value;
} fill_t;

void kernel_fill(const void *params, uint16_t first, uint16_t last);
#ifdef MODEL_WALKS
void walk_fill(const void *params, uint16_t first, uint16_t last, uint16_t per_unit);
#endif

/* The input as it came over the wire to elements. */
typedef struct {
    const void *input; /* bytes, or int16_t words */
    surface_t output;
    uint16_t kind; /* 0 unsigned bytes, 1 signed bytes, 2 words */
    int16_t gain;  /* requantize(x * gain + offset, 1, shift) ... */
    int32_t offset;
    uint16_t shift;
    const element_t *table; /* ... or table[byte] where it is not NULL */
#ifdef MODEL_FLOAT
    float scale;
    float zero;
#endif
} convert_t;

void kernel_convert(const void *params, uint16_t first, uint16_t last);
#ifdef MODEL_WALKS
void walk_convert(const void *params, uint16_t first, uint16_t last, uint16_t per_unit);
#endif

#endif

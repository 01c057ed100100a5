/* Loop continuation, loop-ordered buffering and sparse undo-logging as SONIC has them (Gobieski, Lucia, Beckmann,
 * ASPLOS 2019): our implementation from the published description. Partial sums are of 32 bits, since the model's are;
 * SONIC's own are of 16.
 */
#ifndef SONIC_H
#define SONIC_H

#include <stdint.h>

/* One pass of one weight over a filter's cells, or of one input over a dense line's outputs. Addresses are those of the
 * cell at which the loop goes on.
 */
typedef struct {
    const uint32_t *source; /* sums without this weight */
    uint32_t *target;       /* sums with it */
    const void *factor;     /* the element, or the line's weight, that is multiplied */
    uint32_t factor_step;   /* bytes to the next cell's */
    uint32_t row_gap;       /* ... and from the end of a row to the next, besides */
    uint16_t rows;          /* left */
    uint16_t columns;       /* of a row */
    uint16_t columns_left;  /* of this one */
    int16_t fixed;          /* the other factor */
} pass_t;

/* "first": there is no source yet. The factor is a word of a map, or a byte of a line's weights. */
void sonic_pass_first(const pass_t *pass);
void sonic_pass_more(const pass_t *pass);
void sonic_pass_first_line(const pass_t *pass);
void sonic_pass_more_line(const pass_t *pass);

/* The rows of a sparse line that are left, from weight j of row i on. */
typedef struct {
    const int8_t *weights;   /* at weight j */
    const uint16_t *offsets; /* ... too */
    const void *window;
    const uint16_t *rows; /* at row i */
    uint32_t *target;     /* ... too */
    uint16_t left;
} undo_t;

void sonic_undo(const undo_t *rows);

#endif

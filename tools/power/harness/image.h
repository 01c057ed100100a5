/* A memory whose contents are saved as trees of interned nodes: a snapshot is one number, two snapshots are equal
 * exactly where their numbers are, and one that differs in a word costs one path of nodes. */
#ifndef IMAGE_H
#define IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "pool.h"

#define IMAGE_LEVELS 10U

typedef struct {
    pool_t pool;
    uint16_t *words; /* the live memory */
    uint32_t levels;
    uint32_t width[IMAGE_LEVELS];
    uint32_t *number[IMAGE_LEVELS]; /* nodes of the last save or load, leaves first */
    uint32_t *touched;              /* leaves changed since */
    uint32_t touches;
    unsigned char *is_touched;
} image_t;

/* count: a multiple of NODE_WORDS. */
void image_init(image_t *image, uint16_t *words, size_t count);

/* To be called for every word that has changed. */
void image_touch(image_t *image, size_t word);

uint32_t image_save(image_t *image);
void image_load(image_t *image, uint32_t snapshot);

#endif

/* A map from 64-bit keys to numbers. */
#ifndef KEYMAP_H
#define KEYMAP_H

#include <stdint.h>

#define KEYMAP_NONE UINT32_MAX

typedef struct {
    uint64_t *keys;
    uint32_t *values; /* KEYMAP_NONE: free slot */
    uint32_t count;
    uint32_t slots;
} keymap_t;

void keymap_init(keymap_t *map);
uint32_t keymap_get(const keymap_t *map, uint64_t key);
void keymap_put(keymap_t *map, uint64_t key, uint32_t value);
void keymap_free(keymap_t *map);

#endif

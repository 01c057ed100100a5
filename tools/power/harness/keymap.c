#include "keymap.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"

/* The slot of a key, or the free one where it belongs. */
static uint32_t find(const keymap_t *map, uint64_t key)
{
    uint32_t slot = (uint32_t)((key * 0x9E3779B97F4A7C15U) >> 32) & (map->slots - 1U);

    while (map->values[slot] != KEYMAP_NONE && map->keys[slot] != key) {
        slot = (slot + 1U) & (map->slots - 1U);
    }
    return slot;
}

static void allocate(keymap_t *map, uint32_t slots)
{
    map->slots = slots;
    map->keys = malloc((size_t)slots * sizeof *map->keys);
    map->values = malloc((size_t)slots * sizeof *map->values);
    if (map->keys == NULL || map->values == NULL) {
        fail(FAIL_TOOL, "no memory for more states; explore fewer");
    }
    memset(map->values, 0xFF, (size_t)slots * sizeof *map->values);
}

void keymap_init(keymap_t *map)
{
    map->count = 0U;
    allocate(map, 1024U);
}

uint32_t keymap_get(const keymap_t *map, uint64_t key)
{
    return map->values[find(map, key)];
}

void keymap_put(keymap_t *map, uint64_t key, uint32_t value)
{
    uint32_t slot;

    if (2U * map->count >= map->slots) {
        const keymap_t old = *map;

        allocate(map, 2U * old.slots);
        map->count = 0U;
        for (slot = 0U; slot < old.slots; slot++) {
            if (old.values[slot] != KEYMAP_NONE) {
                keymap_put(map, old.keys[slot], old.values[slot]);
            }
        }
        free(old.keys);
        free(old.values);
    }
    slot = find(map, key);
    if (map->values[slot] == KEYMAP_NONE) {
        map->count++;
    }
    map->keys[slot] = key;
    map->values[slot] = value;
}

void keymap_free(keymap_t *map)
{
    free(map->keys);
    free(map->values);
}

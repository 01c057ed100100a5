#include "pool.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"

static uint32_t slot_of(const pool_t *pool, const node_t *node)
{
    uint64_t hash = 0U;
    uint32_t i;

    for (i = 0U; i < NODE_CHILDREN; i++) {
        hash = (hash ^ node->children[i]) * 0x9E3779B97F4A7C15U;
        hash ^= hash >> 29;
    }
    return (uint32_t)(hash >> 16) & (pool->slots - 1U);
}

static void place(pool_t *pool, uint32_t number)
{
    uint32_t slot = slot_of(pool, &pool->nodes[number]);

    while (pool->table[slot] != 0U) {
        slot = (slot + 1U) & (pool->slots - 1U);
    }
    pool->table[slot] = number + 1U;
}

static void grow(pool_t *pool)
{
    uint32_t i;

    pool->slots *= 2U;
    free(pool->table);
    pool->table = calloc(pool->slots, sizeof *pool->table);
    pool->nodes = realloc(pool->nodes, (size_t)(pool->slots / 2U) * sizeof *pool->nodes);
    if (pool->table == NULL || pool->nodes == NULL) {
        fail(FAIL_TOOL, "no memory for more states; explore fewer");
    }
    for (i = 0U; i < pool->count; i++) {
        place(pool, i);
    }
}

void pool_init(pool_t *pool)
{
    memset(pool, 0, sizeof *pool);
    pool->slots = 2048U;
    grow(pool);
}

uint32_t pool_intern(pool_t *pool, const node_t *node)
{
    uint32_t slot = slot_of(pool, node);

    while (pool->table[slot] != 0U) {
        if (memcmp(&pool->nodes[pool->table[slot] - 1U], node, sizeof *node) == 0) {
            return pool->table[slot] - 1U;
        }
        slot = (slot + 1U) & (pool->slots - 1U);
    }
    if (pool->count == pool->slots / 2U) {
        grow(pool);
    }
    pool->nodes[pool->count] = *node;
    pool->count++;
    place(pool, pool->count - 1U);
    return pool->count - 1U;
}

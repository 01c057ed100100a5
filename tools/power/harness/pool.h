/* Interned nodes of 32 bytes: equal contents have equal numbers, so comparing two numbers compares the contents. */
#ifndef POOL_H
#define POOL_H

#include <stdint.h>

#define NODE_WORDS 16U /* 16-bit words of memory in a leaf */
#define NODE_CHILDREN 8U

typedef union {
    uint16_t words[NODE_WORDS];
    uint32_t children[NODE_CHILDREN];
} node_t;

typedef struct {
    node_t *nodes;
    uint32_t count;
    uint32_t *table; /* number + 1, open addressing */
    uint32_t slots;  /* a power of two, at least twice the count */
} pool_t;

void pool_init(pool_t *pool);
uint32_t pool_intern(pool_t *pool, const node_t *node);

#endif

/* The FRAM controller's read cache: two sets of two lines of eight bytes, the least recently used one replaced. */

#ifndef CACHE_H
#define CACHE_H

#include <stdbool.h>
#include <stdint.h>

#define NO_LINE UINT32_MAX

struct cache {
    uint32_t line[2][2];
    uint8_t recent[2];
};

static inline void cache_empty(struct cache *c)
{
    for (int set = 0; set < 2; set++) {
        c->line[set][0] = c->line[set][1] = NO_LINE;
        c->recent[set] = 0;
    }
}

/* Whether a read finds its line; it is there afterwards. */
static inline bool cache_read(struct cache *c, uint32_t line)
{
    unsigned set = line & 1u;
    if (c->line[set][c->recent[set]] == line)
        return true;
    c->recent[set] ^= 1u;
    if (c->line[set][c->recent[set]] == line)
        return true;
    c->line[set][c->recent[set]] = line;
    return false;
}

/* A write goes around the cache: the line is given up. */
static inline void cache_write(struct cache *c, uint32_t line)
{
    unsigned set = line & 1u;
    for (int way = 0; way < 2; way++) {
        if (c->line[set][way] == line)
            c->line[set][way] = NO_LINE;
    }
}

#endif

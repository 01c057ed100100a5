/* The memory map and the accesses of the processor. */

#ifndef MEMORY_H
#define MEMORY_H

#include "machine.h"

/* Bytes of the map; false where they overlap something else. */
bool map_region(struct machine *m, uint32_t start, uint32_t size, uint8_t kind);

/* Loses what does not outlive the power; the seed decides what is found there instead. */
void poison_ram(struct machine *m);

uint16_t read_special(struct machine *m, uint32_t address);
uint8_t read_special_byte(struct machine *m, uint32_t address);
void write_special(struct machine *m, uint32_t address, uint16_t value, uint16_t mask);

/* Without waiting, counting or asking: for loading and reporting. */
uint16_t peek(const struct machine *m, uint32_t address);

static inline void fram_read(struct machine *m, uint32_t address)
{
    m->count.fram_reads++;
    if (cache_read(&m->cache, address >> 3)) {
        m->count.hits++;
        return;
    }
    m->count.misses++;
    m->count.waits += m->waits;
    m->cycles += m->waits;
}

/* The words of an instruction; what lies in one line costs one look at most. */
static inline void fram_fetch(struct machine *m, uint32_t address, unsigned words)
{
    uint32_t first = address >> 3, last = (address + 2u * words - 2u) >> 3;
    unsigned set = first & 1u;
    m->count.fram_reads += words;
    if (first == last && m->cache.line[set][m->cache.recent[set]] == first) {
        m->count.hits += words;
        return;
    }
    m->count.fram_reads -= words;
    for (unsigned i = 0; i < words; i++)
        fram_read(m, address + 2u * i);
}

/* Bit 0 of a word's address is ignored, as the bus does. */
static inline uint16_t read_word(struct machine *m, uint32_t address)
{
    address &= TOP - 1u;
    uint8_t kind = m->kind[address >> 1];
    if (kind & KIND_FRAM)
        fram_read(m, address);
    else if (!(kind & KIND_RAM))
        return read_special(m, address);
    return (uint16_t)(m->memory[address] | m->memory[address + 1u] << 8);
}

static inline uint8_t read_byte(struct machine *m, uint32_t address)
{
    address &= TOP;
    uint8_t kind = m->kind[address >> 1];
    if (kind & KIND_FRAM)
        fram_read(m, address);
    else if (!(kind & KIND_RAM))
        return read_special_byte(m, address);
    return m->memory[address];
}

static inline void write_word(struct machine *m, uint32_t address, uint16_t value)
{
    address &= TOP - 1u;
    if (m->kind[address >> 1] == KIND_RAM) {
        m->memory[address] = (uint8_t)value;
        m->memory[address + 1u] = (uint8_t)(value >> 8);
    } else {
        write_special(m, address, value, 0xFFFFu);
    }
}

static inline void write_byte(struct machine *m, uint32_t address, uint8_t value)
{
    address &= TOP;
    if (m->kind[address >> 1] == KIND_RAM)
        m->memory[address] = value;
    else if (address & 1u)
        write_special(m, address & ~1u, (uint16_t)(value << 8), 0xFF00u);
    else
        write_special(m, address, value, 0x00FFu);
}

#endif

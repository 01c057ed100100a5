#include "state.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "setup.h"

static struct {
    uint16_t now[SPACE / 2u]; /* what the last note saw */
    uint8_t *cold;            /* the ranges one after the other */
    uint64_t hash;
} state;

uint64_t mixed(uint64_t key)
{
    uint64_t hash = key * UINT64_C(0x9E3779B97F4A7C15);
    hash = (hash ^ hash >> 32) * UINT64_C(0xD6E8FEB86659FD93);
    hash = (hash ^ hash >> 29) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 32;
}

static uint64_t word_hash(uint32_t address, uint16_t value)
{
    return mixed((uint64_t)address << 16 | value);
}

uint64_t state_hash(void)
{
    return state.hash;
}

static void look(struct machine *m)
{
    for (unsigned i = 0; i < setup.state.count; i++) {
        const struct range *range = &setup.state.at[i];
        for (uint32_t at = range->start; at < range->start + range->size; at += 2u)
            state.now[at >> 1] = peek(m, at);
    }
    state.hash = 0;
}

void state_start(struct machine *m)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < setup.arenas.count; i++) {
        const struct range *range = &setup.arenas.at[i];
        for (uint32_t at = range->start; at < range->start + range->size; at++)
            m->memory[at] = (uint8_t)(random_word(m) >> 40);
    }
    for (unsigned i = 0; i < setup.state.count; i++)
        bytes += setup.state.at[i].size;
    state.cold = malloc(bytes + 1u);
    if (state.cold == NULL)
        abort();
    bytes = 0;
    for (unsigned i = 0; i < setup.state.count; i++) {
        memcpy(state.cold + bytes, m->memory + setup.state.at[i].start, setup.state.at[i].size);
        bytes += setup.state.at[i].size;
    }
    look(m);
}

void state_reset(struct machine *m)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < setup.state.count; i++) {
        memcpy(m->memory + setup.state.at[i].start, state.cold + bytes, setup.state.at[i].size);
        bytes += setup.state.at[i].size;
    }
    look(m);
}

bool state_note(struct machine *m, uint32_t address, uint16_t *old)
{
    const uint16_t value = peek(m, address);
    if (!within(&setup.state, address))
        return false;
    *old = state.now[address >> 1];
    state.hash ^= word_hash(address, *old) ^ word_hash(address, value);
    state.now[address >> 1] = value;
    return true;
}

void state_put(struct machine *m, uint32_t address, uint16_t value)
{
    uint16_t old;
    m->memory[address] = (uint8_t)value;
    m->memory[address + 1u] = (uint8_t)(value >> 8);
    (void)state_note(m, address, &old);
}

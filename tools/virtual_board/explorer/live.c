#include "live.h"

#include "memory.h"
#include "setup.h"
#include "state.h"

static bool on_stack(const struct machine *m, uint32_t address)
{
    return address >= m->r[SP] && address < setup.stack;
}

void live_scramble(struct machine *m)
{
    uint64_t chance = 0;
    for (unsigned i = 0; i < m->rams; i++) {
        for (uint32_t at = m->ram[i].start; at < m->ram[i].start + m->ram[i].size; at += 2u, chance >>= 16) {
            if (chance == 0)
                chance = random_word(m);
            if (within(&setup.statics, at) || on_stack(m, at))
                continue;
            m->memory[at] = (uint8_t)chance;
            m->memory[at + 1u] = (uint8_t)(chance >> 8);
        }
    }
    m->mpy32.op1 = (uint32_t)random_word(m);
    m->mpy32.op2 = (uint32_t)random_word(m);
    m->mpy32.result = m->mpy32.before = random_word(m);
    m->mpy32.sumext = (uint16_t)random_word(m);
    m->lea.source0 = (uint32_t)random_word(m);
    m->lea.source1 = (uint32_t)random_word(m);
}

static uint64_t with_words(const struct machine *m, uint64_t hash, uint32_t start, uint32_t end)
{
    for (uint32_t at = start; at < end; at += 2u)
        hash = mixed(hash ^ ((uint64_t)at << 16 | peek(m, at)));
    return hash;
}

uint64_t live_hash(const struct machine *m)
{
    const struct lea *u = &m->lea;
    uint64_t hash = mixed(m->mpy32.ctl0 ^ (uint64_t)u->cnf0 << 16 ^ (uint64_t)u->pmctl << 32);
    hash = mixed(hash ^ (uint64_t)u->ifg << 48 ^ (uint64_t)u->ie << 32 ^ u->stack);
    for (unsigned n = 0; n < 16u; n++)
        hash = mixed(hash ^ ((uint64_t)(n + 1u) << 20 | m->r[n]));
    for (unsigned i = 0; i < setup.statics.count; i++)
        hash = with_words(m, hash, setup.statics.at[i].start, setup.statics.at[i].start + setup.statics.at[i].size);
    return with_words(m, hash, m->r[SP], setup.stack);
}

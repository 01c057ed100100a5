/* Jumps, repeated instructions, and those that do not exist. */

#include "cpu.h"

static void taken(struct machine *m, const struct insn *i)
{
    uint32_t from = m->r[PC];
    m->r[PC] = i->sx;
    if (i->sx == ((from - 2u) & TOP)) { /* whether anything can end this is decided where events are */
        m->circling = true;
        m->event_at = 0;
    }
}

#define CONDITION(name, test)                                                                                          \
    static void name(struct machine *m, const struct insn *i)                                                          \
    {                                                                                                                  \
        uint32_t sr = m->r[SR];                                                                                        \
        if (test)                                                                                                      \
            m->r[PC] = i->sx;                                                                                          \
    }

CONDITION(jnz, !(sr & FLAG_Z))
CONDITION(jz, sr &FLAG_Z)
CONDITION(jnc, !(sr & FLAG_C))
CONDITION(jc, sr &FLAG_C)
CONDITION(jn, sr &FLAG_N)
CONDITION(jge, !(sr & FLAG_N) == !(sr & FLAG_V))
CONDITION(jl, !(sr & FLAG_N) != !(sr & FLAG_V))

runner jump_on(unsigned condition)
{
    static const runner jumps[8] = {jnz, jz, jnc, jc, jn, jge, jl, taken};
    return jumps[condition];
}

void run_many(struct machine *m, const struct insn *i)
{
    unsigned count = i->by_register ? m->r[i->count] & 0xFu : i->count;
    for (unsigned k = 0; k <= count; k++) {
        if (i->zero_carry)
            m->r[SR] &= (uint32_t)~FLAG_C;
        i->once(m, i);
    }
    m->cycles += count;
}

void run_illegal(struct machine *m, const struct insn *i)
{
    (void)i;
    stop(m, "illegal", "0x%04x at 0x%05x is no instruction", (unsigned)i->sx, (unsigned)i->dx);
}

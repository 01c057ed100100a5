#include "controller.h"

#include "io.h"
#include "machine.h"

enum { FRCTL0 = 0, GCCTL0 = 4, GCCTL1 = 6 };
enum { NWAITS = 0x00F0, CTL0_BITS = 0x00F8 };
enum { WPROT = 0x0001, WPIE = 0x0010, WPIFG = 0x0010 }; /* FRCTL_A only; recalled */

bool controller_allows(struct machine *m)
{
    struct controller *c = &m->controller;
    if (!c->protecting)
        return true;
    c->gcctl1 |= WPIFG;
    if (c->gcctl0 & WPIE)
        stop(m, "unsimulated", "the interrupt of a write to protected FRAM (WPIE) is not simulated");
    return false;
}

void controller_reset(struct machine *m)
{
    m->controller.unlocked = false;
    m->controller.ctl0 = 0;
    m->controller.protecting = false;
    m->controller.gcctl0 = 0x0004;
    m->controller.gcctl1 = 0;
    m->waits = 0;
    cache_empty(&m->cache);
}

uint16_t controller_read(struct machine *m, uint32_t offset)
{
    const struct controller *c = &m->controller;
    return offset == FRCTL0   ? (uint16_t)(0x9600u | c->ctl0)
           : offset == GCCTL0 ? c->gcctl0
           : offset == GCCTL1 ? c->gcctl1
                              : 0;
}

void controller_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask)
{
    struct controller *c = &m->controller;
    if (offset == FRCTL0 && (mask & 0xFF00u)) {
        c->unlocked = (value & 0xFF00u) == 0xA500u;
        if (!c->unlocked && mask == 0xFFFFu)
            io_reset(m, CAUSE_FRCTL_PASSWORD); /* a byte locks, a word is a violation */
    }
    if (!c->unlocked || !(mask & 0x00FFu))
        return;
    if (offset == FRCTL0) {
        c->ctl0 = value & (CTL0_BITS | (c->protects ? WPROT : 0));
        c->protecting = (c->ctl0 & WPROT) != 0;
        m->waits = (c->ctl0 & NWAITS) >> 4;
        clock_check(m);
    } else if (offset == GCCTL0) {
        c->gcctl0 = (uint16_t)((c->gcctl0 & ~mask) | (value & mask));
    } else if (offset == GCCTL1) {
        c->gcctl1 = (uint16_t)((c->gcctl1 & ~mask) | (value & mask));
    }
}

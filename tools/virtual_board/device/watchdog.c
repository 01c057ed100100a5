#include "watchdog.h"

#include "io.h"
#include "machine.h"

enum { WDTHOLD = 0x80, WDTSSEL = 0x60, WDTTMSEL = 0x10, WDTCNTCL = 0x08, WDTIS = 0x07 };

static uint64_t period_ps(const struct machine *m)
{
    switch ((m->watchdog.ctl & WDTSSEL) >> 5) {
    case 0:
        return m->clock.smclk_ps;
    case 1:
        return m->clock.aclk_ps;
    default:
        return 106382979; /* VLO */
    }
}

static uint64_t interval(const struct machine *m)
{
    static const uint8_t shifts[8] = {31, 27, 23, 19, 15, 13, 9, 6};
    return UINT64_C(1) << shifts[m->watchdog.ctl & WDTIS];
}

void watchdog_synchronize(struct machine *m)
{
    struct watchdog *w = &m->watchdog;
    uint64_t now = clock_now(m), ps = period_ps(m);
    if (ps == 0 || w->ctl & WDTHOLD) {
        w->since_ps = now;
        return;
    }
    uint64_t ticks = (now - w->since_ps) / ps;
    w->count += ticks;
    w->since_ps += ticks * ps;
}

void watchdog_reset(struct machine *m)
{
    m->watchdog.ctl = 0x04; /* running from SMCLK, 32768 ticks */
    m->watchdog.count = 0;
    m->watchdog.since_ps = clock_now(m);
}

uint64_t watchdog_due(const struct machine *m)
{
    const struct watchdog *w = &m->watchdog;
    if (w->ctl & WDTHOLD)
        return NEVER;
    uint64_t left = w->count < interval(m) ? interval(m) - w->count : 0;
    return w->since_ps + left * period_ps(m);
}

void watchdog_event(struct machine *m)
{
    watchdog_synchronize(m);
    m->watchdog.count = 0;
    if (!(m->watchdog.ctl & WDTTMSEL)) {
        reset(m, CAUSE_WDT_TIMEOUT);
        return;
    }
    m->power.ifg1 |= WDTIFG;
    watchdog_interrupt(m);
}

void watchdog_interrupt(struct machine *m)
{
    bool timer = (m->watchdog.ctl & WDTTMSEL) != 0;
    interrupt(m, m->watchdog.vector, timer && (m->power.ie1 & m->power.ifg1 & WDTIE));
}

void watchdog_accepted(struct machine *m)
{
    m->power.ifg1 &= (uint16_t)~WDTIFG;
    watchdog_interrupt(m);
}

uint16_t watchdog_read(struct machine *m, uint32_t offset)
{
    return offset == 0 ? (uint16_t)(0x6900u | m->watchdog.ctl) : 0;
}

void watchdog_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask)
{
    struct watchdog *w = &m->watchdog;
    if (offset != 0)
        return;
    if (mask != 0xFFFFu || (value & 0xFF00u) != 0x5A00u) /* a byte has no room for the password */
        io_reset(m, CAUSE_WDT_PASSWORD);
    watchdog_synchronize(m);
    w->ctl = value & 0x00F7u;
    if (value & WDTCNTCL) {
        w->count = 0;
        w->since_ps = clock_now(m);
    }
    watchdog_interrupt(m);
    m->event_at = 0;
}

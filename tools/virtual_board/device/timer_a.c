/* SLAU367 chapter "Timer_A". The count is brought up to now whenever somebody looks or a flag may be due. */

#include "timer_a.h"

#include "io.h"
#include "machine.h"

enum { CTL = 0x00, CCTL = 0x02, COUNT = 0x10, CCR = 0x12, EX0 = 0x20, IV = 0x2E };
enum { TAIFG = 0x0001, TAIE = 0x0002, TACLR = 0x0004, MC = 0x0030, ID = 0x00C0, TASSEL = 0x0300, CTL_BITS = 0x03F3 };
enum { STOPPED = 0, UP = 1, CONTINUOUS = 2, UP_DOWN = 3 };
enum { CCIFG = 0x0001, CCIE = 0x0010, CAP = 0x0100 };

static unsigned mode_of(const struct timer_a *t)
{
    unsigned mode = (t->ctl & MC) >> 4;
    return (mode == UP || mode == UP_DOWN) && t->ccr[0] == 0 ? STOPPED : mode;
}

uint64_t timer_clock_ps(const struct machine *m, const struct timer_a *t)
{
    unsigned source = (t->ctl & TASSEL) >> 8;
    if (t->base == 0 || mode_of(t) == STOPPED)
        return 0;
    return source == 1u ? m->clock.aclk_ps : source == 2u ? m->clock.smclk_ps : 0;
}

/* The period of a tick; 0 where the timer stands still. */
static uint64_t tick_ps(const struct machine *m, const struct timer_a *t)
{
    return (timer_clock_ps(m, t) << ((t->ctl & ID) >> 6)) * ((t->ex0 & 7u) + 1u);
}

static void update(struct machine *m, const struct timer_a *t)
{
    bool others = (t->ctl & TAIE) && (t->ctl & TAIFG);
    for (unsigned i = 1; i < t->channels; i++)
        others = others || ((t->cctl[i] & CCIE) && (t->cctl[i] & CCIFG));
    interrupt(m, t->vector, others);
    interrupt(m, t->vector + 1u, (t->cctl[0] & CCIE) && (t->cctl[0] & CCIFG));
}

void timer_reset(struct machine *m, struct timer_a *t)
{
    t->ctl = t->ex0 = t->count = 0;
    t->down = false;
    t->since_ps = clock_now(m);
    for (unsigned i = 0; i < CHANNELS; i++)
        t->cctl[i] = t->ccr[i] = 0;
}

/* The count at which the timer turns round. */
static uint32_t turn(const struct timer_a *t)
{
    return mode_of(t) == CONTINUOUS ? 0xFFFFu : t->ccr[0];
}

/* Ticks until the count is next set to a value; 0 where it never is. */
static uint64_t ticks_to(const struct timer_a *t, uint32_t value)
{
    uint32_t last = turn(t), now = t->count;
    if (value > last)
        return 0;
    if (mode_of(t) == UP_DOWN) {
        uint32_t place = t->down ? 2u * last - now : now, period = 2u * last;
        uint32_t up = (value + period - place) % period, down = (period - value + period - place) % period;
        uint32_t first = up == 0 ? period : up, second = down == 0 ? period : down;
        return first < second ? first : second;
    }
    uint32_t distance = now > last ? value + 1u : (value + last + 1u - now) % (last + 1u);
    return distance == 0 ? last + 1u : distance;
}

static void advance(struct timer_a *t, uint64_t ticks)
{
    uint32_t last = turn(t);
    if (mode_of(t) == UP_DOWN) {
        uint64_t place = ((t->down ? 2u * last - t->count : t->count) + ticks) % (2u * last);
        t->down = place >= last;
        t->count = (uint16_t)(t->down ? 2u * last - place : place);
        return;
    }
    if (t->count > last) { /* CCR0 was made smaller: it goes to zero first */
        t->count = 0;
        ticks--;
    }
    t->count = (uint16_t)((t->count + ticks) % (last + 1u));
}

void timer_synchronize(struct machine *m, struct timer_a *t)
{
    uint64_t now = clock_now(m), ps = t->base == 0 ? 0 : tick_ps(m, t);
    if (ps == 0) {
        t->since_ps = now;
        return;
    }
    uint64_t ticks = (now - t->since_ps) / ps;
    if (ticks == 0)
        return;
    for (unsigned i = 0; i < t->channels; i++) {
        uint64_t to = ticks_to(t, t->ccr[i]);
        if (to != 0 && to <= ticks && !(t->cctl[i] & CAP))
            t->cctl[i] |= CCIFG;
    }
    uint64_t zero = ticks_to(t, 0);
    if (zero <= ticks)
        t->ctl |= TAIFG;
    t->since_ps += ticks * ps;
    advance(t, ticks);
    update(m, t);
}

uint64_t timer_due(const struct machine *m, const struct timer_a *t)
{
    uint64_t ps = t->base == 0 ? 0 : tick_ps(m, t), first = 0;
    if (ps == 0)
        return NEVER;
    for (unsigned i = 0; i < t->channels; i++) {
        uint64_t to = (t->cctl[i] & CCIE) && !(t->cctl[i] & CCIFG) ? ticks_to(t, t->ccr[i]) : 0;
        if (to != 0 && (first == 0 || to < first))
            first = to;
    }
    uint64_t zero = (t->ctl & TAIE) && !(t->ctl & TAIFG) ? ticks_to(t, 0) : 0;
    if (zero != 0 && (first == 0 || zero < first))
        first = zero;
    return first == 0 ? NEVER : t->since_ps + first * ps;
}

/* Reading gives the source with the highest priority and clears its flag. */
static uint16_t interrupt_vector(struct machine *m, struct timer_a *t)
{
    uint16_t found = 0;
    for (unsigned i = 1; i < t->channels && found == 0; i++) {
        if ((t->cctl[i] & CCIE) && (t->cctl[i] & CCIFG)) {
            t->cctl[i] &= (uint16_t)~CCIFG;
            found = (uint16_t)(2u * i);
        }
    }
    if (found == 0 && (t->ctl & TAIE) && (t->ctl & TAIFG)) {
        t->ctl &= (uint16_t)~TAIFG;
        found = 0x0E;
    }
    update(m, t);
    return found;
}

void timer_accepted(struct machine *m, struct timer_a *t, unsigned vector)
{
    if (vector == t->vector + 1u)
        t->cctl[0] &= (uint16_t)~CCIFG;
    update(m, t);
}

uint16_t timer_read(struct machine *m, struct timer_a *t, uint32_t offset)
{
    timer_synchronize(m, t);
    if (offset == CTL)
        return t->ctl;
    if (offset == COUNT)
        return t->count;
    if (offset == EX0)
        return t->ex0;
    if (offset == IV)
        return interrupt_vector(m, t);
    if (offset >= CCR && offset < CCR + 2u * t->channels)
        return t->ccr[(offset - CCR) >> 1];
    return offset < CCTL + 2u * t->channels ? t->cctl[(offset - CCTL) >> 1] : 0;
}

static void write_control(struct machine *m, struct timer_a *t, uint16_t value, uint16_t mask)
{
    t->ctl = (uint16_t)(((t->ctl & ~mask) | (value & mask)) & CTL_BITS);
    if (value & mask & TACLR) {
        t->count = 0;
        t->down = false;
    }
    t->since_ps = clock_now(m);
}

void timer_write(struct machine *m, struct timer_a *t, uint32_t offset, uint16_t value, uint16_t mask)
{
    timer_synchronize(m, t);
    if (offset == CTL) {
        write_control(m, t, value, mask);
    } else if (offset == COUNT) {
        t->count = (uint16_t)((t->count & ~mask) | (value & mask));
    } else if (offset == EX0) {
        t->ex0 = value & mask & 7u;
    } else if (offset >= CCR && offset < CCR + 2u * t->channels) {
        uint16_t *ccr = &t->ccr[(offset - CCR) >> 1];
        *ccr = (uint16_t)((*ccr & ~mask) | (value & mask));
    } else if (offset >= CCTL && offset < CCTL + 2u * t->channels) {
        uint16_t *cctl = &t->cctl[(offset - CCTL) >> 1];
        *cctl = (uint16_t)((*cctl & ~mask) | (value & mask));
        if (*cctl & CAP)
            stop(m, "unsimulated", "Timer_A capture (CAP in TAxCCTLn) is not simulated");
    }
    update(m, t);
    energy_update(m);
}

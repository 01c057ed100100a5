#include "clock.h"

#include "io.h"
#include "machine.h"

#define KEY 0xA500u
#define UNUSABLE 0x96u /* what a password reads as */

enum { CSCTL0, CSCTL1, CSCTL2, CSCTL3, CSCTL4 };
enum { LFXT, VLO, LFMODCLK, DCO, MODCLK };
enum { LFXTOFF = 0x0001 };

#define NO_WAIT_PS 125000u /* 8 MHz */
#define FASTEST_PS 62500u  /* 16 MHz */

static uint64_t dco_ps(uint16_t ctl1)
{
    /* 1, 2.67, 3.33, 4, 5.33, 6.67, 8 MHz and with DCORSEL 1, 5.33, 6.67, 8, 16, 21, 24 MHz */
    static const uint64_t slow[8] = {1000000, 375000, 300000, 250000, 187500, 150000, 125000, 125000};
    static const uint64_t fast[8] = {1000000, 187500, 150000, 125000, 62500, 47619, 41667, 41667};
    unsigned select = ctl1 >> 1 & 7u;
    return ctl1 & 0x40u ? fast[select] : slow[select];
}

static uint64_t source_ps(const struct clock *c, unsigned select, unsigned divider)
{
    uint64_t ps;
    if (select == LFXT && !(c->ctl[CSCTL4] & LFXTOFF))
        ps = 30517578; /* 32768 Hz */
    else if (select == VLO)
        ps = 106382979; /* 9.4 kHz */
    else if (select == DCO)
        ps = dco_ps(c->ctl[CSCTL1]);
    else if (select <= LFMODCLK)
        ps = 25600000; /* MODCLK / 128, also in place of a missing crystal */
    else
        ps = 200000; /* 5 MHz */
    return ps << (divider > 5u ? 5u : divider);
}

uint64_t clock_now(const struct machine *m)
{
    return m->clock.base_ps + (m->cycles - m->clock.base_cycles) * m->clock.mclk_ps;
}

uint64_t clock_cycle_at(const struct machine *m, uint64_t ps)
{
    const struct clock *c = &m->clock;
    if (ps == NEVER)
        return NEVER;
    return ps <= c->base_ps ? c->base_cycles : c->base_cycles + (ps - c->base_ps + c->mclk_ps - 1u) / c->mclk_ps;
}

void clock_sleep(struct machine *m, uint64_t ps)
{
    energy_asleep(m, ps);
    m->clock.base_ps += ps;
    m->clock.sleep_ps += ps;
}

void clock_skip(struct machine *m, uint64_t ps)
{
    m->clock.base_ps += ps;
}

void clock_check(struct machine *m)
{
    uint64_t ps = m->clock.mclk_ps;
    if (ps < FASTEST_PS)
        stop(m, "clock", "MCLK is above 16 MHz, the most that this device takes");
    if (ps < NO_WAIT_PS && m->waits == 0)
        stop(m, "clock", "MCLK is above 8 MHz without FRAM wait states: set NWAITS in FRCTL0 first");
}

static void apply(struct machine *m)
{
    struct clock *c = &m->clock;
    io_synchronize(m);
    c->base_ps = clock_now(m);
    c->base_cycles = m->cycles;
    c->mclk_ps = source_ps(c, c->ctl[CSCTL2] & 7u, c->ctl[CSCTL3] & 7u);
    c->smclk_ps = source_ps(c, c->ctl[CSCTL2] >> 4 & 7u, c->ctl[CSCTL3] >> 4 & 7u);
    c->aclk_ps = source_ps(c, c->ctl[CSCTL2] >> 8 & 7u, c->ctl[CSCTL3] >> 8 & 7u);
    energy_update(m);
}

void clock_reset(struct machine *m)
{
    static const uint16_t defaults[7] = {0, 0x000C, 0x0033, 0x0033, 0xCDC9, 0x00C0, 0x000F};
    struct clock *c = &m->clock;
    if (c->mclk_ps == 0)
        c->mclk_ps = 1000000;
    c->unlocked = false;
    for (int i = 0; i < 7; i++)
        c->ctl[i] = defaults[i];
    apply(m);
}

uint16_t clock_read(struct machine *m, uint32_t offset)
{
    if (offset > 12u)
        return 0;
    return offset == 0 ? UNUSABLE << 8 : m->clock.ctl[offset >> 1];
}

void clock_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask)
{
    struct clock *c = &m->clock;
    if (offset == 0) {
        if (mask & 0xFF00u) {
            c->unlocked = (value & 0xFF00u) == KEY;
            if (!c->unlocked && mask == 0xFFFFu)
                io_reset(m, CAUSE_CS_PASSWORD); /* a byte locks, a word is a violation */
        }
        return;
    }
    if (!c->unlocked || offset > 12u)
        return;
    uint16_t *ctl = &c->ctl[offset >> 1];
    *ctl = (uint16_t)((*ctl & ~mask) | (value & mask));
    apply(m);
    clock_check(m);
}

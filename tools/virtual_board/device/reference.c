#include "reference.h"

#include "machine.h"

enum { REFCTL0 = 0 };
enum { REFON = 0x0001, REFVSEL = 0x0030, REFGENACT = 0x0100, REFBGACT = 0x0200, REFGENRDY = 0x1000, REFBGRDY = 0x2000 };

#define SETTLE_PS UINT64_C(40000000) /* SLASE54D, tSETTLE, typical; recalled */

static bool has_settled(const struct machine *m)
{
    return reference_on(m) && clock_now(m) >= m->reference.ready_ps;
}

bool reference_on(const struct machine *m)
{
    return (m->reference.ctl0 & REFON) != 0;
}

unsigned reference_millivolts(const struct machine *m)
{
    static const unsigned millivolts[4] = {1200, 2000, 2500, 2500};
    return has_settled(m) ? millivolts[(m->reference.ctl0 & REFVSEL) >> 4] : 0;
}

void reference_reset(struct machine *m)
{
    m->reference.ctl0 = 0;
    m->reference.ready_ps = NEVER;
}

uint16_t reference_read(struct machine *m, uint32_t offset)
{
    unsigned value = m->reference.ctl0;
    if (offset != REFCTL0)
        return 0;
    if (reference_on(m))
        value |= REFGENACT | REFBGACT;
    if (has_settled(m))
        value |= REFGENRDY | REFBGRDY;
    return (uint16_t)value;
}

void reference_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask)
{
    struct reference *r = &m->reference;
    uint16_t wanted = (uint16_t)((r->ctl0 & ~mask) | (value & mask));
    if (offset != REFCTL0)
        return;
    wanted &= (uint16_t)~(REFGENACT | REFBGACT | REFGENRDY | REFBGRDY); /* a mask of them is written back by OR */
    if (wanted & ~(REFON | REFVSEL))
        stop(m, "unsimulated", "REFCTL0 = 0x%04x: of the reference only REFON and REFVSEL are simulated", wanted);
    if (m->adc.busy && wanted != r->ctl0)
        stop(m, "unsimulated", "the reference was changed while the converter uses it");
    if (wanted != r->ctl0)
        r->ready_ps = clock_now(m) + SETTLE_PS;
    r->ctl0 = wanted;
    energy_update(m);
}

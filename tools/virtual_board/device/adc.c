#include "adc.h"

#include <math.h>

#include "machine.h"

enum { CTL0 = 0x00, CTL1 = 0x02, CTL2 = 0x04, CTL3 = 0x06, IFGR0 = 0x0C, MCTL0 = 0x20, MEM0 = 0x60 };
enum { SC = 0x0001, ENC = 0x0002, ON = 0x0010, SHT0 = 0x0F00 };
enum { BUSY = 0x0001, DIV = 0x00E0, SHP = 0x0200, PDIV = 0x6000 };
enum { RES_12_BITS = 0x0020, BATMAP = 0x0040, TO_REFERENCE = 0x0100, CHANNEL_31 = 0x001F };

#define OSCILLATOR_PS UINT64_C(208333) /* MODOSC: 4.8 MHz, typical */
#define CONVERSION_CLOCKS 14u          /* of 12 bits */
#define SAMPLE_PS UINT64_C(1700000)    /* the least for half of AVCC */
#define FULL_SCALE 4095.0

static uint64_t clock_ps(const struct adc *a)
{
    static const unsigned before[4] = {1, 4, 32, 64};
    return OSCILLATOR_PS * before[(a->ctl1 & PDIV) >> 13] * (((a->ctl1 & DIV) >> 5) + 1u);
}

static unsigned sample_clocks(const struct adc *a)
{
    static const unsigned clocks[16] = {4, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512};
    return clocks[(a->ctl0 & SHT0) >> 8];
}

/* Half of the supply against the reference. The user guide's formula counts 4096 steps and half of one: at most one
 * more than the 4095 of the published one, and silicon is off by more than that.
 */
static uint16_t code_now(struct machine *m)
{
    double volts = m->supply.present ? supply_volts(m) : (double)m->energy.millivolts * 1e-3;
    double code = floor(FULL_SCALE * 0.5 * volts / ((double)reference_millivolts(m) * 1e-3) + 0.5);
    return (uint16_t)(code < FULL_SCALE ? code : FULL_SCALE);
}

static void end(struct machine *m)
{
    m->adc.busy = m->adc.held = false;
    m->adc.due_ps = NEVER;
    energy_update(m);
}

void adc_reset(struct machine *m)
{
    struct adc *a = &m->adc;
    a->ctl0 = a->ctl1 = a->ctl3 = a->mctl0 = a->ifg = 0;
    a->ctl2 = RES_12_BITS;
    a->busy = a->held = false;
    a->due_ps = NEVER;
}

static void check(struct machine *m)
{
    const struct adc *a = &m->adc;
    if (!(a->ctl0 & ON))
        stop(m, "unsimulated", "a conversion while ADC12ON is 0");
    if ((a->ctl1 & ~(DIV | PDIV)) != SHP || a->ctl2 != RES_12_BITS)
        stop(m, "unsimulated",
             "ADC12CTL1 = 0x%04x, ADC12CTL2 = 0x%04x: only 12-bit single conversions with ADC12SHP, ADC12OSC and "
             "ADC12SC "
             "are simulated",
             a->ctl1, a->ctl2);
    if (a->ctl3 != BATMAP || a->mctl0 != (TO_REFERENCE | CHANNEL_31))
        stop(m, "unsimulated",
             "ADC12CTL3 = 0x%04x, ADC12MCTL0 = 0x%04x: only channel 31 with ADC12BATMAP against the reference "
             "(ADC12VRSEL_1) "
             "is simulated",
             a->ctl3, a->mctl0);
    if (reference_millivolts(m) == 0)
        stop(m, "unsimulated", "a conversion against a reference that is off or has not settled (REFGENRDY)");
    if (sample_clocks(a) * clock_ps(a) < SAMPLE_PS)
        stop(m, "unsimulated", "half of AVCC has to be sampled for 1.7 us: take a longer ADC12SHT0");
}

static void write_control(struct machine *m, uint16_t value)
{
    struct adc *a = &m->adc;
    bool enabled = (a->ctl0 & value & ENC) != 0;
    if (enabled && (value ^ a->ctl0) & ~SC)
        stop(m, "unsimulated", "ADC12CTL0 was changed while ADC12ENC is 1");
    a->ctl0 = value & (uint16_t)~SC; /* it clears itself */
    if (!(value & ENC) && a->busy)
        end(m); /* the conversion is lost */
    if ((value & (ENC | SC)) == (ENC | SC) && !a->busy) {
        check(m);
        a->busy = true;
        a->due_ps = clock_now(m) + sample_clocks(a) * clock_ps(a);
        energy_update(m);
    }
}

uint16_t adc_read(struct machine *m, uint32_t offset)
{
    struct adc *a = &m->adc;
    switch (offset) {
    case CTL0:
        return a->ctl0;
    case CTL1:
        return (uint16_t)(a->ctl1 | (a->busy ? BUSY : 0));
    case CTL2:
        return a->ctl2;
    case CTL3:
        return a->ctl3;
    case IFGR0:
        return a->ifg;
    case MCTL0:
        return a->mctl0;
    case MEM0:
        a->ifg = 0;
        return a->mem0;
    default:
        return 0;
    }
}

void adc_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask)
{
    struct adc *a = &m->adc;
    uint16_t *target = offset == CTL1    ? &a->ctl1
                       : offset == CTL2  ? &a->ctl2
                       : offset == CTL3  ? &a->ctl3
                       : offset == MCTL0 ? &a->mctl0
                                         : 0;
    if (offset == CTL0) {
        write_control(m, (uint16_t)((a->ctl0 & ~mask) | (value & mask)));
    } else if (offset == IFGR0) {
        a->ifg &= (uint16_t)(value | ~mask);
    } else if (target == 0) {
        if (value & mask)
            stop(m, "unsimulated", "the register of ADC12_B at 0x%03x is not simulated", (unsigned)(ADC_BASE + offset));
    } else {
        if (a->ctl0 & ENC)
            stop(m, "unsimulated", "ADC12_B was set up anew while ADC12ENC is 1");
        *target = (uint16_t)((*target & ~mask) | (value & mask));
    }
}

uint64_t adc_due(const struct machine *m)
{
    return m->adc.due_ps;
}

void adc_event(struct machine *m)
{
    struct adc *a = &m->adc;
    if (!a->held) {
        a->held = true;
        a->converted = code_now(m);
        a->due_ps += CONVERSION_CLOCKS * clock_ps(a);
        return;
    }
    a->mem0 = a->converted;
    a->ifg = 1;
    end(m);
}

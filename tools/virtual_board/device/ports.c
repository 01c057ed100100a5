/* SLAU367 chapter "Digital I/O". Until LOCKLPM5 is cleared the pins are inputs without pull, whatever is written. */

#include "ports.h"

#include "io.h"
#include "machine.h"

enum { IN = 0x00, OUT = 0x02, DIR = 0x04, REN = 0x06, SEL0 = 0x0A, SEL1 = 0x0C, IV_ODD = 0x0E };
enum { SELC = 0x16, IES = 0x18, IE = 0x1A, IFG = 0x1C, IV_EVEN = 0x1E };

static bool locked(const struct machine *m)
{
    return (m->power.pm5ctl0 & LOCKLPM5) != 0;
}

void ports_reset(struct machine *m)
{
    static const struct pair off;
    for (unsigned i = 0; i < PAIRS; i++)
        m->ports.pair[i] = off;
}

bool pin_has_function(const struct machine *m, unsigned port, unsigned pin, unsigned function)
{
    const struct pair *p = &m->ports.pair[(port - 1u) / 2u];
    unsigned bit = pin + (port & 1u ? 0u : 8u);
    return !locked(m) && ((unsigned)(p->sel0 >> bit & 1u) | (unsigned)(p->sel1 >> bit & 1u) << 1) == function;
}

/* An output shows its own level, an input its pull resistor; what floats reads as zero. */
static uint16_t levels(const struct machine *m, const struct pair *p)
{
    return locked(m) ? 0 : (uint16_t)(p->out & (p->dir | p->ren));
}

static void update(struct machine *m, unsigned pair)
{
    const struct pair *p = &m->ports.pair[pair];
    if (pair == PORT_PJ)
        return;
    for (unsigned half = 0; half < 2u; half++) {
        unsigned vector = m->ports.vectors[2u * pair + half];
        if (vector != 0)
            interrupt(m, vector, ((p->ie & p->ifg) >> (8u * half) & 0xFFu) != 0);
    }
}

/* A pin whose level changes sets its flag where the edge is the selected one. */
static void edges(struct pair *p, uint16_t before, uint16_t after)
{
    p->ifg |= (uint16_t)((before & ~after & p->ies) | (~before & after & ~p->ies));
}

/* Reading gives the lowest pin's number and clears its flag. */
static uint16_t interrupt_vector(struct machine *m, unsigned pair, unsigned half)
{
    struct pair *p = &m->ports.pair[pair];
    for (unsigned pin = 0; pin < 8u; pin++) {
        uint16_t bit = (uint16_t)(1u << (pin + 8u * half));
        if (p->ie & p->ifg & bit) {
            p->ifg &= (uint16_t)~bit;
            update(m, pair);
            return (uint16_t)(2u * pin + 2u);
        }
    }
    return 0;
}

static uint16_t *stored(struct pair *p, uint32_t offset)
{
    switch (offset) {
    case OUT:
        return &p->out;
    case DIR:
        return &p->dir;
    case REN:
        return &p->ren;
    case SEL0:
        return &p->sel0;
    case SEL1:
        return &p->sel1;
    case IES:
        return &p->ies;
    case IE:
        return &p->ie;
    case IFG:
        return &p->ifg;
    default:
        return 0;
    }
}

uint16_t port_read(struct machine *m, unsigned pair, uint32_t offset, uint16_t mask)
{
    struct pair *p = &m->ports.pair[pair];
    const uint16_t *target = stored(p, offset);
    (void)mask;
    if (offset == IN)
        return levels(m, p);
    if (offset == IV_ODD || offset == IV_EVEN)
        return interrupt_vector(m, pair, offset == IV_EVEN);
    return target != 0 ? *target : 0;
}

void port_write(struct machine *m, unsigned pair, uint32_t offset, uint16_t value, uint16_t mask)
{
    struct pair *p = &m->ports.pair[pair];
    uint16_t *target = stored(p, offset), before = levels(m, p);
    if (offset == SELC) { /* flips both selections at once */
        p->sel0 ^= value & mask;
        p->sel1 ^= value & mask;
    }
    if (target == 0)
        return;
    *target = (uint16_t)((*target & ~mask) | (value & mask));
    edges(p, before, levels(m, p));
    update(m, pair);
}

/* The accelerator's registers: TI's header msp430fr5994.h and SLAU853. What they leave open is marked. */

#include "io.h"
#include "lea.h"
#include "machine.h"

enum {
    CAP = 0x00,
    CNF0 = 0x04,
    CNF1 = 0x08,
    CNF2 = 0x0C,
    MB = 0x10,
    MT = 0x14,
    CMA = 0x18,
    CMCTL = 0x1C,
    CMDSTAT = 0x28,
    DSTSTAT = 0x34,
    PMCTL = 0x40,
    PMDST = 0x44,
    PMS1 = 0x48,
    PMS0 = 0x4C,
    PMCB = 0x50,
    IFGSET = 0x70,
    IE = 0x74,
    IFG = 0x78,
    IV = 0x7C
};
enum { SWRST = 0x0001, FTHOLD = 0x0002, CNF0_BITS = SWRST | FTHOLD | LEALPR | LEAILPM };
enum { BUSY = 0x0001, MODE_READY = 0x0010, MODE_RUN = 0x0040 };
enum { CODE_RAM_1KB = 0x0001 };

/* Reading takes the flag with the highest priority away. */
static uint16_t interrupt_vector(struct machine *m)
{
    uint16_t pending = m->lea.ifg & m->lea.ie;
    for (unsigned bit = 0; bit < 5u; bit++) {
        if (pending >> bit & 1u) {
            m->lea.ifg &= (uint16_t)~(1u << bit);
            lea_update(m);
            return (uint16_t)(2u * (bit + 1u));
        }
    }
    return 0;
}

static uint32_t configuration1(const struct lea *u)
{
    return (uint32_t)u->faults << 16 | (u->busy ? MODE_RUN | BUSY : MODE_READY);
}

static uint32_t content(struct machine *m, uint32_t offset)
{
    const struct lea *u = &m->lea;
    if (offset == CNF0)
        return u->cnf0;
    if (u->cnf0 & SWRST)
        return 0;
    if (offset >= CMDSTAT && offset <= DSTSTAT)
        return u->status[(offset - CMDSTAT) / 4u];
    return offset == CAP                       ? CODE_RAM_1KB /* assumed: DSPLib loads code into it */
           : offset == CNF1                    ? configuration1(u)
           : offset == CNF2                    ? u->stack
           : offset == MB                      ? u->low
           : offset == MT                      ? u->high
           : offset == CMCTL                   ? u->cmctl
           : offset == PMCTL                   ? u->pmctl
           : offset == PMDST                   ? u->destination
           : offset == PMS1                    ? u->source1
           : offset == PMS0                    ? u->source0
           : offset == PMCB                    ? u->command
           : offset == IE                      ? u->ie
           : offset == IFG || offset == IFGSET ? u->ifg
                                               : 0;
}

uint16_t lea_read(struct machine *m, uint32_t offset)
{
    lea_synchronize(m);
    if (offset == IV && !(m->lea.cnf0 & SWRST))
        return interrupt_vector(m);
    return (uint16_t)(content(m, offset & ~3u) >> (offset & 2u ? 16u : 0u));
}

static void write_configuration(struct machine *m, uint16_t value, uint16_t mask, bool upper)
{
    struct lea *u = &m->lea;
    if ((value & mask) & (upper ? 0xFFFFu : (uint16_t)~CNF0_BITS))
        stop(m, "unsimulated", "the LEA's timer, its fault requests and LEAILB in LEACNF0 are not simulated");
    if (upper)
        return;
    u->cnf0 = (uint16_t)((u->cnf0 & ~mask) | (value & mask));
    if (u->cnf0 & SWRST) {
        lea_stop(m);
        lea_clear(u);
    }
}

static void set_half(uint32_t *target, bool upper, uint16_t value, uint16_t mask)
{
    uint32_t shift = upper ? 16u : 0u;
    *target = (*target & ~((uint32_t)mask << shift)) | (uint32_t)(value & mask) << shift;
}

static void write_register(struct machine *m, uint32_t reg, bool upper, uint16_t value, uint16_t mask)
{
    struct lea *u = &m->lea;
    uint16_t ones = upper ? 0 : value & mask & LEA_FLAGS;
    if (reg == CNF1 && upper)
        u->faults &= (uint16_t)~(value & mask);
    else if (reg == CNF2)
        set_half(&u->stack, upper, value, mask);
    else if (reg == CMCTL && !upper)
        u->cmctl = (uint16_t)((u->cmctl & ~mask) | (value & mask));
    else if (reg == CMA && (u->cmctl & LEACMAE))
        stop(m, "unsimulated", "code of one's own in the LEA's code memory is not simulated");
    else if (reg == PMCTL && !upper)
        u->pmctl = (uint16_t)(((u->pmctl & ~mask) | (value & mask)) & LEACMDEN);
    else if (reg == PMDST)
        set_half(&u->destination, upper, value, mask);
    else if (reg == PMS1)
        set_half(&u->source1, upper, value, mask);
    else if (reg == PMS0)
        set_half(&u->source0, upper, value, mask);
    else if (reg == PMCB)
        set_half(&u->command, upper, value, mask);
    else if (reg == IFGSET)
        u->ifg |= ones;
    else if (reg == IFG)
        u->ifg &= (uint16_t)~ones;
    else if (reg == IE && !upper)
        u->ie = (uint16_t)(((u->ie & ~mask) | (value & mask)) & LEA_FLAGS);
    else if (reg == IV)
        u->ifg = 0;
}

/* The processor writes 32-bit registers in halves; a command starts with its lower one. Assumed: only with that. */
void lea_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask)
{
    uint32_t reg = offset & ~3u;
    bool upper = (offset & 2u) != 0;
    lea_synchronize(m);
    if (reg == CNF0)
        write_configuration(m, value, mask, upper);
    else if (!(m->lea.cnf0 & SWRST))
        write_register(m, reg, upper, value, mask);
    if (reg == PMCB && !upper && !(m->lea.cnf0 & SWRST))
        lea_command(m);
    lea_update(m);
}

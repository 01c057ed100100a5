#include "power.h"

#include "io.h"
#include "machine.h"

enum { PMMCTL0 = 0x0, PMMIFG = 0xA, PM5CTL0 = 0x10 };
enum { PMMSWBOR = 0x04, PMMSWPOR = 0x08 };
enum { PMMBORIFG = 0x0100, PMMPORIFG = 0x0400 };
enum { IE1 = 0, IFG1 = 2 };
enum { SYSCTL = 0, SYSRSTIV = 0x1E };

static bool brown_out(unsigned cause)
{
    return cause == CAUSE_BOR || cause == CAUSE_SOFTWARE_BOR;
}

void power_reset(struct machine *m, unsigned cause)
{
    struct power *p = &m->power;
    p->unlocked = false;
    p->pmmctl0 = 0x0040;
    p->ie1 = 0;
    if (cause == CAUSE_BOR) {
        p->causes = 0;
        p->pmmifg = 0;
        p->ifg1 = 0;
    }
    if (brown_out(cause))
        p->pm5ctl0 = LOCKLPM5;
    if (cause == CAUSE_SOFTWARE_BOR)
        p->pmmifg |= PMMBORIFG;
    if (cause == CAUSE_SOFTWARE_POR)
        p->pmmifg |= PMMPORIFG;
    if (cause == CAUSE_WDT_TIMEOUT || cause == CAUSE_WDT_PASSWORD)
        p->ifg1 |= WDTIFG;
    p->causes |= UINT32_C(1) << (cause >> 1);
}

uint16_t pmm_read(struct machine *m, uint32_t offset)
{
    const struct power *p = &m->power;
    return offset == PMMCTL0   ? (uint16_t)(0x9600u | p->pmmctl0)
           : offset == PMMIFG  ? p->pmmifg
           : offset == PM5CTL0 ? p->pm5ctl0
                               : 0;
}

void pmm_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask)
{
    struct power *p = &m->power;
    if (offset == PM5CTL0) { /* no password; once cleared it stays cleared until the next brown-out */
        if ((mask & LOCKLPM5) && !(value & LOCKLPM5))
            p->pm5ctl0 = 0;
        return;
    }
    if (offset == PMMCTL0 && (mask & 0xFF00u)) {
        p->unlocked = (value & 0xFF00u) == 0xA500u;
        if (!p->unlocked && mask == 0xFFFFu)
            io_reset(m, CAUSE_PMM_PASSWORD);
    }
    if (!p->unlocked)
        return;
    if (offset == PMMIFG)
        p->pmmifg = (uint16_t)((p->pmmifg & ~mask) | (value & mask));
    if (offset != PMMCTL0 || !(mask & 0x00FFu))
        return;
    if (value & PMMSWBOR)
        io_reset(m, CAUSE_SOFTWARE_BOR);
    if (value & PMMSWPOR)
        io_reset(m, CAUSE_SOFTWARE_POR);
    p->pmmctl0 = value & 0x00F0u;
}

uint16_t sfr_read(struct machine *m, uint32_t offset)
{
    return offset == IE1 ? m->power.ie1 : offset == IFG1 ? m->power.ifg1 : 0;
}

void sfr_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask)
{
    uint16_t *target = offset == IE1 ? &m->power.ie1 : &m->power.ifg1;
    if (offset > IFG1)
        return;
    *target = (uint16_t)((*target & ~mask) | (value & mask));
    watchdog_interrupt(m);
}

uint16_t sys_read(struct machine *m, uint32_t offset)
{
    struct power *p = &m->power;
    if (offset == SYSCTL)
        return p->sysctl;
    if (offset != SYSRSTIV)
        return 0;
    for (unsigned bit = 1; bit < 32u;
         bit++) { /* the lowest number has the highest priority, and is cleared by reading */
        if (p->causes >> bit & 1u) {
            p->causes &= ~(UINT32_C(1) << bit);
            return (uint16_t)(bit << 1);
        }
    }
    return 0;
}

void sys_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask)
{
    if (offset == SYSCTL)
        m->power.sysctl = (uint16_t)((m->power.sysctl & ~mask) | (value & mask));
    if (offset == SYSRSTIV)
        m->power.causes = 0;
}

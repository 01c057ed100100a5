/* The clock system CS and the virtual time it gives. */

#ifndef CLOCK_H
#define CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

struct clock {
    bool unlocked;
    uint16_t ctl[7];                     /* CSCTL0..6 */
    uint64_t mclk_ps, smclk_ps, aclk_ps; /* periods in picoseconds */
    uint64_t base_ps, base_cycles;       /* when the periods were last set */
    uint64_t sleep_ps;                   /* time in low-power modes */
};

void clock_reset(struct machine *m);
uint16_t clock_read(struct machine *m, uint32_t offset);
void clock_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask);

/* Virtual time since the first power-up, in picoseconds. */
uint64_t clock_now(const struct machine *m);

/* The first cycle of MCLK at or after a time. */
uint64_t clock_cycle_at(const struct machine *m, uint64_t ps);

/* Time passes without MCLK. */
void clock_sleep(struct machine *m, uint64_t ps);

/* Time passes without power. */
void clock_skip(struct machine *m, uint64_t ps);

/* Stops the run where FRAM is clocked faster than its wait states allow. */
void clock_check(struct machine *m);

#endif

/* The watchdog WDT_A. */

#ifndef WATCHDOG_H
#define WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

struct watchdog {
    uint16_t ctl;
    uint64_t count; /* ticks counted up to since_ps */
    uint64_t since_ps;
    unsigned vector;
};

void watchdog_reset(struct machine *m);
uint16_t watchdog_read(struct machine *m, uint32_t offset);
void watchdog_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask);

/* Counts what has passed; after it the clocks may change. */
void watchdog_synchronize(struct machine *m);

/* When it expires next, in picoseconds. */
uint64_t watchdog_due(const struct machine *m);
void watchdog_event(struct machine *m);

/* Flag and enable have changed. */
void watchdog_interrupt(struct machine *m);
void watchdog_accepted(struct machine *m);

#endif

/* The FRAM controller FRCTL_A: password, wait states, and write protection where the device has it. */

#ifndef CONTROLLER_H
#define CONTROLLER_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

struct controller {
    bool unlocked;
    bool protects, protecting; /* whether it can keep FRAM from being written, and does */
    uint16_t ctl0, gcctl0, gcctl1;
};

/* Whether FRAM may be written; where not, that is noted. */
bool controller_allows(struct machine *m);

void controller_reset(struct machine *m);
uint16_t controller_read(struct machine *m, uint32_t offset);
void controller_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask);

#endif

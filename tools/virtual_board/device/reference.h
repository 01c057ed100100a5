/* The voltage reference REF_A: 1.2, 2.0 or 2.5 V for the converter. Registers and bits as in SLAU367, recalled. */

#ifndef REFERENCE_H
#define REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

struct reference {
    uint16_t ctl0; /* what was written */
    uint64_t ready_ps;
};

void reference_reset(struct machine *m);
uint16_t reference_read(struct machine *m, uint32_t offset);
void reference_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask);

bool reference_on(const struct machine *m);

/* In millivolts; 0 where it is off or has not settled yet. */
unsigned reference_millivolts(const struct machine *m);

#endif

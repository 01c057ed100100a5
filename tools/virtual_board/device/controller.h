/* The FRAM controller FRCTL_A: password and wait states. */

#ifndef CONTROLLER_H
#define CONTROLLER_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

struct controller {
    bool unlocked;
    uint16_t ctl0, gcctl0, gcctl1;
};

void controller_reset(struct machine *m);
uint16_t controller_read(struct machine *m, uint32_t offset);
void controller_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask);

#endif

/* Digital I/O: ports P1 to P8 as the pairs PA to PD, and PJ. */

#ifndef PORTS_H
#define PORTS_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

enum { PAIRS = 5, PORT_PJ = 4 };

/* A pair of ports, the odd one in the low byte. */
struct pair {
    uint16_t out, dir, ren, sel0, sel1, ies, ie, ifg;
};

struct ports {
    struct pair pair[PAIRS];
    uint8_t vectors[8]; /* of P1 to P8, 0 where there is none */
};

void ports_reset(struct machine *m);
uint16_t port_read(struct machine *m, unsigned pair, uint32_t offset, uint16_t mask);
void port_write(struct machine *m, unsigned pair, uint32_t offset, uint16_t value, uint16_t mask);

/* Whether a pin is given to its primary (1), secondary (2) or tertiary (3) module, and the pins are unlocked.
 * Ports count from 1. */
bool pin_has_function(const struct machine *m, unsigned port, unsigned pin, unsigned function);

#endif
